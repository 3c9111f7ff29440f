import Kit
import Store

/// Which projects an image is shared with.
enum ImageMemberTable {
  private static let columns: SQL = "image_id, member_id, status, created_at, updated_at"

  private static func read(_ row: any Row) -> ImageMember {
    ImageMember(
      imageID: row.text(0), memberID: row.text(1), status: ImageMember.Status(rawValue: row.text(2)) ?? .pending,
      createdAt: row.time(3), updatedAt: row.time(4))
  }

  /// At most `Image.membersMax` members, by id; with `only`, that one alone.
  static func list(_ tx: Transaction, imageID: String, only memberID: String? = nil) throws -> [ImageMember] {
    let conditions: [SQL] = ["image_id = \(imageID)"] + (memberID.map { ["member_id = \($0)"] } ?? [])
    return try tx.query(
      "SELECT \(columns) FROM image_member \(SQL.whereAll(conditions)) ORDER BY member_id", read)
  }

  static func insert(_ tx: Transaction, _ member: ImageMember) throws {
    try tx.execute(
      """
      INSERT INTO image_member (\(columns)) VALUES (\(member.imageID), \(member.memberID), \(member.status.rawValue),
        \(member.createdAt), \(member.updatedAt))
      """)
    try tx.change("image", member.imageID)
  }

  static func setStatus(_ tx: Transaction, _ member: ImageMember) throws {
    try tx.execute(
      """
      UPDATE image_member SET status = \(member.status.rawValue), updated_at = \(member.updatedAt)
      WHERE image_id = \(member.imageID) AND member_id = \(member.memberID)
      """)
    try tx.change("image", member.imageID)
  }

  /// false where there was none.
  static func delete(_ tx: Transaction, imageID: String, memberID: String) throws -> Bool {
    let deleted = try tx.execute(
      "DELETE FROM image_member WHERE image_id = \(imageID) AND member_id = \(memberID)")
    if deleted == 1 { try tx.change("image", imageID) }
    return deleted == 1
  }
}
