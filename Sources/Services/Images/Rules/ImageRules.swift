import API
import Auth
import Kit
import Store

/// Whose images may be touched, and the faults that say no.
enum ImageRules {
  /// An image the caller may use. Throws 404 where there is none for them.
  static func visible(_ tx: Transaction, _ id: String, _ caller: Principal) throws -> Image {
    guard let image = try ImageTable.find(tx, id: id, for: caller) else {
      throw Fault.notFound("No image with the id \(id.quoted) was found.")
    }
    return image
  }

  /// An image the caller may change: their project's own. Throws 404, or 403 for one that they may only use.
  static func own(_ tx: Transaction, _ id: String, _ caller: Principal) throws -> Image {
    let image = try visible(tx, id, caller)
    guard caller.isAdmin || caller.projectID == image.owner else {
      throw Fault.forbidden("The image belongs to another project.")
    }
    return image
  }

  /// Makes a new image. Throws 409 where the id was ever used.
  static func create(_ tx: Transaction, _ image: Image) throws {
    guard try !ImageTable.isTaken(tx, id: image.id) else {
      throw Fault.conflict("An image with the id \(image.id.quoted) exists, or did.")
    }
    try ImageTable.insert(tx, image)
  }

  /// Deletes an image; returns a file that is no longer needed. An upload under way finds its image gone.
  static func delete(_ tx: Transaction, _ id: String, _ caller: Principal) throws -> String? {
    let image = try own(tx, id, caller)
    guard !image.protected else { throw Fault.forbidden("The image is protected and cannot be deleted.") }
    return try ImageTable.delete(tx, image, at: .now())
  }

  /// Adds or removes a tag. Throws 404 for the removal of one that is not there, 413 for one too many.
  static func setTag(_ tx: Transaction, _ id: String, _ tag: String, present: Bool, _ caller: Principal) throws {
    var image = try own(tx, id, caller)
    if present {
      guard !image.tags.contains(tag) else { return }
      try ImageAttributes.set("tags", .array((image.tags + [tag]).map { .string($0) }), on: &image, by: caller)
    } else {
      guard let place = image.tags.firstIndex(of: tag) else {
        throw Fault.notFound("The image has no tag \(tag.quoted).")
      }
      image.tags.remove(at: place)
    }
    image.updatedAt = .now()
    try ImageTable.update(tx, image)
  }

  /// Takes an active image out of use, or back into it. Throws 403 where it has no bytes, as Glance does.
  static func setActive(_ tx: Transaction, _ id: String, _ active: Bool, _ caller: Principal) throws {
    let image = try own(tx, id, caller)
    let (old, new): (Image.Status, Image.Status) = active ? (.deactivated, .active) : (.active, .deactivated)
    if image.status == new { return }
    guard try ImageTable.move(tx, id: id, from: old, to: new, at: .now()) else {
      throw Fault.forbidden("An image that is \(image.status.rawValue) cannot become \(new.rawValue).")
    }
  }
}
