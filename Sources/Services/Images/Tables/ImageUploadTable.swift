import Kit
import Store

/// The steps of an upload: `queued` → `saving` → `active`, or back to `queued`. An upload owns its image by its id.
enum ImageUploadTable {
  /// Gives a queued image to the upload; false where it is not queued.
  static func begin(_ tx: Transaction, imageID: String, uploadID: String, at now: Timestamp) throws -> Bool {
    let taken = try tx.execute(
      """
      UPDATE image SET status = 'saving', upload_id = \(uploadID), updated_at = \(now)
      WHERE id = \(imageID) AND status = 'queued'
      """)
    if taken == 1 { try tx.change("image", imageID) }
    return taken == 1
  }

  /// Makes the image active with its bytes; false where it does not belong to the upload any more (it was deleted).
  static func finish(
    _ tx: Transaction, imageID: String, uploadID: String, digest: String, at now: Timestamp
  ) throws -> Bool {
    let finished = try tx.execute(
      """
      UPDATE image SET status = 'active', upload_id = NULL, digest = \(digest), updated_at = \(now)
      WHERE id = \(imageID) AND upload_id = \(uploadID) AND status = 'saving'
      """)
    if finished == 1 { try tx.change("image", imageID) }
    return finished == 1
  }

  /// Puts the image back to `queued` where it still belongs to the upload.
  static func abandon(_ tx: Transaction, imageID: String, uploadID: String, at now: Timestamp) throws {
    let abandoned = try tx.execute(
      """
      UPDATE image SET status = 'queued', upload_id = NULL, updated_at = \(now)
      WHERE id = \(imageID) AND upload_id = \(uploadID) AND status = 'saving'
      """)
    if abandoned == 1 { try tx.change("image", imageID) }
  }

  /// Images that are being uploaded, each with its upload.
  static func underWay(_ tx: Transaction) throws -> [(imageID: String, uploadID: String)] {
    try tx.query("SELECT id, upload_id FROM image WHERE upload_id IS NOT NULL") { ($0.text(0), $0.text(1)) }
  }
}
