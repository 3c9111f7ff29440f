/// Takes out of a text what must not be seen in a log: the last net below `Secret`, for texts that come from outside
/// (a client's path, a library's error).
public enum Scrubbed {
  static let mark = "‹secret›"

  /// `text` without Fernet tokens and keys (a long word that begins with `gAAAA`) and without the password of a URL.
  public static func text(_ text: String) -> String {
    guard text.utf8.count >= 8, mayHold(text) else { return text }
    var clean = text
    clean.replace(#/gAAAA[A-Za-z0-9_\-=]{20,}/#, with: mark)
    clean.replace(#/:\/\/(?<user>[^\/:@\s]*):[^\/@\s]+@/#) { "://\($0.output.user):\(mark)@" }
    clean.replace(#/(?<name>(?i:password|passwd|secret|x-auth-token|x-subject-token)"?\s*[=:]\s*"?)[^\s"&,;‹]+/#) {
      "\($0.output.name)\(mark)"
    }
    return clean
  }

  /// The last four bytes of a word that a secret stands in or behind, as letters without case.
  private static let signs: Set<UInt32> = Set(["gaaa", "assw", "ecre", "oken"].map(number))

  private static func number(_ word: String) -> UInt32 { word.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

  /// Cheap, for nearly every text holds nothing of the kind.
  private static func mayHold(_ text: String) -> Bool {
    var window: UInt32 = 0
    for byte in text.utf8 {
      window = window << 8 | UInt32(byte)
      if window & 0xff_ffff == 0x3a_2f2f || signs.contains(window | 0x2020_2020) { return true }
    }
    return false
  }
}
