/// A named set of rules; a port passes what any rule of its groups allows.
struct SecurityGroup: Sendable {
  static let defaultName = "default"

  var standard: StandardAttributes
  var stateful = true
  /// The group a project gets by itself.
  var isDefault = false
  /// Filled when it is read.
  var rules: [SecurityGroupRule] = []
}
