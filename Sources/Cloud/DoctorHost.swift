import CLinux
import Foundation
import Kit

/// Looks at the host for the doctor. It tries things only where nobody sees them: in a network namespace that ends with
/// the try, and in rules that are checked and not loaded.
struct DoctorHost {
  let state: StateDirectory

  private static let tools = [
    ("ip", "iproute2"), ("nft", "nftables"), ("dnsmasq", "dnsmasq-base"), ("radvd", "radvd"),
    ("conntrack", "conntrack"), ("qemu-img", "qemu-utils"), ("qemu-system-x86_64", "qemu-system-x86"),
    ("virsh", "libvirt-clients"), ("libvirtd", "libvirt-daemon-system"), ("setpriv", "util-linux"),
    ("setsid", "util-linux"), ("nsenter", "util-linux"),
  ]

  func look() async -> DoctorFacts {
    var facts = DoctorFacts()
    facts.isRoot = geteuid() == 0
    facts.virtualization = virtualization()
    facts.forwards = Self.number("/proc/sys/net/ipv4/ip_forward").map { $0 != 0 }
    if let count = Self.number("/proc/sys/net/netfilter/nf_conntrack_count"),
      let max = Self.number("/proc/sys/net/netfilter/nf_conntrack_max")
    {
      facts.flows = (count, max)
    }
    facts.disk = Self.disk(nearest: state.path)
    facts.missingTools = Self.tools.filter { !HostCommand.exists($0.0) }.map { (program: $0.0, package: $0.1) }
    facts.missingUsers = [SystemUser.control, SystemUser.qemu].filter { (try? SystemUser(named: $0)) == nil }
    facts.links = await Self.links()
    facts.namespaces = try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")
    if facts.namespaces == nil, !FileManager.default.fileExists(atPath: "/run/netns") { facts.namespaces = [] }
    if facts.isRoot { await lookAsRoot(&facts) }
    let cloud = DoctorCloud(state: state)
    facts.cloud = await cloud.look()
    facts.diskFolders = cloud.diskFolders()
    facts.knownTags = cloud.knownTags()
    facts.clock = clock(await cloud.newest())
    return facts
  }

  private func lookAsRoot(_ facts: inout DoctorFacts) async {
    facts.kernel = await Self.kernel()
    facts.nftTables = await HostCommand.run("nft", ["list", "tables"]).flatMap { output in
      guard output.succeeded else { return nil }
      return output.text.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }
    }
    facts.libvirt = await Self.libvirt()
    if facts.libvirt?.problem == nil {
      facts.domains = await HostCommand.run("virsh", ["-c", "qemu:///system", "list", "--all", "--name"]).flatMap {
        $0.succeeded ? $0.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } : nil
      }
    }
  }

  private func virtualization() -> DoctorFacts.Virtualization {
    var seen = DoctorFacts.Virtualization()
    let flags = (Self.text("/proc/cpuinfo") ?? "").split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    seen.processorFlag = ["vmx", "svm"].first { flags.split(separator: " ").contains(Substring($0)) }
    let device = open("/dev/kvm", O_RDWR | O_CLOEXEC)
    let code = errno
    if device >= 0 { close(device) }
    seen.hasDevice = device >= 0 || code != ENOENT
    if device < 0, code != ENOENT { seen.deviceProblem = String(cString: strerror(code)) }
    seen.chosen =
      Self.text(state.node + "/accelerator.json").flatMap { try? JSONValue(parsing: $0) }?["accelerator"]?
      .string
    return seen
  }

  /// Each is tried: what a kernel says of itself differs from release to release.
  private static func kernel() async -> [DoctorFacts.KernelFeature] {
    let chain = "{ chain probe { type filter hook forward priority 0; "
    let tries: [(String, String, String, [String], String)] = [
      ("network namespaces", "", "unshare", ["--net", "--", "true"], ""),
      ("bridges", "bridge", "unshare", ["--net", "--", "ip", "link", "add", "name", "probe", "type", "bridge"], ""),
      ("veth pairs", "veth", "unshare", ["--net", "--", "ip", "link", "add", "name", "probe", "type", "veth"], ""),
      ("taps", "tun", "unshare", ["--net", "--", "ip", "tuntap", "add", "name", "probe", "mode", "tap"], ""),
      (
        "nft rules on bridges", "nf_tables", "nft", ["-c", "-f", "-"],
        "table bridge haneul_probe \(chain)meta mark set 1; }; }\n"
      ),
      (
        "nft rules with connection tracking", "nf_conntrack", "nft", ["-c", "-f", "-"],
        "table inet haneul_probe \(chain)ct state established accept; }; }\n"
      ),
    ]
    var features: [DoctorFacts.KernelFeature] = []
    for (name, module, program, arguments, input) in tries {
      let output = await HostCommand.run(program, arguments, input: input)
      let problem = output.map { $0.succeeded ? nil : $0.error } ?? "\(program) is missing or does not answer"
      features.append(.init(name: name, module: module, problem: problem))
    }
    return features
  }

  /// The file system that `path` is, or will be, on.
  private static func disk(nearest path: String) -> DoctorFacts.Disk? {
    var place = path
    while !FileManager.default.fileExists(atPath: place), place != "/" {
      place = (place as NSString).deletingLastPathComponent
    }
    var facts = statvfs()
    guard statvfs(place, &facts) == 0 else { return nil }
    let block = Int64(facts.f_frsize)
    return DoctorFacts.Disk(
      path: place, bytes: Int64(facts.f_blocks) * block, bytesFree: Int64(facts.f_bavail) * block,
      inodes: Int64(facts.f_files), inodesFree: Int64(facts.f_favail),
      isReadOnly: facts.f_flag & UInt(ST_RDONLY) != 0)
  }

  private func clock(_ newest: (Timestamp, String)?) -> DoctorFacts.Clock {
    let kept: Bool? =
      switch clinux_clock_unsynchronized() {
      case 0: true
      case 1: false
      default: nil
      }
    return DoctorFacts.Clock(isKept: kept, now: .now(), newest: newest.map { (moment: $0.0, place: $0.1) })
  }

  private static func libvirt() async -> DoctorFacts.Libvirt? {
    guard HostCommand.exists("virsh") else { return nil }
    guard let output = await HostCommand.run("virsh", ["-c", "qemu:///system", "version"]) else {
      return .init(problem: "it said nothing for 15 s")
    }
    guard output.succeeded else {
      return .init(problem: output.error.split(separator: "\n").last.map(String.init) ?? "no reason given")
    }
    func version(_ head: String) -> String? {
      output.text.split(separator: "\n").first { $0.hasPrefix(head) }?.split(separator: " ").last.map(String.init)
    }
    return .init(version: version("Using library"), qemuVersion: version("Running hypervisor"))
  }

  private struct LinkLine: Decodable {
    var ifname: String
    var mtu: Int?
  }
  private struct RouteLine: Decodable {
    var dev: String?
  }

  private static func links() async -> [DoctorFacts.Link]? {
    guard let output = await HostCommand.run("ip", ["-j", "link", "show"]), output.succeeded,
      let lines = try? JSONDecoder().decode([LinkLine].self, from: Data(output.text.utf8))
    else { return nil }
    let routes = await HostCommand.run("ip", ["-j", "route", "show", "default"])?.text ?? ""
    let uplinks = Set(
      ((try? JSONDecoder().decode([RouteLine].self, from: Data(routes.utf8))) ?? []).compactMap(\.dev))
    return lines.map { .init(name: $0.ifname, mtu: $0.mtu ?? 0, isUplink: uplinks.contains($0.ifname)) }
  }

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }
}
