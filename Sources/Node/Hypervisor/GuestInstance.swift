import Foundation

/// Names one life of a guest's QEMU process.
///
/// libvirt's own running id would be given anew after libvirtd restarts, so the process is named by the host's boot,
/// its id and its start time where libvirt's files can be read, which is so on this machine's own libvirtd.
enum GuestInstance {
  static let bootID: String =
    (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
    .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""

  /// nil where the guest has just gone.
  /// - Parameter runDirectory: where libvirtd keeps the process ids; nil for a libvirtd whose files are not seen, of
  ///   which the running id is all there is.
  static func name(domain: String, id: UInt32, runDirectory: String?) -> String? {
    guard let runDirectory else { return "\(bootID):domain:\(id)" }
    guard let text = try? String(contentsOfFile: "\(runDirectory)/\(domain).pid", encoding: .utf8),
      let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), let start = startTime(process)
    else { return nil }
    return "\(bootID):\(process):\(start)"
  }

  /// Clock ticks since the host's boot at which a process began; nil where there is none.
  private static func startTime(_ process: Int32) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    // The process's name may hold anything; after it comes the third field, and the start is the 22nd.
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? String(fields[19]) : nil
  }
}
