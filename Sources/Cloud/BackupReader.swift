import Crypto
import Foundation
import Kit
import Store

/// Reads a backup from its beginning to its end, and refuses one that is not whole.
struct BackupReader {
  /// What a line says.
  enum Part {
    case header(BackupFormat.Header)
    case file(BackupFormat.File)
    case table(BackupFormat.Table)
    case row([JSONValue])
    case blob(BackupFormat.Blob)
    case piece(Data)
  }

  let path: String

  /// Calls `body` with each part in order. What it was given counts only when this returns: the file's end proves that
  /// all of it is as it was written. Throws `CloudProblem` for a damaged file, and what `body` throws.
  func read(_ body: (Part) async throws -> Void) async throws {
    let lines = try Lines(path)
    var (rows, ended, isFirst) = (0, false, true)
    while let line = try lines.next() {
      if lines.isLast {
        guard ended, line == Data(lines.hash.hex.utf8) else { throw damaged("its checksum is not that of its content") }
        return
      }
      guard !ended else { throw damaged("something follows its end") }
      let part: Part
      do {
        if isFirst {
          part = .header(try JSONDecoder().decode(BackupFormat.Header.self, from: line))
        } else if line.first == UInt8(ascii: "[") {
          part = .row(try JSONDecoder().decode([JSONValue].self, from: line))
          rows += 1
        } else if line.first == UInt8(ascii: "\"") {
          guard let bytes = Data(base64Encoded: line.dropFirst().dropLast()) else {
            throw damaged("a piece of an image")
          }
          part = .piece(bytes)
        } else if let end = try? JSONDecoder().decode(BackupFormat.End.self, from: line) {
          guard end.end == rows else { throw damaged("it has \(rows) rows, and should have \(end.end)") }
          ended = true
          continue
        } else {
          part = try Self.object(line)
        }
      } catch let error as DecodingError {
        throw damaged(isFirst ? "it does not begin as a backup does" : "a line cannot be read (\(Self.brief(error)))")
      }
      isFirst = false
      try await body(part)
    }
    throw damaged("its end is missing")
  }

  private static func object(_ line: Data) throws -> Part {
    if let table = try? JSONDecoder().decode(BackupFormat.Table.self, from: line) { return .table(table) }
    if let blob = try? JSONDecoder().decode(BackupFormat.Blob.self, from: line) { return .blob(blob) }
    return .file(try JSONDecoder().decode(BackupFormat.File.self, from: line))
  }

  private static func brief(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted: "no JSON"
    case .keyNotFound(let key, _): "no \(key.stringValue)"
    default: "another kind of value than expected"
    }
  }

  private func damaged(_ why: String) -> CloudProblem {
    CloudProblem("\(path) is no whole backup: \(why). Nothing was changed.")
  }

  /// The lines of a file, hashed as they go by.
  private final class Lines {
    private static let readBytes = 1 << 20
    private let file: FileHandle
    private var buffer: [UInt8] = []
    /// Where the next line begins in it.
    private var start = 0
    private var isAtEnd = false
    private var sha256 = SHA256()
    /// Whether the line given last was the file's last.
    private(set) var isLast = false

    init(_ path: String) throws {
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw CloudProblem("\(path) cannot be read: \(String(cString: strerror(errno))).")
      }
      self.file = file
    }

    /// SHA-256 of every line before the last.
    var hash: SHA256.Digest { sha256.finalize() }

    /// The next line without its newline; nil at the end, and for a line without one.
    func next() throws -> Data? {
      var scanned = start
      while true {
        if let newline = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
          // One more byte tells whether it is the last.
          if newline == buffer.count - 1, !isAtEnd {
            (scanned, _) = (newline - start, try fill())
            continue
          }
          isLast = isAtEnd && newline == buffer.count - 1
          if !isLast { sha256.update(data: buffer[start...newline]) }
          defer { start = newline + 1 }
          return Data(buffer[start..<newline])
        }
        guard !isAtEnd, buffer.count - start <= BackupFormat.lineBytesMax else { return nil }
        (scanned, _) = (buffer.count - start, try fill())
      }
    }

    /// Reads on; what was given already is dropped, and the next line begins at 0.
    private func fill() throws {
      buffer.removeSubrange(..<start)
      start = 0
      guard let more = try file.read(upToCount: Self.readBytes), !more.isEmpty else {
        isAtEnd = true
        return
      }
      buffer += more
    }
  }
}
