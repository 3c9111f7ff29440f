import Auth
import Crypto
import Foundation
import Kit
import Testing

@testable import Identity

/// Makes the signatures that clients make, written anew from the specifications so that a mistake of ours shows.
enum Signers {
  private static func hex(_ bytes: some Sequence<UInt8>) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

  private static func hmac(_ key: [UInt8], _ text: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
  }

  private static func escaped(_ text: String) -> String {
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }

  /// `20240131T235959Z`
  static func basic(_ moment: Timestamp) -> String {
    moment.iso8601.replacing("-", with: "").replacing(":", with: "")
  }

  private static func key(_ secret: String, _ scope: [String]) -> [UInt8] {
    scope.reduce(Array(("AWS4" + secret).utf8)) { hmac($0, $1) }
  }

  /// The body of `ec2tokens` for a GET that is signed by version 4, in the header.
  static func version4(access: String, secret: String, at moment: Timestamp) -> String {
    let date = basic(moment)
    let scope = [String(date.prefix(8)), "RegionOne", "ec2", "aws4_request"]
    let empty = hex(SHA256.hash(data: [UInt8]()))
    let canonical = [
      "GET", "/", "Action=DescribeInstances&Version=2012-08-15",
      "host:ec2.test:8788\nx-amz-date:\(date)\n", "host;x-amz-date", empty,
    ].joined(separator: "\n")
    let text = ["AWS4-HMAC-SHA256", date, scope.joined(separator: "/"), hex(SHA256.hash(data: Array(canonical.utf8)))]
    let signature = hex(hmac(key(secret, scope), text.joined(separator: "\n")))
    let authorization =
      "AWS4-HMAC-SHA256 Credential=\(access)/\(scope.joined(separator: "/")), SignedHeaders=host;x-amz-date, "
      + "Signature=\(signature)"
    return #"""
      {"credentials": {"access": "\#(access)", "signature": "\#(signature)", "host": "ec2.test:8788", "verb": "GET",
      "path": "/", "params": {"Action": "DescribeInstances", "Version": "2012-08-15"}, "body_hash": "\#(empty)",
      "headers": {"Host": "ec2.test:8788", "X-Amz-Date": "\#(date)", "Authorization": "\#(authorization)"}}}
      """#
  }

  /// The body of `ec2tokens` for a GET that is signed by version 2. `signed` is the host as the client signed it.
  static func version2(
    access: String, secret: String, at moment: Timestamp, host: String = "ec2.test:8788", signed: String? = nil
  ) -> String {
    let parameters = [
      "Action": "Describe Instances", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256",
      "Timestamp": moment.iso8601, "AWSAccessKeyId": access,
    ]
    let query = parameters.keys.sorted().map { escaped($0) + "=" + escaped(parameters[$0] ?? "") }
    let text = ["GET", signed ?? host, "/services/Cloud/", query.joined(separator: "&")].joined(separator: "\n")
    let signature = Data(hmac(Array(secret.utf8), text)).base64EncodedString()
    let pairs = parameters.map { "\"\($0)\": \"\($1)\"" }.joined(separator: ", ")
    return #"""
      {"ec2Credentials": {"access": "\#(access)", "signature": "\#(signature)", "host": "\#(host)", "verb": "GET",
      "path": "/services/Cloud/", "params": {\#(pairs)}, "headers": {}, "body_hash": ""}}
      """#
  }

  /// The body of `s3tokens` for a text that is signed by version 4, and by the older way.
  static func s3(access: String, secret: String, at moment: Timestamp, service: String = "s3") -> String {
    let date = basic(moment)
    let scope = [String(date.prefix(8)), "RegionOne", service, "aws4_request"]
    let text = "AWS4-HMAC-SHA256\n\(date)\n\(scope.joined(separator: "/"))\n" + String(repeating: "0", count: 64)
    return s3(access, text, hex(hmac(key(secret, scope), text)))
  }

  static func s3Old(access: String, secret: String) -> String {
    let text = "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/>key?"
    let code = HMAC<Insecure.SHA1>.authenticationCode(
      for: Array(text.utf8), using: SymmetricKey(data: Array(secret.utf8)))
    return s3(access, text, Data(code).base64EncodedString())
  }

  private static func s3(_ access: String, _ text: String, _ signature: String) -> String {
    let token = Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    return #"{"credentials": {"access": "\#(access)", "token": "\#(token)", "signature": "\#(signature)"}}"#
  }

  /// A header `Authorization` for a POST, as oauthlib writes it.
  static func oauth(
    _ path: String, consumer: (id: String, secret: String), token: (id: String, secret: String)? = nil,
    verifier: String? = nil, at moment: Timestamp, nonce: String = Identifier.hex(), method: String = "HMAC-SHA1",
    base: String = "http://seen.test"
  ) -> (String, String) {
    var parameters = [
      "oauth_consumer_key": consumer.id, "oauth_nonce": nonce, "oauth_version": "1.0",
      "oauth_timestamp": String(moment.microseconds / 1_000_000), "oauth_signature_method": method,
    ]
    parameters["oauth_token"] = token?.id
    parameters["oauth_verifier"] = verifier
    if token == nil { parameters["oauth_callback"] = "oob" }
    let pairs = parameters.keys.sorted().map { escaped($0) + "=" + escaped(parameters[$0] ?? "") }
    let text = ["POST", escaped(base + "/identity" + path), escaped(pairs.joined(separator: "&"))].joined(
      separator: "&")
    let key = SymmetricKey(data: Array((escaped(consumer.secret) + "&" + escaped(token?.secret ?? "")).utf8))
    let signature =
      switch method {
      case "HMAC-SHA1": Data(HMAC<Insecure.SHA1>.authenticationCode(for: Array(text.utf8), using: key))
      default: Data(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
      }
    parameters["oauth_signature"] = signature.base64EncodedString()
    let members = parameters.map { "\(escaped($0))=\"\(escaped($1))\"" }.joined(separator: ", ")
    return ("Authorization", "OAuth " + members)
  }
}
