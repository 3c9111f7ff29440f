import Crypto
public import Kit

/// What a token is remembered by: its SHA-256. The token itself is not kept, and cannot be had from it.
public struct TokenDigest: Sendable, Hashable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  public init(_ token: Secret<String>) {
    var text = token.reveal()
    let digest = text.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
    words = digest.withUnsafeBytes { bytes in
      func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
      return (word(0), word(1), word(2), word(3))
    }
  }

  public static func == (left: TokenDigest, right: TokenDigest) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
