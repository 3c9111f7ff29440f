import Kit

/// Declared shapes as JSON Schema 2020-12, the dialect of OpenAPI 3.1.
extension QueryShape.Kind {
  var schema: JSONSchema {
    switch self {
    case .text: ["type": "string"]
    case .boolean: ["type": "string", "description": "true or false, or a word for it"]
    case .natural: ["type": "integer", "minimum": 0]
    case .integer: ["type": "integer"]
    case .uuid: ["type": "string", "format": "uuid"]
    case .time: ["type": "string", "format": "date-time"]
    case .choice(let words): ["type": "string", "enum": .array(words.map(JSONSchema.string))]
    case .comparison(let words, let kind):
      [
        "anyOf": .array([
          kind.schema, ["type": "string", "pattern": .string("^(\(words.joined(separator: "|"))):")],
        ])
      ]
    case .list: ["type": "string", "description": "values with commas between them"]
    }
  }
}

extension JSONShape {
  var schema: JSONSchema {
    switch self {
    case .any: .bool(true)
    case .null: ["type": "null"]
    case .boolean(words: false): ["type": "boolean"]
    case .boolean(words: true): ["anyOf": .array([["type": "boolean"], ["type": "string"], ["type": "integer"]])]
    case .integer(let range, let digits):
      digits
        ? ["anyOf": .array([Self.schema(range), ["type": "string", "pattern": "^-?[0-9]+$"]])] : Self.schema(range)
    case .number: ["type": "number"]
    case .string(let length, let format): Self.schema(length, format)
    case .choice(let words): ["type": "string", "enum": .array(words.map(JSONSchema.string))]
    case .array(let element, let count):
      [
        "type": "array", "items": element.schema, "minItems": .int(count.lowerBound),
        "maxItems": .int(count.upperBound),
      ]
    case .object(let members): members.schema
    case .anyOf(let shapes): ["anyOf": .array(shapes.map(\.schema))]
    }
  }

  private static func schema(_ range: ClosedRange<Int>) -> JSONSchema {
    var schema: [String: JSONSchema] = ["type": "integer"]
    if range.lowerBound != .min { schema["minimum"] = .int(range.lowerBound) }
    if range.upperBound != .max { schema["maximum"] = .int(range.upperBound) }
    return .object(schema)
  }

  private static func schema(_ length: ClosedRange<Int>, _ format: Format?) -> JSONSchema {
    var schema: [String: JSONSchema] = [
      "type": "string", "minLength": .int(length.lowerBound), "maxLength": .int(length.upperBound),
    ]
    if let format { schema["format"] = .string(format.rawValue) }
    return .object(schema)
  }
}

extension JSONShape.Field {
  /// With the microversions that have it.
  fileprivate var schema: JSONSchema {
    guard since != nil || until != nil else { return shape.schema }
    var schema: [String: JSONSchema] = ["allOf": .array([shape.schema])]
    if let since { schema["x-openstack-min-version"] = .string(since.description) }
    if let until { schema["x-openstack-max-version"] = .string(until.description) }
    return .object(schema)
  }
}

extension JSONShape.Members {
  fileprivate var schema: JSONSchema {
    var schema: [String: JSONSchema] = ["type": "object"]
    let properties = byName.mapValues { variants in
      variants.count == 1 ? variants[0].schema : JSONSchema.object(["anyOf": .array(variants.map(\.schema))])
    }
    if !properties.isEmpty { schema["properties"] = .object(properties) }
    // What only some microversions need is not needed by the document.
    let always = fields.filter { $0.required && $0.since == nil && $0.until == nil }.map(\.name).sorted()
    if !always.isEmpty { schema["required"] = .array(always.map(JSONSchema.string)) }
    switch others {
    case .refused: schema["additionalProperties"] = .bool(false)
    case .ignored: break
    case .kept(let shape, let names):
      schema["additionalProperties"] = shape.schema
      if properties.isEmpty {
        schema["propertyNames"] = ["minLength": .int(names.lowerBound), "maxLength": .int(names.upperBound)]
      }
    }
    if count.lowerBound > 0 { schema["minProperties"] = .int(count.lowerBound) }
    if count.upperBound < JSONShape.countMax { schema["maxProperties"] = .int(count.upperBound) }
    return .object(schema)
  }
}

extension FaultStyle {
  var mediaType: String { if case .glance = self { "text/html" } else { "application/json" } }

  /// What a fault's body looks like.
  var schema: JSONSchema {
    let text: JSONSchema = ["type": "string"]
    let number: JSONSchema = ["type": "integer"]
    func object(_ properties: JSONSchema) -> JSONSchema { ["type": "object", "properties": properties] }
    switch self {
    case .nova:
      return ["type": "object", "additionalProperties": object(["code": number, "message": text]), "maxProperties": 1]
    case .keystone: return object(["error": object(["code": number, "message": text, "title": text])])
    case .neutron: return object(["NeutronError": object(["type": text, "message": text, "detail": text])])
    case .glance: return text
    case .placement:
      let error = object(["status": number, "title": text, "detail": text, "request_id": text, "code": text])
      return object(["errors": ["type": "array", "items": error]])
    }
  }
}

/// A JSON Schema, written as it reads.
struct JSONSchema: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, Sendable {
  let value: JSONValue

  private init(_ value: JSONValue) { self.value = value }
  init(dictionaryLiteral elements: (String, JSONSchema)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
  init(stringLiteral value: String) { self.init(.string(value)) }
  init(integerLiteral value: Int) { self.init(.int(value)) }

  static func string(_ text: String) -> JSONSchema { JSONSchema(.string(text)) }
  static func int(_ number: Int) -> JSONSchema { JSONSchema(.int(number)) }
  static func bool(_ flag: Bool) -> JSONSchema { JSONSchema(.bool(flag)) }
  static func array(_ elements: [JSONSchema]) -> JSONSchema { JSONSchema(.array(elements.map(\.value))) }
  static func object(_ members: [String: JSONSchema]) -> JSONSchema { JSONSchema(.object(members.mapValues(\.value))) }
}
