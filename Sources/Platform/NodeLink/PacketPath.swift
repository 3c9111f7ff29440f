/// The way of a port's packets through its host, hop by hop, as it is now.
public struct PacketPath: Sendable, Codable, Hashable {
  /// One thing that a packet passes.
  public struct Hop: Sendable, Codable, Hashable {
    /// What it is, in Linux' words: `tap`, `bridge`, `anti-spoofing`, `security group`, `dhcp`, `metadata`, `router`,
    /// `floating ip`, `external bridge`.
    public var kind: String
    /// Its name on the host: a device, chain or namespace.
    public var name: String
    /// What is seen there, in a line.
    public var state: String
    /// Whether packets can pass.
    public var passes: Bool
    public var packets: Int64?
    public var bytes: Int64?
    /// Packets dropped here, with the reason each: `source MAC: 12`.
    public var drops: [String]

    public init(
      kind: String, name: String, state: String, passes: Bool, packets: Int64? = nil, bytes: Int64? = nil,
      drops: [String] = []
    ) {
      self.kind = kind
      self.name = name
      self.state = state
      self.passes = passes
      self.packets = packets
      self.bytes = bytes
      self.drops = drops
    }
  }
  /// From the guest outwards.
  public var hops: [Hop]

  public init(hops: [Hop]) { self.hops = hops }
}
