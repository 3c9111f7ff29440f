import API
import Auth
import Kit
import Store

/// The filters, order and page of `GET /v2/images`, as conditions on `ImageTable.source`.
struct ImageListRequest: Sendable {
  static let limitDefault = 25
  static let limitMax = 1000

  private(set) var conditions: [SQL] = []
  private var sort: [(column: String, descending: Bool)] = []
  let limit: Int
  let marker: String?

  private static let sortColumns: [String: String] = [
    "name": "COALESCE(i.name, '')", "status": "i.status", "container_format": "COALESCE(i.container_format, '')",
    "disk_format": "COALESCE(i.disk_format, '')", "size": "COALESCE(b.size, -1)", "id": "i.id",
    "created_at": "i.created_at", "updated_at": "i.updated_at",
  ]
  static let sortKeys = sortColumns.keys.sorted()
  private static let textColumns: [String: String] = [
    "id": "i.id", "name": "i.name", "status": "i.status", "owner": "i.owner", "disk_format": "i.disk_format",
    "container_format": "i.container_format", "checksum": "b.md5", "os_hash_value": "b.sha512",
  ]
  private static let listable: Set<String> = ["id", "name", "status", "disk_format", "container_format"]
  private static let numberColumns: [String: String] = [
    "size": "b.size = ", "size_min": "b.size >= ", "size_max": "b.size <= ", "min_ram": "i.min_ram = ",
    "min_disk": "i.min_disk = ", "virtual_size": "b.virtual_size = ",
  ]
  private static let others: Set<String> = [
    "limit", "marker", "sort", "sort_key", "sort_dir", "visibility", "member_status", "os_hash_algo",
  ]

  /// Throws `Fault` 400 for a value that is none.
  init(_ call: Call) throws {
    let page = try call.page(default: Self.limitDefault, maximum: Self.limitMax)
    limit = page.limit ?? Self.limitDefault
    marker = page.marker
    try addScope(call.query, call.principal())
    if !call.query.has("os_hidden") { conditions.append("i.os_hidden = 0") }
    for (name, value) in call.query.items { try addFilter(name, value) }
    try readSort(call.query)
  }

  /// What the caller may see of what they ask for: never more than their scope.
  private mutating func addScope(_ query: Query, _ caller: Principal) throws {
    let memberStatus = query["member_status"] ?? "accepted"
    guard memberStatus == "all" || ImageMember.Status(rawValue: memberStatus) != nil else {
      throw Fault.badRequest("\(memberStatus.quoted) is no status of a member.")
    }
    let project = caller.projectID ?? ""
    let visibility = query["visibility"].flatMap { $0.isEmpty ? nil : $0 }
    switch visibility {
    case nil: conditions.append("(i.visibility <> 'community' OR i.owner = \(project))")
    case "all"?: break
    case let asked?:
      guard Image.Visibility(rawValue: asked) != nil else {
        throw Fault.badRequest("\(asked.quoted) is no visibility.")
      }
      conditions.append("i.visibility = \(asked)")
    }
    if caller.isAdmin { return }
    let member: SQL =
      memberStatus == "all" ? "m.member_id = \(project)" : "m.member_id = \(project) AND m.status = \(memberStatus)"
    conditions.append(
      """
      (i.owner = \(project) OR i.visibility IN ('public', 'community') OR i.visibility = 'shared' AND EXISTS (
        SELECT 1 FROM image_member m WHERE m.image_id = i.id AND \(member)))
      """)
  }

  private mutating func addFilter(_ name: String, _ value: String) throws {
    if let column = Self.textColumns[name] {
      if Self.listable.contains(name), value.hasPrefix("in:") {
        conditions.append("\(raw: column) IN (\(list: try Self.words(String(value.dropFirst(3)))))")
      } else {
        conditions.append("\(raw: column) = \(value)")
      }
    } else if let comparison = Self.numberColumns[name] {
      guard let number = Int(value) else { throw Fault.badRequest("\(value.quoted) is no number for \(name).") }
      conditions.append("\(raw: comparison)\(number)")
    } else if name == "protected" || name == "os_hidden" {
      guard let flag = try Query([(name, value)]).bool(name) else { return }
      conditions.append("\(raw: "i." + name) = \(flag)")
    } else if name == "created_at" || name == "updated_at" {
      conditions.append(try Self.time("i." + name, value))
    } else if name == "tag" {
      conditions.append("EXISTS (SELECT 1 FROM image_tag t WHERE t.image_id = i.id AND t.tag = \(value))")
    } else if !Self.others.contains(name) {
      conditions.append(
        """
        EXISTS (SELECT 1 FROM image_property p WHERE p.image_id = i.id AND p.name = \(name) AND p.value = \(value))
        """)
    }
  }

  /// `a,"b,c"` → `a` and `b,c`.
  private static func words(_ text: String) throws -> [String] {
    var words: [String] = []
    var word = ""
    var quoted = false
    for character in text {
      switch character {
      case "\"": quoted.toggle()
      case "," where !quoted:
        words.append(word)
        word = ""
      default: word.append(character)
      }
    }
    guard !quoted else { throw Fault.badRequest("A quotation mark in an in: filter is not closed.") }
    return words + [word]
  }

  /// `gte:2026-08-01T00:00:00Z`; without an operator the moment itself. Moments are compared by the second.
  private static func time(_ column: String, _ value: String) throws -> SQL {
    let operators = ["gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"]
    let halves = value.split(separator: ":", maxSplits: 1)
    var (comparison, text) = ("=", value)
    if let named = halves.first.flatMap({ operators[String($0)] }), halves.count == 2 {
      (comparison, text) = (named, String(halves[1]))
    }
    guard let moment = Timestamp(iso8601: text) else { throw Fault.badRequest("\(value.quoted) is no time filter.") }
    return "\(raw: column) / 1000000 \(raw: comparison) \(moment.microseconds / 1_000_000)"
  }

  private mutating func readSort(_ query: Query) throws {
    var keys = query.all("sort_key").map { ($0, String?.none) }
    let directions = query.all("sort_dir")
    if let sort = query["sort"] {
      guard keys.isEmpty, directions.isEmpty else {
        throw Fault.badRequest("sort cannot be combined with sort_key and sort_dir.")
      }
      keys = sort.split(separator: ",").map { part in
        let halves = part.split(separator: ":", maxSplits: 1).map { $0.filter { $0 != " " } }
        return (halves.first ?? "", halves.count > 1 ? halves[1] : nil)
      }
    }
    if keys.isEmpty { keys = [("created_at", nil)] }
    guard directions.count <= 1 || directions.count == keys.count, keys.count <= Self.sortColumns.count else {
      throw Fault.badRequest("The number of sort directions and sort keys do not go together.")
    }
    for (place, (key, direction)) in keys.enumerated() {
      guard let column = Self.sortColumns[key] else { throw Fault.badRequest("\(key.quoted) is no key to sort by.") }
      let direction = direction ?? (directions.count > 1 ? directions[place] : directions.first) ?? "desc"
      guard direction == "asc" || direction == "desc" else {
        throw Fault.badRequest("\(direction.quoted) is no direction to sort in.")
      }
      sort.append((column, direction == "desc"))
    }
    let last = sort.last?.descending ?? true
    for column in ["i.created_at", "i.id"] where !sort.contains(where: { $0.column == column }) {
      sort.append((column, last))
    }
  }

  /// The statement of one page, one row more than asked, so that one knows whether there is a next.
  func statement() -> SQL {
    var conditions = conditions
    if let marker { conditions.append(after(marker)) }
    let order = sort.map { "\($0.column) \($0.descending ? "DESC" : "ASC")" }.joined(separator: ", ")
    return """
      SELECT \(ImageTable.columns) FROM \(ImageTable.source) \(SQL.whereAll(conditions))
      ORDER BY \(raw: order) LIMIT \(limit + 1)
      """
  }

  /// Rows behind the marker's: beyond it in the first key, or equal in that and beyond it in the second, and so on.
  private func after(_ marker: String) -> SQL {
    func own(_ column: String) -> SQL {
      "(SELECT \(raw: column) FROM \(ImageTable.source) WHERE i.id = \(marker))"
    }
    let choices = sort.indices.map { place -> SQL in
      let equal = sort[..<place].map { key -> SQL in "\(raw: key.column) = \(own(key.column))" }
      let key = sort[place]
      let beyond: SQL = "\(raw: key.column) \(raw: key.descending ? "<" : ">") \(own(key.column))"
      return "(\(SQL.joined(equal + [beyond], separator: " AND ")))"
    }
    return "(\(SQL.joined(choices, separator: " OR ")))"
  }
}
