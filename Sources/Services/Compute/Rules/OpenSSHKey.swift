import Crypto
import Foundation
import Kit

/// Keys in OpenSSH's formats.
enum OpenSSHKey {
  static let publicKeyCharactersMax = 16384

  /// A fresh Ed25519 pair: the public line, and the private key as `ssh` reads it from a file.
  static func generate(comment: String) -> (publicKey: String, privateKey: Secret<String>) {
    let key = Curve25519.Signing.PrivateKey()
    let publicBytes = [UInt8](key.publicKey.rawRepresentation)
    let blob = string(Array(name.utf8)) + string(publicBytes)
    let check = [UInt8](repeating: 0, count: 4).map { _ in UInt8.random(in: 0...255) }
    var secret = check + check + string(Array(name.utf8)) + string(publicBytes)
    secret += string([UInt8](key.rawRepresentation) + publicBytes) + string(Array(comment.utf8))
    var padding: UInt8 = 1
    while secret.count % 8 != 0 {
      secret.append(padding)
      padding += 1
    }
    let body =
      Array("openssh-key-v1\0".utf8) + string(Array("none".utf8)) + string(Array("none".utf8)) + string([])
      + number(1) + string(blob) + string(secret)
    let text = Data(body).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
    return (
      "\(name) \(Data(blob).base64EncodedString()) \(comment)",
      Secret("-----BEGIN OPENSSH PRIVATE KEY-----\n\(text)\n-----END OPENSSH PRIVATE KEY-----\n")
    )
  }

  private static let name = "ssh-ed25519"

  private static let known: Set<String> = [
    "ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
  ]

  /// The line as it is kept, and its fingerprint; nil where the text is no public key on one line.
  static func read(_ text: String) -> (publicKey: String, fingerprint: String)? {
    var line = Substring(text)
    while line.last?.isWhitespace == true { line.removeLast() }
    while line.first?.isWhitespace == true { line.removeFirst() }
    guard !line.contains(where: \.isNewline), !line.utf8.contains(where: { $0 < 0x20 && $0 != 9 }) else { return nil }
    let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count >= 2, known.contains(String(words[0])), let blob = Data(base64Encoded: String(words[1])),
      firstString(blob) == String(words[0])
    else { return nil }
    return (String(line), fingerprint(blob))
  }

  /// MD5 with colons, as Nova shows it.
  static func fingerprint(_ blob: Data) -> String {
    Insecure.MD5.hash(data: blob).map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined(separator: ":")
  }

  /// The algorithm's name inside the blob, where something follows it.
  private static func firstString(_ blob: Data) -> String? {
    let bytes = [UInt8](blob)
    guard bytes.count > 4 else { return nil }
    let count = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    guard count <= 64, bytes.count > 4 + count else { return nil }
    return String(decoding: bytes[4..<4 + count], as: UTF8.self)
  }

  private static func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

  private static func string(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }
}
