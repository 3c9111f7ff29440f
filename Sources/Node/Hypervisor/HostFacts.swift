import Foundation

/// What the host's kernel says of it. (libvirt's `virNodeGetInfo` counted a third of the memory on one machine.)
enum HostFacts {
  static func hostname() -> String {
    var name = utsname()
    uname(&name)
    return withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  static func processors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  static func processorModel() -> String { value(of: "model name", in: "/proc/cpuinfo") ?? "unknown" }

  static func memoryMiB() -> Int {
    let kibibytes = value(of: "MemTotal", in: "/proc/meminfo")?.split(separator: " ").first.flatMap { Int($0) }
    return (kibibytes ?? 0) / 1024
  }

  /// Size and free space of the file system that holds `path`, in GiB.
  static func disk(_ path: String) -> (sizeGiB: Int, freeGiB: Int) {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return (0, 0) }
    func gibibytes(_ blocks: fsblkcnt_t) -> Int { Int((UInt64(blocks) * UInt64(status.f_frsize)) >> 30) }
    return (gibibytes(status.f_blocks), gibibytes(status.f_bavail))
  }

  private static func value(of key: String, in path: String) -> String? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
  }
}
