/// Where control's side of the link finds the bytes that nodes ask for.
public protocol BlobSource: Sendable {
  /// The blob's length in bytes and its bytes in pieces; nil where no blob has this SHA-256 (hex, lower case).
  func open(
    digest: String
  ) async throws -> (size: Int64, bytes: any AsyncSequence<[UInt8], any Error> & Sendable)?
}
