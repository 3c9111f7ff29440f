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

  private static func write(_ record: AuditRecord, to page: inout TextPage) {
    let who = record.userName.isEmpty ? (record.userID.isEmpty ? AuditRecord.unknown : record.userID) : record.userName
    let project = record.projectName.map { " in \($0)" } ?? ""
    let times = record.times > 1 ? ", \(record.times) times" : ""
    let outcome = record.succeeded ? "" : "REFUSED "
    page.line(
      "\(record.began.iso8601.replacing("T", with: " ")) \(outcome)\(record.status) \(AuditEvent.action(record))  "
        + "\(who)\(project) from \(record.address ?? AuditRecord.unknown)\(times)")
    page.line("  \(record.method) \(record.path)  \(record.requestID)", hang: 2)
  }
}
