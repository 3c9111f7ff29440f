import CLinux
import Foundation
import Kit

/// What is in one network namespace: devices, addresses, routes. Read on the namespace thread, inside it.
struct NamespaceView: Sendable {
  struct Device: Sendable {
    var up: Bool
    var mtu: Int
    var mac: MACAddress?
    var addresses: Set<InterfaceAddress> = []
  }
  private(set) var devices: [String: Device] = [:]
  /// Which namespace it is: one made anew under the same name is another.
  private(set) var inode: UInt64 = 0
  /// Routes that go through a gateway.
  private(set) var routes: Set<Route> = []

  /// Reads the calling thread's namespace.
  static func read() -> NamespaceView {
    var view = NamespaceView()
    var facts = clinux_path_facts()
    if clinux_path_facts("/proc/thread-self/ns/net", &facts) == 0 { view.inode = facts.inode }
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return view }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next {
      view.add(entry.pointee)
      next = entry.pointee.ifa_next
    }
    view.readRoutes()
    return view
  }

  private mutating func add(_ entry: ifaddrs) {
    let name = String(cString: entry.ifa_name)
    let up = entry.ifa_flags & UInt32(IFF_UP) != 0
    var device = devices[name] ?? Device(up: up, mtu: Int(clinux_mtu(name)), mac: nil)
    if let address = entry.ifa_addr {
      switch Int32(address.pointee.sa_family) {
      case AF_PACKET: device.mac = Self.mac(address)
      case AF_INET, AF_INET6:
        if let text = Self.ip(address), let mask = entry.ifa_netmask, let bits = Self.ip(mask) {
          device.addresses.insert(InterfaceAddress(text, prefix: bits.bits.nonzeroBitCount))
        }
      default: break
      }
    }
    devices[name] = device
  }

  private static func mac(_ address: UnsafeMutablePointer<sockaddr>) -> MACAddress? {
    address.withMemoryRebound(to: sockaddr_ll.self, capacity: 1) { link in
      guard link.pointee.sll_halen == 6 else { return nil }
      return withUnsafeBytes(of: link.pointee.sll_addr) { bytes in
        MACAddress(bits: bytes.prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      }
    }
  }

  private static func ip(_ address: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        IPAddress(version: 4, bits: UInt128(UInt32(bigEndian: $0.pointee.sin_addr.s_addr)))
      }
    case AF_INET6:
      address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { six in
        withUnsafeBytes(of: six.pointee.sin6_addr) { bytes in
          IPAddress(version: 6, bits: bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
        }
      }
    default: nil
    }
  }

  private mutating func readRoutes() {
    for line in Self.lines("/proc/thread-self/net/route").dropFirst() {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count > 7, let flags = Int(fields[3], radix: 16), flags & 2 != 0,
        let destination = Self.four(fields[1]), let gateway = Self.four(fields[2]), let mask = Self.four(fields[7])
      else { continue }
      let block = CIDR(containing: destination, prefix: mask.bits.nonzeroBitCount)
      routes.insert(Route(destination: block, nexthop: gateway))
    }
    for line in Self.lines("/proc/thread-self/net/ipv6_route") {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard fields.count > 8, let flags = Int(fields[8], radix: 16), flags & 2 != 0,
        let destination = UInt128(fields[0], radix: 16), let prefix = Int(fields[1], radix: 16),
        let gateway = UInt128(fields[4], radix: 16), (0...128).contains(prefix)
      else { continue }
      let block = CIDR(containing: IPAddress(version: 6, bits: destination), prefix: prefix)
      routes.insert(Route(destination: block, nexthop: IPAddress(version: 6, bits: gateway)))
    }
  }

  private static func lines(_ path: String) -> [Substring] {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
  }

  /// The kernel prints IPv4 addresses as the number a little-endian machine reads in memory.
  private static func four(_ text: Substring) -> IPAddress? {
    UInt32(text, radix: 16).map { IPAddress(version: 4, bits: UInt128($0.byteSwapped)) }
  }
}

/// Switches of the calling thread's namespace, under `/proc/sys/net`.
enum Sysctl {
  /// Writes `value` where it is not so already. What it was before, in words, where that was something else.
  @discardableResult
  static func set(_ name: String, _ value: String) -> String? {
    let path = "/proc/sys/net/\(name)"
    let now = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    guard now != value else { return nil }
    try? value.write(toFile: path, atomically: false, encoding: .utf8)
    return now.map { "\(name) = \($0)" }
  }
}
