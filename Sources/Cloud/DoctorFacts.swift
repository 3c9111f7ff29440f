import Kit

/// What was seen of a host and a cloud, gathered before anything is judged. nil is what could not be seen.
struct DoctorFacts: Sendable {
  var isRoot = true
  var virtualization: Virtualization?
  var kernel: [KernelFeature] = []
  /// `net.ipv4.ip_forward` of the host; what the cloud's external network needs where it masquerades.
  var forwards: Bool?
  var flows: (count: Int, max: Int)?
  var disk: Disk?
  var clock: Clock?
  /// Programs that are not found, each with its Debian package.
  var missingTools: [(program: String, package: String)] = []
  /// Users that must be there and are not.
  var missingUsers: [String] = []
  var libvirt: Libvirt?
  var cloud: Cloud?
  var links: [Link]?
  var namespaces: [String]?
  var nftTables: [String]?
  var domains: [String]?
  /// Folders of servers' disks below this cloud's state.
  var diskFolders: [String] = []
  /// Tags of the clouds whose state directories are known on this host.
  var knownTags: Set<String> = []

  struct Virtualization: Sendable {
    /// `vmx` or `svm`; nil where the processor shows neither.
    var processorFlag: String?
    var hasDevice = false
    /// Why `/dev/kvm` could not be opened.
    var deviceProblem: String?
    /// What the node has chosen by a trial boot: `kvm` or `qemu`.
    var chosen: String?
  }

  /// Something the kernel must be able to do, found out by trying it where nobody sees it.
  struct KernelFeature: Sendable {
    var name: String
    /// What the kernel's part is called, for `modprobe`.
    var module: String
    /// nil where it works.
    var problem: String?
  }

  struct Disk: Sendable {
    var path: String
    var bytes: Int64
    var bytesFree: Int64
    var inodes: Int64
    var inodesFree: Int64
    var isReadOnly = false
  }

  struct Clock: Sendable {
    /// Whether something keeps the kernel's clock in step; nil where the kernel does not say.
    var isKept: Bool?
    var now: Timestamp
    /// The newest moment that the cloud has written down, and where.
    var newest: (moment: Timestamp, place: String)?
  }

  struct Libvirt: Sendable {
    /// Why it did not answer.
    var problem: String?
    var version: String?
    var qemuVersion: String?
  }

  /// The cloud of the state directory.
  struct Cloud: Sendable {
    var id: String
    var tag: CloudTag
    var masquerades = false
    /// Processes that are down.
    var down: [ProcessRole] = []
    /// Numbers of the control processes beside the first that are down.
    var otherControlsDown: [Int] = []
    /// Whether each control that runs answers.
    var apiAnswers = true
    var store = Store()
    /// Ids of everything the node's manifest holds; nil where it could not be read.
    var heldIDs: Set<String>?
    var networkMTUs: [String: Int] = [:]
  }

  struct Store: Sendable {
    var problem: String?
    var cloudID: String?
    var epoch: Int64?
    var openDrift = 0
    var quarantined = 0
  }

  struct Link: Sendable {
    var name: String
    var mtu: Int
    /// Whether the host's default route goes through it.
    var isUplink = false
  }
}
