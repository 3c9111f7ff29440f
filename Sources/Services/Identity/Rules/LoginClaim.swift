import Kit

extension AuthRequest {
  /// Notes for the audit trail who the request says to be: it need not be true, and is never a secret.
  func claim(_ scope: RequestScope?) {
    guard let scope else { return }
    switch methods.lazy.compactMap(\.claim).first {
    case .id(let id)?: scope.claims(userID: id)
    case .name(let name, _)?: scope.claims(userName: name)
    case nil:
      if let credential = methods.lazy.compactMap({ $0 as? ApplicationCredentialLogin }).first,
        case .id(let id) = credential.name
      {
        scope.claims(userName: "application credential \(id)")
      }
    }
  }
}
