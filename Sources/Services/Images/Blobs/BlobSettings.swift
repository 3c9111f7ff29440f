/// Bounds of the bytes the image service takes.
public struct BlobSettings: Sendable {
  /// The largest image, in bytes.
  public var bytesMax: Int64
  /// Bytes that stay free on the file system: an upload that would go below is refused.
  public var freeBytesMin: Int64
  /// Uploads at the same time; more are answered with 503.
  public var uploadsMax: Int

  /// 1 TiB an image, 1 GiB kept free, 16 uploads at a time.
  public init(bytesMax: Int64 = 1 << 40, freeBytesMin: Int64 = 1 << 30, uploadsMax: Int = 16) {
    self.bytesMax = bytesMax
    self.freeBytesMin = freeBytesMin
    self.uploadsMax = uploadsMax
  }
}
