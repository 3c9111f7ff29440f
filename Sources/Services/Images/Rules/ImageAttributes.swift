import API
import Auth
import Kit

/// What a client may say of an image: one attribute at a time, for creating and for changing alike.
enum ImageAttributes {
  /// What only the service writes.
  private static let readOnly: Set<String> = [
    "created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file", "schema",
    "os_hash_algo", "os_hash_value", "stores", "locations", "id",
  ]
  private static let reserved: Set<String> = ["location", "deleted", "deleted_at"]
  private static let reservedPrefix = "os_glance"
  /// What every image has: it can be changed, not removed.
  static let base: Set<String> = [
    "name", "visibility", "protected", "os_hidden", "owner", "disk_format", "container_format", "min_disk", "min_ram",
    "tags",
  ]

  /// Throws 403 for an attribute that clients never write.
  static func checkWritable(_ name: String) throws {
    if readOnly.contains(name) { throw Fault.forbidden("Attribute \(name.quoted) is read-only.") }
    if reserved.contains(name) || name.hasPrefix(reservedPrefix) {
      throw Fault.forbidden("Attribute \(name.quoted) is reserved.")
    }
  }

  /// Sets an attribute or a property. Throws 400 for a value that is none, 403 for what the caller may not set,
  /// 413 for one too many.
  static func set(_ name: String, _ value: JSONValue, on image: inout Image, by caller: Principal) throws {
    try checkWritable(name)
    let fields = JSONFields([name: value], path: "")
    switch name {
    case "name": image.name = try fields.optionalString(name)
    case "visibility": image.visibility = try visibility(fields, caller)
    case "protected": image.protected = try fields.bool(name)
    case "os_hidden": image.hidden = try fields.bool(name)
    case "owner": image.owner = try owner(fields, caller)
    case "min_disk": image.minDisk = try fields.int(name, 0...Int(Int32.max))
    case "min_ram": image.minRAM = try fields.int(name, 0...Int(Int32.max))
    case "disk_format": image.diskFormat = try diskFormat(fields, image)
    case "container_format": image.containerFormat = try containerFormat(fields, image)
    case "tags": image.tags = try tags(fields)
    default: try setProperty(name, fields, on: &image)
    }
  }

  private static func visibility(_ fields: JSONFields, _ caller: Principal) throws -> Image.Visibility {
    let text = try fields.string("visibility")
    guard let visibility = Image.Visibility(rawValue: text) else {
      throw fields.invalid("visibility", "\(text.quoted) is none of community, public, private, shared")
    }
    if visibility == .public, !ImagePermissions.publicize.allows(caller) {
      throw Fault.forbidden("Policy doesn't allow \(ImagePermissions.publicize.name) to be performed.")
    }
    return visibility
  }

  private static func owner(_ fields: JSONFields, _ caller: Principal) throws -> String {
    let owner = try fields.string("owner", 1...255)
    guard owner == caller.projectID || ImagePermissions.setOwner.allows(caller) else {
      throw Fault.forbidden("Only an administrator may give an image to another project.")
    }
    return owner
  }

  private static func diskFormat(_ fields: JSONFields, _ image: Image) throws -> DiskFormat? {
    let format = try fields.optionalChoice("disk_format", DiskFormat.allCases.map(\.rawValue))
    guard image.status == .queued || format == image.diskFormat?.rawValue else { throw notQueued("disk_format") }
    return format.flatMap { DiskFormat(rawValue: $0) }
  }

  private static func containerFormat(_ fields: JSONFields, _ image: Image) throws -> String? {
    let format = try fields.optionalChoice("container_format", Image.containerFormats)
    guard image.status == .queued || format == image.containerFormat else { throw notQueued("container_format") }
    return format
  }

  private static func notQueued(_ name: String) -> Fault {
    Fault.forbidden("Attribute \(name.quoted) can be changed only while the image is queued.")
  }

  private static func tags(_ fields: JSONFields) throws -> [String] {
    guard let tags = try fields.patchStrings("tags").value else { throw fields.invalid("tags", "it must be an array") }
    for tag in tags where !(1...255).contains(tag.count) || tag.utf8.count > 1020 {
      throw fields.invalid("tags", "a tag has 1 to 255 characters")
    }
    let distinct = Set(tags).sorted()
    guard distinct.count <= Image.tagsMax else { throw Fault(413, "An image has at most \(Image.tagsMax) tags.") }
    return distinct
  }

  private static func setProperty(_ name: String, _ fields: JSONFields, on image: inout Image) throws {
    guard (1...255).contains(name.count), name.utf8.count <= 1020, !name.utf8.contains(0) else {
      throw Fault.badRequest("A property's name has 1 to 255 characters.")
    }
    let value = try fields.string(name, 0...Image.propertyBytesMax)
    guard value.utf8.count <= Image.propertyBytesMax else {
      throw fields.invalid(name, "it is longer than \(Image.propertyBytesMax) bytes")
    }
    image.properties[name] = value
    guard image.properties.count <= Image.propertiesMax else {
      throw Fault(413, "An image has at most \(Image.propertiesMax) properties.")
    }
  }
}
