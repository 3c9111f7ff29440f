import Crypto
import CryptoExtras
import Dispatch
import Foundation
public import Kit

/// Hashes passwords with scrypt (N 2^14, r 8, p 1: about 32 ms and 16 MB each), and checks them also against hashes
/// that Keystone made. Off the cooperative pool.
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
    let key = try await work {
      try KDF.Scrypt.deriveKey(
        from: Array(password.reveal().utf8), salt: salt, outputByteCount: Self.keyBytes, rounds: 1 << Self.logRounds,
        blockSize: Self.blockSize, parallelism: Self.parallelism
      ).withUnsafeBytes { Array($0) }
    }
    return "$scrypt$ln=\(Self.logRounds),r=\(Self.blockSize),p=\(Self.parallelism)$"
      + Base64URL.encode(salt) + "$" + Base64URL.encode(key)
  }

  /// Whether `password` gives `hash`, in constant time. Where `hash` is nil (no such user) or unreadable the work of
  /// one of our own is done, so that the time tells nothing, and the answer is false. Throws `AsyncSlots.Full` under
  /// overload.
  public func verify(_ password: Secret<String>, hash: String?) async throws -> Bool {
    let known = hash.flatMap(PasswordHash.init)
    let right = try await work { try (known ?? Self.nobody).matches(Array(password.reveal().utf8)) }
    return right && known != nil
  }

  /// Whether `hash` is one that passwords can be checked against: ours, or Keystone's bcrypt, bcrypt_sha256, scrypt and
  /// pbkdf2_sha512.
  public static func reads(_ hash: String) -> Bool { PasswordHash(hash) != nil }

  /// Whether a hash should give way to one of ours at its password's next use: it is of another kind, or weaker.
  public static func isOutdated(_ hash: String) -> Bool {
    guard case .scrypt(let logRounds, let blockSize, _, _, _)? = PasswordHash(hash) else { return true }
    return logRounds < Self.logRounds || blockSize < Self.blockSize
  }

  /// The hash of nothing in particular, for users that do not exist.
  private static let nobody = PasswordHash.scrypt(
    logRounds: logRounds, blockSize: blockSize, parallelism: parallelism, salt: [UInt8](repeating: 7, count: 16),
    key: [UInt8](repeating: 9, count: keyBytes))

  private func work<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await slots.use {
      try await withCheckedThrowingContinuation { continuation in
        self.queue.async { continuation.resume(with: Result { try body() }) }
      }
    }
  }
}
