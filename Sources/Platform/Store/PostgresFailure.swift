import CPostgres

/// What PostgreSQL refused, in the store's words.
enum PostgresFailure {
  /// `PG_DIAG_SQLSTATE`, a macro that Swift does not see.
  private static let sqlStateField = Int32(UInt8(ascii: "C"))

  static func error(_ result: OpaquePointer) -> StoreError {
    let code = PQresultErrorField(result, sqlStateField).map { String(cString: $0) }
    let message = text(PQresultErrorMessage(result))
    // What was prepared before the schema changed: a new connection prepares it anew.
    let isOutgrown = code == "26000" || (code == "0A000" && message.contains("cached plan"))
    return StoreError(
      kind: isOutgrown ? .unavailable : kind(code), message: message + (code.map { " (\($0))" } ?? ""))
  }

  /// A lost connection has no code.
  static func kind(_ code: String?) -> StoreError.Kind {
    guard let code else { return .unavailable }
    switch code {
    case "23505": return .unique
    case "23503": return .foreignKey
    // Serialization, deadlock, lock and statement timeouts.
    case "40001", "40P01", "55P03", "57014": return .busy
    case "53100": return .full
    case "25006": return .readOnly
    // A NUL, or bytes that are no UTF-8.
    case "22021", "22P05": return .unstorable
    case "XX001", "XX002": return .corrupt
    // The session was idle in its transaction for too long.
    case "25P03": return .unavailable
    default: break
    }
    switch code.prefix(2) {
    case "08", "53", "57": return .unavailable
    case "58": return .io
    default: return .other
    }
  }

  static func text(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "PostgreSQL gave no reason" }
    let text = String(cString: message).split(separator: "\n").joined(separator: "; ")
    return text.isEmpty ? "PostgreSQL gave no reason" : text
  }
}
