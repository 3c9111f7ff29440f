import API
import Crypto
import Kit

/// What a credential of type `ec2` holds: a key with which requests are signed.
struct EC2Key: Sendable {
  var access: String
  /// nil where it was kept without one: nothing can be signed with it.
  var secret: Secret<String>?

  /// Where Keystone notes what a key was made with. We make none with a delegated token, so that no key speaks for more
  /// than its user, and take none from a request: it would be a way to somebody else's trust.
  private static let parents = ["trust_id", "app_cred_id", "access_token_id", "access_id"]

  init(access: String, secret: Secret<String>) {
    self.access = access
    self.secret = secret
  }

  /// Reads a blob. Throws `Fault` 400.
  init(blob: String) throws {
    guard let members = (try? JSONValue(parsing: blob))?.object else {
      throw Fault.badRequest("The blob of a credential of type ec2 must be a JSON object.")
    }
    guard let access = members["access"]?.string, !access.isEmpty else {
      throw Fault.badRequest("The blob of a credential of type ec2 must have an access key.")
    }
    if let parent = Self.parents.first(where: { !(members[$0]?.isNull ?? true) }) {
      throw Fault.badRequest("The blob of a credential must not say \(parent.quoted).")
    }
    self.access = access
    secret = members["secret"]?.string.map { Secret($0) }
  }

  /// As it is kept.
  var blob: Secret<String> {
    Secret(
      JSONValue.object([
        "access": .string(access), "secret": secret.map { .string($0.reveal()) } ?? .null, "trust_id": .null,
      ]).text)
  }

  /// The id of the credential with this access key.
  static func id(access: String) -> String {
    SignedRequest.hex(SHA256.hash(data: Array(access.utf8)))
  }
}
