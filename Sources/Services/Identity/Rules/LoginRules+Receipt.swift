import API
import Auth
import Kit
import Store

/// Logins by more than one method, all at once or one after the other.
extension LoginRules {
  /// The user's rules as far as they can be followed: each a set of methods that together suffice. Empty where one
  /// method is enough. Methods that are not offered are not asked for, and a rule of nothing else is none, so that
  /// nobody is locked out by a rule that nobody could follow.
  static func methodRules(_ user: UserLogin) -> [[String]] {
    guard user.options[UserOption.multiFactorAuthEnabled.rawValue] != .bool(false),
      let rules = user.options[JSONFields.factorRules]?.array
    else { return [] }
    return rules.compactMap { rule in
      let known = (rule.array ?? []).compactMap(\.string).filter { TokenPayload.Methods.offered.contains($0) }
      return known.isEmpty ? nil : known
    }
  }

  /// What to give out where the user's rules ask for more methods than it has shown; nil where it has shown enough.
  /// Throws `Fault` 401 where what was shown can never be added to.
  func missingMethods(
    _ tx: Transaction, _ recognised: Recognised, _ user: UserLogin, _ now: Timestamp
  ) throws -> ReceiptFacts? {
    // What programs sign with is judged alone, as in Keystone.
    if recognised.methods == .ec2credential { return nil }
    let rules = Self.methodRules(user)
    let shown = Set(recognised.methods.names)
    if rules.isEmpty || rules.contains(where: shown.isSuperset(of:)) { return nil }
    guard recognised.methods.isSubset(of: Receipt.showable), let facts = try UserTable.forToken(tx, user.id),
      facts.enabled
    else { throw Self.refusal }
    let end = [now.adding(seconds: core.settings.receiptSeconds), recognised.expiresAt].compactMap { $0 }.min() ?? now
    return ReceiptFacts(
      receipt: Receipt(
        methods: recognised.methods, userID: user.id, userGeneration: user.tokenGeneration, issuedAt: now,
        expiresAt: end),
      userName: facts.name, domainID: facts.domainID, domainName: facts.domainName,
      rules: rules.filter { !shown.isDisjoint(with: $0) })
  }

  func seal(_ facts: ReceiptFacts) throws -> IssuedReceipt {
    IssuedReceipt(
      sealed: Secret(try core.keys.seal(facts.receipt.encoded(), at: facts.receipt.issuedAt)), facts: facts)
  }

  /// The receipt of an earlier request, which must be the same user's. Throws `Fault` 401.
  func open(receipt: Secret<String>, of recognised: Recognised) throws -> Receipt {
    guard let receipt = core.keys.open(receipt.reveal()).flatMap(Receipt.init(decoding:)),
      receipt.userID == recognised.userID, core.now() < receipt.expiresAt,
      recognised.methods.isSubset(of: Receipt.showable)
    else { throw Self.refusal }
    return receipt
  }
}

extension Recognised {
  /// Adds what was shown before. Throws `Fault` 401 where the user's tokens were voided since.
  mutating func add(_ receipt: Receipt, _ user: UserLogin, _ now: Timestamp) throws {
    guard receipt.userID == user.id, receipt.userGeneration == user.tokenGeneration, now < receipt.expiresAt else {
      throw LoginRules.refusal
    }
    methods.formUnion(receipt.methods)
  }
}
