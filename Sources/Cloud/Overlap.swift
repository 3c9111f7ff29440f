import Foundation
import Kit
import Subprocess

/// Looks whether another cloud, or anything else on this machine, already has what this cloud is about to take.
struct Overlap {
  let settings: CloudSettings
  /// The ports that are about to be taken; nil is the first control's alone.
  var ports: [Int]?

  private struct Link: Decodable {
    struct Address: Decodable {
      var family: String
      var local: String?
      var prefixlen: Int
    }
    var ifname: String
    var addr_info: [Address]
  }

  /// Throws `CloudProblem` for the first thing that is in the way. A new cloud must find no interface with its tag:
  /// it would be another cloud's whose id begins alike.
  func refuse(newCloud: Bool) async throws {
    guard let external = CIDR(settings.externalCIDR) else { return }
    let prefix = settings.tag.interfacePrefix
    let links = try await Self.links()
    if newCloud, let link = links.first(where: { $0.ifname.hasPrefix(prefix) }) {
      throw CloudProblem("Interface \(link.ifname) carries the tag of this new cloud. Run the command once more.")
    }
    for link in links where !link.ifname.hasPrefix(prefix) {
      for address in link.addr_info {
        guard let local = address.local.flatMap({ IPAddress($0) }) else { continue }
        if external.overlaps(CIDR(containing: local, prefix: address.prefixlen)) {
          throw CloudProblem(
            "The external network \(external) overlaps \(local)/\(address.prefixlen) on interface \(link.ifname). "
              + "Choose another block with --external-cidr.")
        }
      }
    }
    for port in ports ?? [settings.port] where !Self.isFree(host: settings.host, port: port) {
      throw CloudProblem(
        "Something else listens on \(settings.host):\(port). Choose another with --listen ADDR:PORT.")
    }
  }

  private static func links() async throws -> [Link] {
    let result = try await Subprocess.run(
      .name("ip"), arguments: ["-j", "address", "show"], output: .data(limit: 4 << 20), error: .discarded)
    guard result.terminationStatus.isSuccess else { throw CloudProblem("`ip address show` failed.") }
    return try JSONDecoder().decode([Link].self, from: result.standardOutput)
  }

  /// Whether the port can be bound now.
  private static func isFree(host: String, port: Int) -> Bool {
    guard let address = IPAddress(host) else { return false }
    let listener = socket(address.version == 4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard listener >= 0 else { return false }
    defer { close(listener) }
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    let port = in_port_t(truncatingIfNeeded: port).bigEndian
    if address.version == 4 {
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port
      name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.bits).bigEndian
      return withUnsafeBytes(of: &name) { Self.bind(listener, $0) }
    }
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port
    withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
    return withUnsafeBytes(of: &name) { Self.bind(listener, $0) }
  }

  private static func bind(_ listener: Int32, _ name: UnsafeRawBufferPointer) -> Bool {
    guard let base = name.bindMemory(to: sockaddr.self).baseAddress else { return false }
    return Glibc.bind(listener, base, socklen_t(name.count)) == 0
  }
}
