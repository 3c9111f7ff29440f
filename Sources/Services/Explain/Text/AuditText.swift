import Contracts
import Kit

/// The audit trail for people, newest first.
struct AuditText {
  let records: [AuditRecord]
  let more: Bool
  let now: Timestamp

  var text: String {
    var page = TextPage()
    if records.isEmpty { return "Nothing is on record that fits.\n" }
    for record in records { Self.write(record, to: &page) }
    if more {
      page.blank()
      page.line("There is more: haneul audit --limit, or GET /haneul/v1/audit with limit and marker.")
    }
    return page.text
  }

  /// `user enabled: true -> false`; of what came or went its ids.
  private static func words(_ change: AccessChange) -> String {
    func text(_ value: JSONValue?) -> String { value?.string ?? value?.text ?? "nothing" }
    func all(_ members: [String: JSONValue]) -> String {
      members.filter { !$0.value.isNull }.sorted { $0.key < $1.key }.map { "\($0.key)=\(text($0.value))" }
        .joined(separator: " ")
    }
    guard let before = change.before else { return "+ \(change.what) \(all(change.after ?? [:]))" }
    guard let after = change.after else { return "- \(change.what) \(all(before))" }
    let names = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    let differences = names.map { "\($0): \(text(before[$0])) -> \(text(after[$0]))" }.joined(separator: ", ")
    return "~ \(change.what) \(text(after["name"] ?? after["id"])) \(differences)"
  }

  private static func write(_ record: AuditRecord, to page: inout TextPage) {
    let who = record.userName.isEmpty ? (record.userID.isEmpty ? AuditRecord.unknown : record.userID) : record.userName
    let project = record.projectName.map { " in \($0)" } ?? ""
    let times = record.times > 1 ? ", \(record.times) times" : ""
    let outcome = record.succeeded ? "" : "REFUSED "
    page.line(
      "\(record.began.iso8601.replacing("T", with: " ")) \(outcome)\(record.status) \(AuditEvent.action(record))  "
        + "\(who)\(project) from \(record.address ?? AuditRecord.unknown)\(times)")
    page.line("  \(record.method) \(record.path)  \(record.requestID)", hang: 2)
    for change in record.changes { page.line("  \(Self.words(change))", hang: 4) }
  }
}
