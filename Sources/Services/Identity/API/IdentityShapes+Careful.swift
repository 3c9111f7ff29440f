import API

extension QueryShape {
  /// The list of what was deleted.
  static let deleted: QueryShape = .list(
    DeletedRoutes.filters.parameters + [.init("kind", .choice(DeletedKind.allCases.map(\.rawValue)))])

  /// Letting somebody leave: `plan` only tells what would be done.
  static let offboard = QueryShape([.init("plan", .boolean), .init("force", .boolean)], others: .ignored)
}

extension JSONShape {
  static let offboard = only(
    "offboard",
    object([
      .needed("user_id", text(1...64)), .needed("to_user_id", text(1...64)), Field("new_secrets", flag),
    ]))
}
