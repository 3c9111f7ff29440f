import Contracts
import Kit

/// What becomes of a person's things when it leaves.
struct Offboarding: Sendable {
  /// Something by which a program logs in, and the user that it belongs to from now on.
  struct Moved: Sendable {
    /// `application_credential` or `ec2`.
    var kind: String
    var id: String
    var name: String
    var project: Named
    var owner: Named
    /// The roles that the owner has on the project: those that the thing had, and no other.
    var roles: [String]
    /// Shown once, where a new one was asked for.
    var newSecret: Secret<String>?
  }

  var user: Named
  var successor: Named
  var moved: [Moved] = []
  var keys: [Handover] = []
  /// What ends with the person and is not moved: trusts, as they have no other trustor.
  var trusts: [JSONValue] = []
  /// Application credentials that were of no use any more: they expired, or the person has none of their roles.
  var left: [Named] = []
  /// Projects that hold something and that nobody but administrators of the cloud reaches afterwards.
  var unreachable: [Impact.Lost] = []
}
