import Crypto
import CryptoExtras
import Dispatch
import Foundation
public import Kit

/// Hashes and checks passwords with scrypt (N 2^14, r 8, p 1: about 32 ms and 16 MB each), off the cooperative pool.
///
/// A hash reads `$scrypt$ln=14,r=8,p=1$<salt>$<key>`, both parts in base64url.
public final class PasswordHasher: Sendable {
  /// The longest password taken, in UTF-8 bytes.
  public static let passwordBytesMax = 4096
  private static let logRounds = 14
  private static let blockSize = 8
  private static let parallelism = 1
  private static let keyBytes = 32

  private let queue = DispatchQueue(label: "haneul.passwords", attributes: .concurrent)
  private let slots: AsyncSlots

  /// `concurrency` hashes at a time, `waitingMax` may wait.
  public init(concurrency: Int = 2, waitingMax: Int = 256) {
    slots = AsyncSlots(count: concurrency, waitingMax: waitingMax)
  }

  /// A new hash of `password`. Throws `AsyncSlots.Full` under overload.
  public func hash(_ password: Secret<String>) async throws -> String {
    let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }
    let key = try await derive(password, salt: salt)
    return "$scrypt$ln=\(Self.logRounds),r=\(Self.blockSize),p=\(Self.parallelism)$"
      + Base64URL.encode(salt) + "$" + Base64URL.encode(key)
  }

  /// Whether `password` gives `hash`, in constant time. Where `hash` is nil (no such user) the same work is done, so
  /// that the time tells nothing, and the answer is false. Throws `AsyncSlots.Full` under overload.
  public func verify(_ password: Secret<String>, hash: String?) async throws -> Bool {
    let parts = (hash ?? Self.nobody).split(separator: "$")
    guard parts.count == 4, parts[0] == "scrypt", let salt = Base64URL.decode(String(parts[2])),
      let expected = Base64URL.decode(String(parts[3])), expected.count == Self.keyBytes
    else { return false }
    let key = try await derive(password, salt: salt)
    let difference = zip(key, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
    return difference == 0 && hash != nil
  }

  /// The hash of nothing in particular, for users that do not exist.
  private static let nobody =
    "$scrypt$ln=14,r=8,p=1$" + Base64URL.encode([UInt8](repeating: 7, count: 16)) + "$"
    + Base64URL.encode([UInt8](repeating: 9, count: keyBytes))

  private func derive(_ password: Secret<String>, salt: [UInt8]) async throws -> [UInt8] {
    try await slots.use {
      try await withCheckedThrowingContinuation { continuation in
        queue.async {
          continuation.resume(
            with: Result {
              let key = try KDF.Scrypt.deriveKey(
                from: Data(password.reveal().utf8), salt: salt, outputByteCount: Self.keyBytes,
                rounds: 1 << Self.logRounds, blockSize: Self.blockSize, parallelism: Self.parallelism)
              return key.withUnsafeBytes { Array($0) }
            })
        }
      }
    }
  }
}
