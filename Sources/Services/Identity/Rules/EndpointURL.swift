/// What stands in an endpoint's URL for something that differs from token to token: `%(project_id)s`, `$(user_id)s`.
///
/// Keystone hands URLs to Python's `%`. Of that, only strings are known here (`s`), and `%%` for a percent sign.
struct EndpointURL: Sendable {
  /// What a template may name.
  enum Name: String, CaseIterable, Sendable {
    case tenantID = "tenant_id"
    case projectID = "project_id"
    case userID = "user_id"
    case publicEndpoint = "public_endpoint"
    /// Known in templates, but Keystone has no value for it any more.
    case computeHost = "compute_host"

    var isOfProject: Bool { self == .tenantID || self == .projectID }
  }

  private enum Part: Sendable {
    case text(String)
    case name(Name)
  }
  private let parts: [Part]

  /// nil where it is no template that can be understood.
  init?(_ url: String) {
    guard url.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "$") }) else {
      parts = [.text(url)]
      return
    }
    var parts: [Part] = []
    var rest = Substring(url)
    while let start = Self.nextSign(rest) {
      parts.append(.text(String(rest[..<start])))
      let after = rest[rest.index(after: start)...]
      if rest[start] == "%", after.first == "%" {
        parts.append(.text("%"))
        rest = after.dropFirst()
        continue
      }
      guard after.first == "(", let end = after.firstIndex(of: ")"),
        let name = Name(rawValue: String(after[after.index(after: after.startIndex)..<end])),
        after[after.index(after: end)...].first == "s"
      else { return nil }
      parts.append(.name(name))
      rest = after[after.index(after: end)...].dropFirst()
    }
    self.parts = parts + [.text(String(rest))]
  }

  /// The next `%`, or `$` before a parenthesis.
  private static func nextSign(_ text: Substring) -> Substring.Index? {
    text.indices.first { place in
      text[place] == "%" || text[place] == "$" && text[text.index(after: place)...].first == "("
    }
  }

  /// What it depends on.
  var names: Set<Name> {
    Set(parts.compactMap { if case .name(let name) = $0 { name } else { nil } })
  }

  /// The URL with everything put in; nil where a value is missing.
  func filled(_ value: (Name) -> String?) -> String? {
    var url = ""
    for part in parts {
      switch part {
      case .text(let text): url += text
      case .name(let name):
        guard let value = value(name) else { return nil }
        url += value
      }
    }
    return url
  }
}
