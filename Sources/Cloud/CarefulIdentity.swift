public import Kit

/// What the careful verbs (restore, impact, offboard) ask the identity API, and how they say what it answers.
public struct CarefulIdentity: Sendable {
  private let question: Question

  public init(_ question: Question) { self.question = question }

  /// The kinds that can be deleted and restored.
  public static let kinds = ["user", "group", "role", "project", "domain"]
  private static let base = "/identity/v3"

  // MARK: Restore

  /// What can be restored, newest first. Throws `CloudProblem`.
  public func deleted() async throws -> JSONValue {
    try await question.send("GET", Self.base + "/haneul/deleted")
  }

  /// Restores the one deleted thing of a kind that has this id or name. Throws `CloudProblem`.
  public func restore(_ kind: String, _ named: String) async throws -> JSONValue {
    let entries = try await find(kind, named)
    guard let entry = entries.first?["id"]?.string else {
      throw CloudProblem("There is no deleted \(kind) \(named). haneul restore list tells what there is.")
    }
    guard entries.count == 1 else {
      let lines = entries.map { "  haneul restore \(kind) \($0["object_id"]?.string ?? "")   \(Self.when($0))" }
      throw CloudProblem("Several deleted \(kind)s are called \(named):\n" + lines.joined(separator: "\n"))
    }
    return try await question.send("POST", Self.base + "/haneul/deleted/\(Question.segment(entry))/restore")
  }

  private func find(_ kind: String, _ named: String) async throws -> [JSONValue] {
    let all = try await deleted()["deleted"]?.array ?? []
    let ofKind = all.filter { $0["kind"]?.string == kind }
    let byID = ofKind.filter { $0["object_id"]?.string == named || $0["id"]?.string == named }
    return byID.isEmpty ? ofKind.filter { $0["name"]?.string == named } : Array(byID.suffix(1))
  }

  private static func when(_ entry: JSONValue) -> String {
    "deleted \(entry["deleted_at"]?.string ?? "") by \(entry["deleted_by"]?.string ?? "the cloud itself")"
  }

  /// Lines for people.
  public static func text(deleted: JSONValue) -> String {
    let all = (deleted["deleted"]?.array ?? []).sorted {
      ($0["deleted_at"]?.string ?? "") > ($1["deleted_at"]?.string ?? "")
    }
    if all.isEmpty { return "Nothing that was deleted is kept." }
    return all.map { entry in
      "\(entry["kind"]?.string ?? "") \(entry["name"]?.string ?? "")  \(entry["object_id"]?.string ?? "")\n"
        + "  \(when(entry)); kept until \(entry["purge_after"]?.string ?? "")"
    }.joined(separator: "\n")
  }

  public static func text(restored answer: JSONValue) -> String {
    let restored = answer["restored"] ?? .null
    let rows = (restored["rows"]?.object ?? [:]).sorted { $0.key < $1.key }
    var lines = ["The \(restored["kind"]?.string ?? "") \(restored["name"]?.string ?? "") is back:"]
    lines += rows.map { "  \($0.value.int ?? 0) \($0.key.replacing("_", with: " "))" }
    for (name, words) in [("waiting", "comes back with"), ("dropped", "is gone for good, with what it belonged to")] {
      let remnants = restored[name]?.array ?? []
      let count = restored[name + "_count"]?.int ?? 0
      lines += remnants.map { "  not: \(members($0)) \(words) \($0["with"]?.string ?? "")" }
      if count > remnants.count { lines.append("  and \(count - remnants.count) more") }
    }
    lines.append("Tokens of before stay dead: whoever needs one logs in again.")
    return lines.joined(separator: "\n")
  }

  // MARK: Impact

  /// What would be lost; `named` is an id or a name. Throws `CloudProblem`.
  public func impact(_ kind: String, _ named: String) async throws -> JSONValue {
    let id = try await id(kind, named)
    return try await question.send("DELETE", "\(Self.base)/\(kind)s/\(Question.segment(id))?impact=true")
  }

  /// The id of what has it, else of the only one that has it as its name.
  private func id(_ kind: String, _ named: String) async throws -> String {
    let list = try await question.send("GET", "\(Self.base)/\(kind)s?name=\(Question.segment(named))")
    let found = (list["\(kind)s"]?.array ?? []).compactMap { $0["id"]?.string }
    guard found.count <= 1 else {
      throw CloudProblem(
        "Several \(kind)s are called \(named): \(found.joined(separator: ", ")). Say which, by its id.")
    }
    return found.first ?? named
  }

  public static func text(impact answer: JSONValue) -> String {
    let impact = answer["impact"] ?? .null
    let what = "\(impact["kind"]?.string ?? "") \(impact["name"]?.string ?? "")"
    var lines = ["Deleting \(what) would take away:"]
    for (name, value) in (impact["rows"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      lines.append("  \(value.int ?? 0) \(name.replacing("_", with: " "))")
    }
    let sorts = [
      ("application_credentials", "Application credentials that would end or lose a role"), ("trusts", "Trusts"),
      ("credentials", "Credentials and keys"), ("users_without_role", "Users that would have no role anywhere"),
      ("automation", "Logged in within the last 30 days, and could not any more"),
    ]
    for (name, title) in sorts {
      let all = impact[name]?["first"]?.array ?? []
      let count = impact[name]?["count"]?.int ?? 0
      if count == 0 { continue }
      lines.append("\(title): \(count)")
      lines += all.map { "  \(members($0))" }
    }
    lines += unreachable(impact)
    let keys = (impact["keypairs"]?.array ?? []).flatMap { $0["ids"]?.array ?? [] }.compactMap(\.string)
    if !keys.isEmpty { lines.append("Key pairs of Nova, which stay as they are: \(keys.joined(separator: ", "))") }
    if let refusal = impact["refused_without_force"]?.string { lines.append("It would be refused: \(refusal)") }
    lines.append(
      "Nothing was deleted. After a delete haneul restore brings it back until about "
        + "\(impact["restorable_until"]?.string ?? "").")
    return lines.joined(separator: "\n")
  }

  private static func unreachable(_ answer: JSONValue) -> [String] {
    (answer["unreachable"]?.array ?? []).map { lost in
      let things = (lost["holds"]?.array ?? []).map { "\($0["count"]?.int ?? 0) \($0["kind"]?.string ?? "")" }
      return "Nobody but administrators of the cloud would reach project \(lost["project_name"]?.string ?? ""): "
        + things.joined(separator: ", ")
    }
  }

  // MARK: Offboard

  /// Plans (`plan`) or does it. Throws `CloudProblem`.
  public func offboard(
    _ user: String, to successor: String, newSecrets: Bool, force: Bool, plan: Bool
  ) async throws -> JSONValue {
    let body: JSONValue = .object([
      "offboard": .object([
        "user_id": .string(try await id("user", user)), "to_user_id": .string(try await id("user", successor)),
        "new_secrets": .bool(newSecrets),
      ])
    ])
    return try await question.send("POST", "\(Self.base)/haneul/offboard?plan=\(plan)&force=\(force)", body)
  }

  public static func text(offboard answer: JSONValue) -> String {
    let result = answer["offboard"] ?? .null
    let name = result["user"]?["name"]?.string ?? ""
    var lines: [String] = []
    for moved in result["service_principals"]?.array ?? [] {
      let roles = (moved["roles"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
      lines.append(
        "\(moved["kind"]?.string ?? "") \(moved["name"]?.string ?? "") (\(moved["id"]?.string ?? "")) becomes project "
          + "\(moved["project"]?["name"]?.string ?? "")'s own: "
          + "user \(moved["owner"]?["name"]?.string ?? "") with \(roles)")
      if let secret = moved["secret"]?.string { lines.append("  its new secret, shown once: \(secret)") }
    }
    let successor = result["to"]?["name"]?.string ?? ""
    lines += (result["keypairs"]?.array ?? []).map {
      "key pair \($0["name"]?.string ?? "") becomes \(successor)'s, as \($0["new_name"]?.string ?? "")"
    }
    lines += (result["trusts"]?.array ?? []).map { "trust \($0["id"]?.string ?? "") ends with \(name)" }
    lines += (result["left"]?.array ?? []).map {
      "application credential \($0["name"]?.string ?? "") is of no use, and stays"
    }
    lines += unreachable(result)
    lines.append("\(name) is disabled, and every token of \(name)'s is dead.")
    return lines.joined(separator: "\n")
  }

  /// `name=x role_name=y`: what tells a thing, without ids that have a name.
  private static func members(_ thing: JSONValue) -> String {
    let all = thing.object ?? [:]
    let told = all.filter { name, value in
      name != "with" && !value.isNull && !(name.hasSuffix("_id") && all[String(name.dropLast(2)) + "name"] != nil)
    }
    return told.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? $0.value.text)" }
      .joined(separator: " ")
  }
}
