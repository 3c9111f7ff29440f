import Kit

/// The JSON schemas that clients read to learn what an image is.
enum ImageSchemas {
  static let all: [String: JSONValue] = [
    "image": image,
    "images": collection("images", of: image, item: "images"),
    "member": member,
    "members": collection("members", of: member, item: "members"),
  ]

  private static func string(
    _ description: String, max: Int? = nil, null: Bool = false, readOnly: Bool = false, of choices: [String]? = nil
  ) -> JSONValue {
    var schema: [String: JSONValue] = [
      "type": null ? .array([.string("null"), .string("string")]) : .string("string"),
      "description": .string(description),
    ]
    if let max { schema["maxLength"] = .int(max) }
    if readOnly { schema["readOnly"] = .bool(true) }
    if let choices { schema["enum"] = .array((null ? [.null] : []) + choices.map { .string($0) }) }
    return .object(schema)
  }

  private static func other(_ type: JSONValue, _ description: String, readOnly: Bool = false) -> JSONValue {
    var schema: [String: JSONValue] = ["type": type, "description": .string(description)]
    if readOnly { schema["readOnly"] = .bool(true) }
    return .object(schema)
  }

  private static let nullableInteger: JSONValue = .array([.string("null"), .string("integer")])

  private static let image: JSONValue = .object([
    "name": .string("image"),
    "additionalProperties": .object(["type": .string("string")]),
    "links": links,
    "properties": .object([
      "id": .object([
        "type": .string("string"), "description": .string("The image's id, a UUID."),
        "pattern": .string("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
      ]),
      "name": string("The image's name.", max: 255, null: true),
      "status": string(
        "Where the image is in its life.", readOnly: true, of: ["queued", "saving", "active", "deactivated"]),
      "visibility": string("Who may use the image.", of: Image.Visibility.allCases.map(\.rawValue)),
      "protected": other(.string("boolean"), "Whether the image is kept from being deleted."),
      "os_hidden": other(.string("boolean"), "Whether the image is left out of lists by default."),
      "checksum": string("MD5 of the data.", max: 32, null: true, readOnly: true),
      "os_hash_algo": string("Algorithm of os_hash_value.", max: 64, null: true, readOnly: true),
      "os_hash_value": string("Digest of the data.", max: 128, null: true, readOnly: true),
      "owner": string("Id of the owning project.", max: 255, null: true),
      "size": other(nullableInteger, "Length of the data in bytes.", readOnly: true),
      "virtual_size": other(nullableInteger, "Size of the disk in bytes.", readOnly: true),
      "container_format": string("Format around the disk.", null: true, of: Image.containerFormats),
      "disk_format": string("Format of the disk.", null: true, of: DiskFormat.allCases.map(\.rawValue)),
      "created_at": string("When the image was made.", readOnly: true),
      "updated_at": string("When the image was last changed.", readOnly: true),
      "tags": .object([
        "type": .string("array"), "description": .string("Words attached to the image."),
        "items": .object(["type": .string("string"), "maxLength": .int(255)]),
      ]),
      "min_ram": other(.string("integer"), "MiB of memory a server needs at the least."),
      "min_disk": other(.string("integer"), "GiB of root disk a server needs at the least."),
      "self": string("Address of the image.", readOnly: true),
      "file": string("Address of the data.", readOnly: true),
      "schema": string("Address of this schema.", readOnly: true),
    ]),
  ])

  private static let member: JSONValue = .object([
    "name": .string("member"),
    "properties": .object([
      "member_id": string("Id of the project."),
      "image_id": string("Id of the image."),
      "status": string("Whether the project takes the image.", of: ImageMember.Status.allCases.map(\.rawValue)),
      "created_at": string("When the image was shared."),
      "updated_at": string("When the membership was last changed."),
      "schema": string("Address of this schema.", readOnly: true),
    ]),
  ])

  private static let links: JSONValue = .array(
    [("self", "{self}"), ("enclosure", "{file}"), ("describedby", "{schema}")].map { rel, href in
      .object(["rel": .string(rel), "href": .string(href)])
    })

  private static func collection(_ name: String, of element: JSONValue, item: String) -> JSONValue {
    .object([
      "name": .string(name),
      "links": .array(
        [("first", "{first}"), ("next", "{next}"), ("describedby", "{schema}")].map { rel, href in
          .object(["rel": .string(rel), "href": .string(href)])
        }),
      "properties": .object([
        item: .object(["type": .string("array"), "items": element]),
        "first": .object(["type": .string("string")]),
        "next": .object(["type": .string("string")]),
        "schema": .object(["type": .string("string")]),
      ]),
    ])
  }
}
