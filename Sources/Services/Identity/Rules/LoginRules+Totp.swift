import API
import Auth
import Kit
import Store

/// A passcode that the user's device makes from a secret, a credential of type `totp`.
struct TOTPLogin: LoginMethod {
  static let name = "totp"
  static let shape = JSONShape.object(
    [.needed("user", .loginUser([.needed("passcode", .text(0...64))]))], others: .ignored)
  /// Secrets that are tried at the most.
  static let secretsMax = 10

  let user: Reference
  private let passcode: Secret<String>

  var claim: Reference? { user }

  init(_ fields: JSONFields) throws {
    let members = try fields.object("user")
    user = try Reference(members)
    passcode = Secret(try members.string("passcode", 0...64))
  }

  /// Wrong passcodes count as wrong passwords do: six digits are soon guessed. Each is good once.
  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised {
    let core = rules.core
    let (found, secrets) = try await core.store.read { tx -> (UserLogin?, [[UInt8]]) in
      guard let id = try UserTable.id(tx, user), let found = try UserTable.login(tx, id) else { return (nil, []) }
      return (found, try Self.secrets(tx, core, of: id))
    }
    let now = core.now()
    let step = Passcode.match(passcode.reveal(), secrets, at: now, before: core.settings.passcodeStepsBefore)
    guard let found, let step, step > found.passcodeStep, rules.isUsable(found, at: now) else {
      throw try await rules.refused(found, counts: step == nil || step.map { $0 <= found?.passcodeStep ?? 0 } ?? false)
    }
    var recognised = rules.recognised(found, by: .totp)
    recognised.uses.append { tx, _ in
      guard try UserTable.usePasscode(tx, found.id, step: step) else { throw LoginRules.refusal }
    }
    return recognised
  }

  private static func secrets(_ tx: Transaction, _ core: IdentityCore, of userID: String) throws -> [[UInt8]] {
    try CredentialTable.blobs(tx, core.credentialKeys, user: userID, type: "totp", countMax: secretsMax)
      .compactMap { Passcode.secret(base32: $0) }
  }
}
