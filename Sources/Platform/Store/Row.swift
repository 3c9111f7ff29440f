public import Kit

/// A row of an answer, valid only while its decode closure runs. Columns count from 0.
public protocol Row {
  func isNull(_ column: Int) -> Bool
  func text(_ column: Int) -> String
  func int(_ column: Int) -> Int
  func double(_ column: Int) -> Double
  func blob(_ column: Int) -> [UInt8]
}

extension Row {
  public func textOrNil(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
  public func intOrNil(_ column: Int) -> Int? { isNull(column) ? nil : int(column) }
  public func bool(_ column: Int) -> Bool { int(column) != 0 }
  public func boolOrNil(_ column: Int) -> Bool? { isNull(column) ? nil : bool(column) }
  public func time(_ column: Int) -> Timestamp { Timestamp(microseconds: Int64(int(column))) }
  public func timeOrNil(_ column: Int) -> Timestamp? { isNull(column) ? nil : time(column) }

  /// A JSON document kept as text; `.null` where the column is null. Throws where the text is not JSON.
  public func json(_ column: Int) throws -> JSONValue {
    isNull(column) ? .null : try JSONValue(parsing: text(column))
  }
}
