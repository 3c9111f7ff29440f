import API
import Kit

extension JSONFields {
  /// A user's options, laid over those it had; null takes one away. Throws `Fault` 400 for one that is not known.
  func userOptions(over old: [String: JSONValue]) throws -> [String: JSONValue] {
    guard let fields = try optionalObject("options") else { return old }
    var options = old
    for name in Self.userFlags {
      switch try fields.patchBool(name) {
      case .absent: break
      case .null: options[name] = nil
      case .value(let flag): options[name] = .bool(flag)
      }
    }
    switch try fields.patchArray(Self.factorRules, countMax: Self.factorRulesMax) {
    case .absent: break
    case .null: options[Self.factorRules] = nil
    case .value(let rules): options[Self.factorRules] = .array(try fields.checked(rules))
    }
    try fields.finish()
    return options
  }

  /// Each rule is a list of methods of which all are needed; one rule has to be kept.
  private func checked(_ rules: [JSONValue]) throws -> [JSONValue] {
    for rule in rules {
      let methods = rule.array?.compactMap(\.string) ?? []
      guard !methods.isEmpty, methods.count == rule.array?.count, Set(methods).count == methods.count else {
        throw invalid(Self.factorRules, "each must be a list of different strings, and not empty")
      }
    }
    guard Set(rules).count == rules.count else { throw invalid(Self.factorRules, "each may be there once") }
    return rules
  }

  static let userFlags = UserOption.allCases.map(\.rawValue)
  static let factorRules = "multi_factor_auth_rules"
  static let factorRulesMax = 100
}
