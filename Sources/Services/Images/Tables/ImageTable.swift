import Auth
import Kit
import Store

/// Images as they are stored and found.
enum ImageTable {
  static let columns: SQL = """
    i.id, i.name, i.owner, i.status, i.visibility, i.disk_format, i.container_format, i.min_disk, i.min_ram,
    i.protected, i.os_hidden, i.created_at, i.updated_at,
    b.digest, b.file, b.size, b.md5, b.sha512, b.format, b.virtual_size
    """
  static let source: SQL = "image i LEFT JOIN blob b ON b.digest = i.digest"

  /// The images the caller may use; nil where that is all of them.
  static func visible(to principal: Principal) -> SQL? {
    if principal.isAdmin { return nil }
    guard let project = principal.projectID else { return "i.visibility IN ('public', 'community')" }
    return """
      (i.owner = \(project) OR i.visibility IN ('public', 'community') OR i.visibility = 'shared' AND EXISTS (
        SELECT 1 FROM image_member m WHERE m.image_id = i.id AND m.member_id = \(project)))
      """
  }

  /// An image the caller may use; nil where there is none.
  static func find(_ tx: Transaction, id: String, for principal: Principal) throws -> Image? {
    let conditions: [SQL] = ["i.id = \(id)"] + [visible(to: principal)].compactMap { $0 }
    return try select(tx, "SELECT \(columns) FROM \(source) \(SQL.whereAll(conditions))").first
  }

  /// Images with their tags and properties, in the order of the statement, which selects `columns`.
  static func select(_ tx: Transaction, _ statement: SQL) throws -> [Image] {
    var images = try tx.query(statement, read)
    let places = Dictionary(images.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let ids = images.map(\.id)
    if ids.isEmpty { return [] }
    try tx.forEach("SELECT image_id, tag FROM image_tag WHERE image_id IN (\(list: ids)) ORDER BY tag") { row in
      if let place = places[row.text(0)] { images[place].tags.append(row.text(1)) }
    }
    try tx.forEach("SELECT image_id, name, value FROM image_property WHERE image_id IN (\(list: ids))") { row in
      if let place = places[row.text(0)] { images[place].properties[row.text(1)] = row.text(2) }
    }
    return images
  }

  private static func read(_ row: any Row) throws -> Image {
    guard let status = Image.Status(rawValue: row.text(3)), let visibility = Image.Visibility(rawValue: row.text(4))
    else { throw StoreError(kind: .corrupt, message: "image \(row.text(0)) has an unknown status or visibility") }
    var image = Image(id: row.text(0), owner: row.text(2), at: row.time(11))
    image.name = row.textOrNil(1)
    image.status = status
    image.visibility = visibility
    image.diskFormat = row.textOrNil(5).flatMap { DiskFormat(rawValue: $0) }
    image.containerFormat = row.textOrNil(6)
    image.minDisk = row.int(7)
    image.minRAM = row.int(8)
    image.protected = row.bool(9)
    image.hidden = row.bool(10)
    image.updatedAt = row.time(12)
    image.content = BlobTable.read(row, from: 13)
    return image
  }

  /// Whether the id was ever used.
  static func isTaken(_ tx: Transaction, id: String) throws -> Bool {
    try tx.exists(
      "SELECT 1 FROM image WHERE id = \(id) UNION ALL SELECT 1 FROM image_retired WHERE id = \(id) LIMIT 1")
  }

  static func insert(_ tx: Transaction, _ image: Image) throws {
    try tx.execute(
      """
      INSERT INTO image (id, name, owner, status, visibility, disk_format, container_format, min_disk, min_ram,
        protected, os_hidden, created_at, updated_at)
      VALUES (\(image.id), \(image.name), \(image.owner), \(image.status.rawValue), \(image.visibility.rawValue),
        \(image.diskFormat?.rawValue), \(image.containerFormat), \(image.minDisk), \(image.minRAM),
        \(image.protected), \(image.hidden), \(image.createdAt), \(image.updatedAt))
      """)
    try writeParts(tx, image)
    try tx.change("image", image.id)
  }

  /// Stores what a client may change. Status and bytes are not among it.
  static func update(_ tx: Transaction, _ image: Image) throws {
    try tx.execute(
      """
      UPDATE image SET name = \(image.name), owner = \(image.owner), visibility = \(image.visibility.rawValue),
        disk_format = \(image.diskFormat?.rawValue), container_format = \(image.containerFormat),
        min_disk = \(image.minDisk), min_ram = \(image.minRAM), protected = \(image.protected),
        os_hidden = \(image.hidden), updated_at = \(image.updatedAt)
      WHERE id = \(image.id)
      """)
    try tx.execute("DELETE FROM image_tag WHERE image_id = \(image.id)")
    try tx.execute("DELETE FROM image_property WHERE image_id = \(image.id)")
    try writeParts(tx, image)
    try tx.change("image", image.id)
  }

  private static func writeParts(_ tx: Transaction, _ image: Image) throws {
    for tag in image.tags {
      try tx.execute("INSERT INTO image_tag (image_id, tag) VALUES (\(image.id), \(tag))")
    }
    for (name, value) in image.properties {
      try tx.execute("INSERT INTO image_property (image_id, name, value) VALUES (\(image.id), \(name), \(value))")
    }
  }

  /// Takes the image out of sight at once and for good; returns the file of its bytes where nobody else needs them.
  static func delete(_ tx: Transaction, _ image: Image, at now: Timestamp) throws -> String? {
    try tx.execute("INSERT INTO image_retired (id, deleted_at) VALUES (\(image.id), \(now))")
    try tx.execute("DELETE FROM image WHERE id = \(image.id)")
    try tx.change("image", image.id)
    guard let digest = image.content?.digest else { return nil }
    return try BlobTable.forgetUnused(tx, digest: digest)
  }

  /// Moves between `active` and `deactivated`; false where the image is in another state.
  static func move(
    _ tx: Transaction, id: String, from old: Image.Status, to new: Image.Status, at now: Timestamp
  ) throws -> Bool {
    let moved = try tx.execute(
      """
      UPDATE image SET status = \(new.rawValue), updated_at = \(now) WHERE id = \(id) AND status = \(old.rawValue)
      """)
    if moved == 1 { try tx.change("image", id) }
    return moved == 1
  }
}
