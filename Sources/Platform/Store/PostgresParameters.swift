/// The parameters of one execution as libpq takes them: text, but for bytes. Its room is used again and again.
struct PostgresParameters {
  private var bytes: [UInt8] = []
  private var starts: [Int] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []
  private var pointers: [UnsafePointer<CChar>?] = []

  /// Calls `body` with the parameters, which are valid as long as it runs. Text has no NUL.
  mutating func use<R>(
    _ values: [SQLValue],
    _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
  ) -> R {
    if values.isEmpty { return body(0, nil, nil, nil) }
    bytes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    formats.removeAll(keepingCapacity: true)
    pointers.removeAll(keepingCapacity: true)
    for value in values { append(value) }
    return bytes.withUnsafeBytes { raw in
      for start in starts {
        pointers.append(start < 0 ? nil : raw.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self))
      }
      return body(Int32(values.count), pointers, lengths, formats)
    }
  }

  private mutating func append(_ value: SQLValue) {
    let start = bytes.count
    var isBinary = false
    switch value {
    case .null: break
    case .int(let number): bytes.append(contentsOf: String(number).utf8)
    case .double(let number): bytes.append(contentsOf: String(number).utf8)
    case .text(let text): bytes.append(contentsOf: text.utf8)
    case .blob(let blob):
      bytes.append(contentsOf: blob)
      isBinary = true
    }
    starts.append(value == .null ? -1 : start)
    lengths.append(Int32(bytes.count - start))
    formats.append(isBinary ? 1 : 0)
    bytes.append(0)
  }
}
