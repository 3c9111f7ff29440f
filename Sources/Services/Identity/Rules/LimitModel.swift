/// How limits of projects and of their domains depend on each other; Keystone's words.
public enum LimitModel: String, Sendable, CaseIterable {
  /// They do not.
  case flat
  /// No project of a domain has more than its domain, and projects stand directly below their domain.
  case strictTwoLevel = "strict_two_level"

  /// For people.
  var description: String {
    switch self {
    case .flat: "A limit is checked by itself, wherever its project stands."
    case .strictTwoLevel: "A project's limit must not be above its domain's, and no project stands below another."
    }
  }

  /// Levels of projects below a domain; nil is without end.
  var projectDepthMax: Int? { self == .flat ? nil : 1 }
}
