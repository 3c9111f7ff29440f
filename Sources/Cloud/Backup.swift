import Foundation
import Images
import Kit
import NodeLink
import Store

/// `haneul backup`: writes down everything that a cloud's control needs, while it runs.
public struct Backup: Sendable {
  /// Rows asked of PostgreSQL at once.
  private static let fetchRows = 2000

  let state: StateDirectory
  let progress: Launch.Progress

  public init(state: StateDirectory, progress: @escaping Launch.Progress = { _, _ in }) {
    self.state = state
    self.progress = progress
  }

  /// Writes one consistent moment of the store to `path`, with the keys, settings and logins beside it, and the
  /// bytes of images where they are wanted. The file is there when it is whole. Returns how many rows it has. Throws
  /// `CloudProblem`.
  @discardableResult
  public func write(_ path: String, withImages: Bool) async throws -> Int {
    guard let settings = try state.readSettings() else { throw CloudProblem("There is no cloud in \(state.path).") }
    let address = try StoreAddress(state: state, settings: settings)
    let (state, progress) = (state, progress)
    do {
      return try await address.peek { tx in
        let writer = try BackupWriter(path)
        try writer.line(try Self.header(tx, images: withImages))
        for file in try Self.files(state) { try writer.line(file) }
        var rows = 0
        for table in try Self.ordered(tx) { rows += try Self.write(tx, table, to: writer, progress) }
        if withImages {
          for blob in try ImagesService.keptBlobs(tx) { try Self.write(blob, of: state, to: writer, progress) }
        }
        try writer.line(BackupFormat.End(end: rows))
        try writer.finish()
        return rows
      }
    } catch let error as StoreError {
      throw CloudStore.problem(address, error, "cannot be read")
    }
  }

  private static func header(_ tx: Transaction, images: Bool) throws -> BackupFormat.Header {
    guard let identity = try StoreIdentity.read(tx) else { throw CloudProblem("The store is nobody's yet.") }
    let schema = try tx.query("SELECT room, number FROM migration ORDER BY room, number") {
      BackupFormat.Header.Step(room: $0.text(0), number: $0.int(1))
    }
    return BackupFormat.Header(
      haneul_backup: BackupFormat.version, release: Release.current, cloud: identity.cloudID, epoch: identity.epoch,
      revision: try tx.newestRevision(), made: Timestamp.now().iso8601, schema: schema, images: images)
  }

  /// Everything of control's that is not in the store.
  private static func files(_ state: StateDirectory) throws -> [BackupFormat.File] {
    try Ownership.refuseLinks([state.keys, state.credentialKeys, state.tls])
    let keys = try [state.keys, state.credentialKeys].flatMap { folder in
      // A cloud of an earlier release has no keys of credentials before it was started.
      guard folder == state.keys || FileManager.default.fileExists(atPath: folder) else { return [String]() }
      return try FileManager.default.contentsOfDirectory(atPath: folder).filter { Int($0) != nil }.sorted()
        .map { folder + "/" + $0 }
    }
    // The authority of the API's certificates, where it has one.
    let authority = (try? FileManager.default.contentsOfDirectory(atPath: state.tls))?.sorted() ?? []
    let paths =
      [state.settings, state.cloudsYAML] + keys + authority.map { state.tls + "/" + $0 }
    return try paths.map { path in
      let isControls = path.hasPrefix(state.control + "/")
      guard let bytes = isControls ? Ownership.read(path) : FileManager.default.contents(atPath: path) else {
        throw CloudProblem("\(path) cannot be read, and belongs into a backup. Run it as root.")
      }
      let mode = path == state.settings ? 0o644 : 0o600
      return BackupFormat.File(file: String(path.dropFirst(state.path.count + 1)), mode: mode, bytes: bytes)
    }
  }

  /// The tables in an order in which none refers to a later one.
  private static func ordered(_ tx: Transaction) throws -> [String] {
    var left = try StoreTables.names(tx).filter { !BackupFormat.leftOut.contains($0) }
    var needs: [String: Set<String>] = [:]
    for table in left { needs[table] = Set(try StoreTables.references(tx, table).map(\.table)).subtracting([table]) }
    var ordered: [String] = []
    while let next = left.firstIndex(where: { needs[$0, default: []].isSubset(of: ordered) }) {
      ordered.append(left.remove(at: next))
    }
    return ordered + left
  }

  private static func write(
    _ tx: Transaction, _ table: String, to writer: BackupWriter, _ progress: Launch.Progress
  ) throws -> Int {
    let began = SuspendingClock.now
    let columns = try StoreTables.columns(tx, table)
    try writer.line(BackupFormat.Table(table: table, columns: columns))
    let own = try StoreTables.references(tx, table).filter { $0.table == table }
    var count = 0
    if own.isEmpty {
      try forEach(tx, table, columns) { row in
        count += 1
        try writer.line(Array(JSONValue.array(row).text.utf8))
      }
    } else {
      // Few, and a row must come after the one it refers to.
      var rows: [[JSONValue]] = []
      try forEach(tx, table, columns) { rows.append($0) }
      for row in parentsFirst(rows, columns.map(\.name), own) {
        count += 1
        try writer.line(Array(JSONValue.array(row).text.utf8))
      }
    }
    if count > 10_000 { progress("\(count) rows of \(table)", began.duration(to: .now) / .seconds(1)) }
    return count
  }

  /// Calls `body` with each row. PostgreSQL is asked for a part at a time: it would send everything at once.
  private static func forEach(
    _ tx: Transaction, _ table: String, _ columns: [StoreTables.Column], _ body: ([JSONValue]) throws -> Void
  ) throws {
    let names = columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
    let select: SQL = "SELECT \(raw: names) FROM \"\(raw: table)\""
    guard tx.isPostgres else { return try tx.forEach(select) { try body(values($0, columns)) } }
    try tx.execute("DECLARE backup NO SCROLL CURSOR FOR \(select)")
    while true {
      var count = 0
      try tx.forEach("FETCH \(raw: "\(fetchRows)") FROM backup") { row in
        count += 1
        try body(values(row, columns))
      }
      if count < fetchRows { break }
    }
    try tx.execute("CLOSE backup")
  }

  private static func values(_ row: any Row, _ columns: [StoreTables.Column]) -> [JSONValue] {
    columns.enumerated().map { index, column in
      if row.isNull(index) { return .null }
      return switch column.kind {
      case .integer: .int(row.int(index))
      case .real: .double(row.double(index))
      case .text: .string(row.text(index))
      case .blob: .string(Data(row.blob(index)).base64EncodedString())
      }
    }
  }

  /// Rows of a table that refers to itself, so that each comes after those it refers to.
  private static func parentsFirst(
    _ rows: [[JSONValue]], _ names: [String], _ references: [StoreTables.Reference]
  ) -> [[JSONValue]] {
    let links = references.compactMap { reference -> (from: Int, to: Int)? in
      guard let from = names.firstIndex(of: reference.column), let to = names.firstIndex(of: reference.target) else {
        return nil
      }
      return (from, to)
    }
    var (left, ordered) = (rows, [[JSONValue]]())
    var known: [Set<JSONValue>] = links.map { _ in [] }
    while true {
      let (ready, waiting) = left.reduce(into: ([[JSONValue]](), [[JSONValue]]())) { parts, row in
        let isReady = links.enumerated().allSatisfy { index, link in
          row[link.from].isNull || row[link.from] == row[link.to] || known[index].contains(row[link.from])
        }
        if isReady { parts.0.append(row) } else { parts.1.append(row) }
      }
      ordered += ready
      left = waiting
      for (index, link) in links.enumerated() { known[index].formUnion(ready.map { $0[link.to] }) }
      if ready.isEmpty { return ordered + left }
    }
  }

  private static func write(
    _ blob: KeptBlob, of state: StateDirectory, to writer: BackupWriter, _ progress: Launch.Progress
  ) throws {
    let began = SuspendingClock.now
    let path = state.images + "/blobs/" + blob.file
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw CloudProblem("\(path) cannot be read, and belongs into a backup with images. haneul check tells more.")
    }
    try writer.line(BackupFormat.Blob(blob: blob.digest, file: blob.file, size: blob.size))
    while let piece = try file.read(upToCount: BackupFormat.pieceBytes), !piece.isEmpty {
      try writer.line(Array("\"\(piece.base64EncodedString())\"".utf8))
    }
    progress("image bytes \(blob.digest.prefix(12))", began.duration(to: .now) / .seconds(1))
  }
}
