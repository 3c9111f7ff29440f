import CLinux
import Foundation
import Kit

/// Small files of the data plane and its daemons, written only when they change.
///
/// A file is replaced by rename, so that a process that ends in the middle leaves the old one. It is not synced: all
/// that stands in them is derived, or void after the host's next start.
enum StateFile {
  /// Writes `text` by rename. Whether it was something else before. Throws where the disk refuses: the file stays.
  @discardableResult
  static func write(_ text: String, to path: String) throws -> Bool {
    if let now = try? String(contentsOfFile: path, encoding: .utf8), now == text { return false }
    let new = path + ".new"
    let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failed("written", path) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else {
        let failure = failed("written", path)
        close(descriptor)
        unlink(new)
        throw failure
      }
      bytes = bytes.dropFirst(count)
    }
    guard close(descriptor) == 0, rename(new, path) == 0 else {
      let failure = failed("written", path)
      unlink(new)
      throw failure
    }
    return true
  }

  /// What a sealed file held before it was written.
  enum Before: Equatable {
    case same
    /// What we had written ourselves, for an older wish.
    case ours
    /// What we never wrote; the reason in words.
    case meddled(String)
  }

  /// Writes `body` behind a line with its digest, by which a change by hand is known, now and by a later process.
  static func writeSealed(_ body: String, to path: String) throws -> Before {
    let now = try? String(contentsOfFile: path, encoding: .utf8)
    guard try write(seal(body), to: path) else { return .same }
    guard let now else { return .meddled("missing") }
    return isSealed(now) ? .ours : .meddled("edited")
  }

  /// Whether the file is there and says what we wrote.
  static func isIntact(_ path: String) -> Bool {
    (try? String(contentsOfFile: path, encoding: .utf8)).map(isSealed) ?? false
  }

  private static let mark = "# haneul "

  private static func seal(_ body: String) -> String { "\(mark)\(Digest.of(body))\n\(body)" }

  private static func isSealed(_ text: String) -> Bool {
    guard text.hasPrefix(mark), let end = text.firstIndex(of: "\n") else { return false }
    return text[..<end].dropFirst(mark.count) == Digest.of(text[text.index(after: end)...])
  }

  /// Makes a directory that only root enters. Throws where the disk refuses.
  static func directory(_ path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw failed("made", path, error.localizedDescription)
    }
  }

  /// Removes a directory with all that is in it. Throws where something stays.
  static func remove(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw failed("removed", path, error.localizedDescription)
    }
  }

  /// Keeps a daemon's log from growing without bound.
  static func bound(_ path: String, bytesMax: Int = 1 << 20) {
    var facts = clinux_path_facts()
    if clinux_path_facts(path, &facts) == 0, facts.size > bytesMax { truncate(path, 0) }
  }

  private static func failed(_ what: String, _ path: String, _ why: String? = nil) -> Refusal {
    let reason = why ?? String(cString: strerror(errno))
    let name = path.split(separator: "/").last ?? ""
    return Refusal("DiskFailed", "The data plane's \(name) cannot be \(what): \(reason.prefix(200))")
  }
}

/// A short digest that tells whether a text changed; no protection against somebody who means harm.
enum Digest {
  static func of(_ text: some StringProtocol) -> String {
    let hash = text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
