import API

extension QueryShape {
  static let token = QueryShape(["nocatalog", .init("allow_expired", .boolean)], others: .ignored)
}

extension JSONShape {
  /// A secret as it is read, and judged later.
  static let secret = text(0...AuthRequest.secretMax)

  /// What a login says. What a method does not need is not looked at, as in Keystone.
  static let login: JSONShape = {
    let methods = LoginMethods.offered.map { Field($0.name, $0.shape) }
    let identity = object([.needed("methods", array(of: text, 1...10))] + methods, others: .ignored)
    return object(
      [.needed("auth", object([.needed("identity", identity), Field("scope", .any)], others: .ignored))],
      others: .ignored)
  }()

  /// A user as a login names it, and what is said of it.
  static func loginUser(_ more: [Field] = []) -> JSONShape {
    let id = orNull(text(1...64))
    let name = orNull(text(1...255))
    let domain = object([Field("id", id), Field("name", name)], others: .ignored)
    return object([Field("id", id), Field("name", name), Field("domain", domain)] + more, others: .ignored)
  }
}
