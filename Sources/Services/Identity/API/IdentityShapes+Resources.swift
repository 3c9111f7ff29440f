import API

extension QueryShape {
  /// One project, with what stands above and below it.
  static let project = QueryShape(
    ["parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids", "include_limits"], others: .ignored)

  /// How the end of a password is compared, by Keystone's words.
  static let passwordEndWords = ["lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "neq": "<>"]
}

extension JSONShape {
  /// A user's options.
  static let userOptions = object(
    JSONFields.userFlags.map { Field($0, orNull(flag)) }
      + [
        Field(
          JSONFields.factorRules, orNull(array(of: array(of: text, 1...100), 0...JSONFields.factorRulesMax)))
      ])

  /// Who a user is at one identity provider.
  static let federated = object([
    .needed("idp_id", text(1...64)),
    .needed(
      "protocols",
      array(
        of: object([.needed("protocol_id", text(1...64)), .needed("unique_id", text(1...255))]), 1...100)),
  ])
}
