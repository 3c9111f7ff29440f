import API
import Auth
import Contracts
import Kit
import Logging
import Store

/// What every part of the service stands on.
struct IdentityCore: Sendable {
  let store: any Store
  let keys: KeyRepository
  /// They seal what is kept to be read again: credentials, and secrets that signatures are made with.
  let credentialKeys: KeyRepository
  let hasher: PasswordHasher
  let settings: IdentitySettings
  /// What `$(base)s` in an endpoint's URL stands for, without a slash at its end.
  let baseURL: String
  let now: @Sendable () -> Timestamp
  let logger: Logger
  /// Who tells what a project or user holds beyond identity.
  let holders: [any ResourceHolder]
  let lastUse = LastUse()
  let cache = TokenCache()
  let issuerKeys = IssuerKeys()
  let serviceProviders = ServiceProviderCache()
  let directoryState = DirectoryState()
  let catalogues = CatalogueCache()

  /// A write; a name that is taken already becomes `Fault` 409 about `kind`.
  func write<T: Sendable>(_ kind: String, _ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    do { return try await store.write(body) } catch let error as StoreError where error.kind == .unique {
      throw Fault.conflict("There is a \(kind) of that name or id already.")
    }
  }
}
