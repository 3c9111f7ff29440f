import API
import Kit
import Testing

@testable import Identity

/// What the rules of a mapping make of what an identity provider says.
struct MappingTests {
  private func rules(_ json: String, version: String = "1.0") throws -> MappingRules {
    try MappingRules(FederationMapping(id: "m", rules: try JSONValue(parsing: json), schemaVersion: version))
  }

  private func map(
    _ json: String, version: String = "1.0", _ values: [String: [String]]
  ) throws -> MappedIdentity {
    try MappingEngine.evaluate(try rules(json, version: version), Assertion(values: values, subject: nil))
  }

  @Test func placesAreFilledInOrder() throws {
    let mapped = try map(
      """
      [{"local": [{"user": {"name": "{0} {1}", "email": "{2}", "id": "{{{0}}}"}}],
        "remote": [{"type": "First"}, {"type": "Kind", "any_one_of": ["staff"]}, {"type": "Last"}, {"type": "Mail"}]}]
      """, ["First": ["Bob"], "Last": ["Thompson"], "Mail": ["bob@example.org"], "Kind": ["guest", "staff"]])
    #expect(mapped.userName == "Bob Thompson")
    #expect(mapped.email == "bob@example.org")
    #expect(mapped.userID == "{Bob}")
    #expect(!mapped.isLocal)
  }

  @Test func requirementsDecideWhetherARuleApplies() throws {
    let json = """
      [{"local": [{"user": {"name": "{0}"}}, {"group": {"id": "staff"}}],
        "remote": [{"type": "U"}, {"type": "K", "any_one_of": ["a", "b"]}, {"type": "K", "not_any_of": ["x"]}]},
       {"local": [{"group": {"name": "ops", "domain": {"name": "D"}}}],
        "remote": [{"type": "K", "any_one_of": ["^op"], "regex": true}]}]
      """
    let both = try map(json, ["U": ["u"], "K": ["b", "ops"]])
    #expect(both.groupIDs == ["staff"])
    #expect(both.groupNames.map(\.name) == ["ops"])
    #expect(try map(json, ["U": ["u"], "K": ["a"]]).groupNames.isEmpty)
    let last = try map(json, ["U": ["u"], "K": ["b", "x", "open"]])
    #expect(last.userName == nil && last.groupIDs.isEmpty && last.groupNames.count == 1)
    #expect(throws: MappingEngine.Failure.self) { try map(json, ["U": ["u"], "K": ["x", "a"]]) }
    #expect(throws: MappingEngine.Failure.self) { try map(json, ["K": ["none"]]) }
    #expect(throws: MappingEngine.Failure.self) { try map(json, [:]) }
  }

  @Test func listsOfGroups() throws {
    func groups(_ test: String) throws -> Set<String> {
      let mapped = try map(
        """
        [{"local": [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"id": "default"}}],
          "remote": [{"type": "U"}, {"type": "G"\(test)}]}]
        """, ["U": ["u"], "G": ["dev", "ops", "admins"]])
      #expect(mapped.groupNames.allSatisfy { $0.domain.id == "default" })
      return Set(mapped.groupNames.map(\.name))
    }
    #expect(try groups("") == ["dev", "ops", "admins"])
    #expect(try groups(#", "whitelist": ["ops", "other"]"#) == ["ops"])
    #expect(try groups(#", "blacklist": ["admins"]"#) == ["dev", "ops"])
    #expect(try groups(#", "whitelist": ["^(dev|ops)$"], "regex": true"#) == ["dev", "ops"])
    #expect(try groups(#", "blacklist": ["adm"], "regex": true"#) == ["dev", "ops"])
    #expect(try groups(#", "whitelist": []"#).isEmpty)
    let ids = try map(
      """
      [{"local": [{"group_ids": "{0}"}, {"group_ids": "['x', \\"y\\"]"}, {"group_ids": "z"}],
        "remote": [{"type": "I"}]}]
      """, ["I": ["a", "b"]])
    #expect(ids.groupIDs == ["a", "b", "x", "y", "z"])
  }

  /// What is said of a user is put in and never read as a rule: no list, no place and no domain comes of it.
  @Test func valuesAreNoRules() throws {
    let json = """
      [{"local": [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"name": "Partners"}}, {"group_ids": "{2}"}],
        "remote": [{"type": "U"}, {"type": "G"}, {"type": "I"}]}]
      """
    let mapped = try map(
      json,
      [
        "U": ["{1}{9}"], "G": [#"JSON:{"name": "admins", "domain": {"name": "Default"}}"#, "['admins', 'ops']"],
        "I": ["['root']"],
      ])
    #expect(mapped.userName == "{1}{9}")
    #expect(mapped.groupNames.allSatisfy { $0.domain.name == "Partners" })
    #expect(!mapped.groupNames.contains { $0.name == "admins" })
    #expect(mapped.groupIDs == ["['root']"])
  }

  @Test func groupsWithTheirOwnDomain() throws {
    let json = #"[{"local": [{"groups": "{0}"}], "remote": [{"type": "G"}]}]"#
    let mapped = try map(json, ["G": [#"JSON:{"name": "ops", "domain": {"name": "D"}}"#]])
    #expect(mapped.groupNames == [.init(name: "ops", domain: .init(id: nil, name: "D"))])
    #expect(throws: MappingEngine.Failure.self) { try map(json, ["G": ["ops"]]) }
  }

  @Test func projectsByVersion() throws {
    let json = """
      [{"local": [{"user": {"name": "{0}"}},
          {"projects": [{"name": "home of {0}", "roles": [{"name": "member"}]}], "domain": {"id": "d"}}],
        "remote": [{"type": "U"}]}]
      """
    let first = try map(json, ["U": ["u"]])
    #expect(first.projects.map(\.name) == ["home of u"])
    #expect(first.projects.first?.roles == ["member"])
    #expect(first.projects.first?.domain == nil && first.userDomain == nil)
    let second = try map(json, version: "2.0", ["U": ["u"]])
    #expect(second.projects.first?.domain?.id == "d" && second.userDomain?.id == "d")
    let own = json.replacing(#"{"name": "home of {0}","#, with: #"{"name": "p", "domain": {"name": "o"},"#)
    #expect(try map(own, version: "2.0", ["U": ["u"]]).projects.first?.domain?.name == "o")
    #expect(throws: Fault.self) { try rules(own) }
    let third = """
      [{"local": [{"user": {"name": "{0}"}}, {"projects_json": "{1}"}], "remote": [{"type": "U"}, {"type": "P"}]}]
      """
    let said = [#"[{"name": "a", "roles": [{"name": "reader"}]}]"#, #"{"name": "{0}", "roles": []}"#]
    let told = try map(third, version: "3.0", ["U": ["u"], "P": said])
    #expect(told.projects.map(\.name) == ["a", "{0}"])
    #expect(throws: MappingEngine.Failure.self) { try map(third, version: "3.0", ["U": ["u"], "P": ["no"]]) }
    #expect(throws: Fault.self) { try rules(third, version: "2.0") }
  }

  @Test(arguments: [
    "{9}", "{0", "0}", "{a}", "{0.x}", "{0[0]}", "{}", "{0:>9}", "{-1}",
  ])
  func bracesThatStandForNothing(text: String) throws {
    let json = JSONValue.array([
      .object([
        "local": .array([.object(["user": .object(["name": .string(text)])])]),
        "remote": .array([.object(["type": .string("U")])]),
      ])
    ])
    let sound = try MappingRules(FederationMapping(id: "m", rules: json, schemaVersion: "1.0"))
    #expect(throws: MappingEngine.Failure.self) {
      try MappingEngine.evaluate(sound, Assertion(values: ["U": ["u"]], subject: nil))
    }
  }

  @Test(arguments: [
    "[]", #"[{"local": []}]"#, #"[{"remote": [{"type": "x"}]}]"#, #"[{"local": [], "remote": []}]"#,
    #"[{"local": [], "remote": [{}]}]"#, #"[{"local": [], "remote": [{"type": 1}]}]"#,
    #"[{"local": [], "remote": [{"type": "x", "any_one_of": ["a"], "whitelist": ["a"]}]}]"#,
    #"[{"local": [], "remote": [{"type": "x", "regex": true}]}]"#,
    #"[{"local": [], "remote": [{"type": "x", "any_one_of": ["(a+)\\1"], "regex": true}]}]"#,
    #"[{"local": [{"user": {"type": "admin"}}], "remote": [{"type": "x"}]}]"#,
    #"[{"local": [{"group": {"name": "g"}}], "remote": [{"type": "x"}]}]"#,
    #"[{"local": [{"group": {"id": "g", "name": "g"}}], "remote": [{"type": "x"}]}]"#,
    #"[{"local": [{"projects": [{"name": "p"}]}], "remote": [{"type": "x"}]}]"#,
    #"[{"local": [{"nonsense": 1}], "remote": [{"type": "x"}]}]"#,
    #"[{"local": [], "remote": [{"type": "x"}], "a": 1}]"#,
  ])
  func refusedRules(json: String) throws {
    #expect(throws: Fault.self) { try rules(json) }
    #expect(throws: Fault.self) { try rules(#"[{"local": [], "remote": [{"type": "x"}]}]"#, version: "9.9") }
  }

  /// Many patterns on many values end with a refusal, not with a busy server.
  @Test func workIsBounded() throws {
    let patterns = (0..<500).map { #""^(a|b|ab)*\#($0)$""# }.joined(separator: ",")
    let sound = try rules(#"[{"local": [], "remote": [{"type": "x", "any_one_of": [\#(patterns)], "regex": true}]}]"#)
    let values = (0..<500).map { _ in String(repeating: "ab", count: 2000) }
    #expect(throws: MappingEngine.Failure.self) {
      try MappingEngine.evaluate(sound, Assertion(values: ["x": values], subject: nil), steps: 100_000)
    }
  }
}
