import API
import Kit

extension QueryShape {
  private static let comparisons = ["gt", "gte", "lt", "lte", "eq", "neq"]

  /// The list of images: what is not declared is a filter on the property of its name.
  static let images = QueryShape(
    [
      Parameter("limit", .natural), "marker", "sort", Parameter("sort_key", .choice(ImageListRequest.sortKeys)),
      Parameter("sort_dir", .choice(["asc", "desc"])),
      Parameter("visibility", .choice(Image.Visibility.allCases.map(\.rawValue) + ["all", ""])),
      Parameter("member_status", .choice(ImageMember.Status.allCases.map(\.rawValue) + ["all"])),
      Parameter("protected", .boolean), Parameter("os_hidden", .boolean), "id", "name", "status", "owner",
      "disk_format", "container_format", "checksum", "os_hash_value", "os_hash_algo", "tag",
      Parameter("created_at", .comparison(comparisons, .time)),
      Parameter("updated_at", .comparison(comparisons, .time)),
    ]
      + ["size", "size_min", "size_max", "min_ram", "min_disk", "virtual_size"].map { Parameter($0, .integer) },
    others: .filters)
}

extension JSONShape {
  /// A new image. Any other member is a property; those that only the service writes are refused with 403 by
  /// `ImageAttributes`.
  static let image: JSONShape = object(
    [
      Field("id", .uuid), Field("name", orNull(text)), Field("owner", text(1...255)),
      Field("visibility", choice(Image.Visibility.allCases.map(\.rawValue))), Field("protected", flag),
      Field("os_hidden", flag), Field("disk_format", orNull(choice(DiskFormat.allCases.map(\.rawValue)))),
      Field("container_format", orNull(choice(Image.containerFormats))),
      Field("min_disk", integer(0...Int(Int32.max))), Field("min_ram", integer(0...Int(Int32.max))),
      Field("tags", array(of: text(1...255))),
    ], others: .kept(.any, names: 1...255))

  /// Changes, one after the other, as either version of the media type writes them.
  static let imageChanges = array(of: object([Field("value", .any)], others: .kept(text(0...1024), names: 1...16)))

  static let newMember = object([.needed("member", text(1...255))])

  static let memberStatus = object([
    .needed("status", choice(ImageMember.Status.allCases.map(\.rawValue))), Field("member_id", text),
  ])
}
