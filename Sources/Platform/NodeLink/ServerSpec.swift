/// A server as a node should hold it.
public struct ServerSpec: Sendable, Codable, Hashable {
  public enum Power: String, Sendable, Codable { case running, stopped }

  /// The base image's bytes, held once per host under their digest.
  public struct BaseImage: Sendable, Codable, Hashable {
    /// SHA-256 of the bytes, in hex.
    public var digest: String
    /// `qcow2` or `raw`: what the image service's own inspector found, never what a tool guesses.
    public var format: String
    /// Length of the stored bytes.
    public var sizeBytes: Int64
    /// Size of the disk inside, in bytes.
    public var virtualSizeBytes: Int64

    public init(digest: String, format: String, sizeBytes: Int64, virtualSizeBytes: Int64) {
      self.digest = digest
      self.format = format
      self.sizeBytes = sizeBytes
      self.virtualSizeBytes = virtualSizeBytes
    }
  }

  /// A root disk: an overlay on a base. It is made exactly once; a new id means a new disk (rebuild).
  public struct RootDisk: Sendable, Codable, Hashable {
    public var id: String
    public var sizeBytes: Int64
    public var base: BaseImage
    /// Whether the node has reported this disk as made. When it is true and the file is missing, data is lost:
    /// the node reports `DataMissing` and makes nothing in its place.
    public var made: Bool

    public init(id: String, sizeBytes: Int64, base: BaseImage, made: Bool) {
      self.id = id
      self.sizeBytes = sizeBytes
      self.base = base
      self.made = made
    }
  }

  /// A network card. Order, MAC and PCI slot belong to the guest and never change.
  public struct NIC: Sendable, Codable, Hashable {
    public var portID: String
    public var networkID: String
    public var mac: String
    /// The slots that cards may sit in; the others are the machine's and its disks'.
    public static let slots = 3...15

    /// PCI slot number on bus 0, one of `slots`, given at first attach.
    public var slot: Int
    /// MTU of the network, in bytes.
    public var mtu: Int

    public init(portID: String, networkID: String, mac: String, slot: Int, mtu: Int) {
      self.portID = portID
      self.networkID = networkID
      self.mac = mac
      self.slot = slot
      self.mtu = mtu
    }
  }

  /// What the guest may learn of itself, ready to be served or written on a config drive.
  public struct Metadata: Sendable, Codable, Hashable {
    /// `meta_data.json`, `network_data.json`, `vendor_data.json` as JSON text.
    public var metaData: String
    public var networkData: String
    public var vendorData: String
    /// The user data's bytes in base64; nil where none was given.
    public var userDataBase64: String?
    /// EC2 documents: path below `/latest/meta-data/` → body.
    public var ec2: [String: String]

    public init(
      metaData: String, networkData: String, vendorData: String, userDataBase64: String?, ec2: [String: String]
    ) {
      self.metaData = metaData
      self.networkData = networkData
      self.vendorData = vendorData
      self.userDataBase64 = userDataBase64
      self.ec2 = ec2
    }
  }

  /// An action that is no level: done once, journaled by the node as begun and done.
  public struct Operation: Sendable, Codable, Hashable {
    public enum Action: String, Sendable, Codable {
      /// ACPI reboot, and a hard one where the guest does not obey within `timeoutSeconds`.
      case softReboot = "soft_reboot"
    }
    public var id: String
    public var action: Action
    public var timeoutSeconds: Int

    public init(id: String, action: Action, timeoutSeconds: Int) {
      self.id = id
      self.action = action
      self.timeoutSeconds = timeoutSeconds
    }
  }

  public var id: String
  public var projectID: String
  public var name: String
  public var vcpus: Int
  public var memoryMiB: Int
  public var power: Power
  /// Raised by one for each hard reboot; the domain carries the one it was booted with.
  public var bootEpoch: Int
  /// How long a guest may take to obey ACPI when it is asked to stop, in seconds.
  public var shutdownTimeoutSeconds: Int
  public var rootDisk: RootDisk
  /// In the guest's order.
  public var nics: [NIC]
  public var configDrive: Bool
  public var metadata: Metadata
  /// The operation in hand, if there is one.
  public var operation: Operation?

  public init(
    id: String, projectID: String, name: String, vcpus: Int, memoryMiB: Int, power: Power, bootEpoch: Int,
    shutdownTimeoutSeconds: Int, rootDisk: RootDisk, nics: [NIC], configDrive: Bool, metadata: Metadata,
    operation: Operation?
  ) {
    self.id = id
    self.projectID = projectID
    self.name = name
    self.vcpus = vcpus
    self.memoryMiB = memoryMiB
    self.power = power
    self.bootEpoch = bootEpoch
    self.shutdownTimeoutSeconds = shutdownTimeoutSeconds
    self.rootDisk = rootDisk
    self.nics = nics
    self.configDrive = configDrive
    self.metadata = metadata
    self.operation = operation
  }
}
