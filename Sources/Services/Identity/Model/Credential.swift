import Kit

/// Something secret that is kept for a user: a key pair of EC2's or S3's, the seed of a passcode device, a certificate.
struct Credential: Sendable {
  /// A type that gets a user in by signatures: its id is made of its access key.
  static let ec2 = "ec2"

  var id: String
  var userID: String
  var projectID: String?
  var type: String
  var blob: Secret<String>
  var extra: [String: JSONValue]
}
