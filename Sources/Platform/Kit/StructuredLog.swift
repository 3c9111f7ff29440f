import Foundation
public import Logging

/// Writes each event as one line: a JSON object, or text for people. Every text goes through `Scrubbed`.
///
/// A line of work that is done for a request says which, and who asked: members `request_id`, `global_request_id`,
/// `trace_id`, `user_id`, `user`, `project_id`.
public struct StructuredLog: LogHandler {
  public enum Form: String, Sendable { case json, text }

  /// A value longer than this is cut, in characters: what strangers send must not fill the disk.
  private static let valueMax = 4096

  public var logLevel: Logger.Level = .info
  public var metadata: Logger.Metadata = [:]
  private let label: String
  private let form: Form
  private let write: @Sendable ([UInt8]) -> Void

  /// `write` gets a line with its end.
  public init(label: String, form: Form, write: @escaping @Sendable ([UInt8]) -> Void) {
    self.label = label
    self.form = form
    self.write = write
  }

  /// Lines to standard error, each by one system call.
  public static func standardError(label: String, form: Form) -> StructuredLog {
    StructuredLog(label: label, form: form) { line in
      var rest = line[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var fields = Self.scopeFields()
    for (name, value) in metadata { fields[name] = "\(value)" }
    for (name, value) in event.metadata ?? [:] { fields[name] = "\(value)" }
    let said = fields.map { ($0.key, Self.clean($0.value)) }.sorted { $0.0 < $1.0 }
    let message = Self.clean("\(event.message)")
    write(form == .json ? json(event.level, message, said) : text(event.level, message, said))
  }

  /// What is known of the request that this is done for.
  private static func scopeFields() -> [String: String] {
    guard let scope = RequestScope.current else { return [:] }
    let asker = scope.asker
    var fields = ["request_id": scope.requestID]
    fields["global_request_id"] = scope.globalRequestID
    fields["trace_id"] = scope.span?.context.traceID
    fields["user_id"] = asker.userID
    fields["user"] = asker.userName
    fields["project_id"] = asker.projectID
    return fields
  }

  private static func clean(_ text: String) -> String {
    Scrubbed.text(text.utf8.count > valueMax ? String(text.prefix(valueMax)) + "…" : text)
  }

  private func json(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { json in
      json.field("time", Timestamp.now().iso8601Microseconds)
      json.field("level", level.rawValue)
      json.field("label", label)
      json.field("message", message)
      for (name, value) in fields where !Self.own.contains(name) { json.field(name, value) }
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }

  /// Members that every line has: an event's own field of that name would be a second one.
  private static let own: Set<String> = ["time", "level", "label", "message"]

  private func text(_ level: Logger.Level, _ message: String, _ fields: [(String, String)]) -> [UInt8] {
    var line = "\(Timestamp.now().iso8601Microseconds) \(level.rawValue) \(label): \(message)"
    for (name, value) in fields { line += " \(name)=\(Self.quoted(value))" }
    return Array(Self.oneLine(line).utf8) + [UInt8(ascii: "\n")]
  }

  private static func quoted(_ text: String) -> String {
    let plain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d }
    return plain ? text : "\"" + text.replacing("\"", with: "'") + "\""
  }

  /// An event is one line, whatever it says.
  private static func oneLine(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
  }
}
