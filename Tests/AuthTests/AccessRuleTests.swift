import Auth
import Testing

struct AccessRuleTests {
  private func rule(_ path: String) -> AccessRule {
    AccessRule(id: "r", service: "compute", method: "GET", path: path)
  }

  private func may(_ path: String, _ segments: String...) -> Bool {
    rule(path).allows(service: "compute", method: "GET", segments: segments)
  }

  @Test func aRuleNamesServiceMethodAndPath() {
    #expect(may("/v2.1/servers", "v2.1", "servers"))
    #expect(!may("/v2.1/servers", "v2.1", "servers", "x"))
    #expect(!may("/v2.1/servers", "v2.1"))
    #expect(!rule("/v2.1/**").allows(service: "image", method: "GET", segments: ["v2.1", "x"]))
    #expect(!rule("/v2.1/**").allows(service: "compute", method: "POST", segments: ["v2.1", "x"]))
  }

  /// As keystonemiddleware takes them.
  @Test func starsStandForMore() {
    #expect(may("/v2.1/servers/*/ips", "v2.1", "servers", "x", "ips"))
    #expect(!may("/v2.1/servers/*", "v2.1", "servers", "x", "ips"))
    #expect(!may("/v2.1/servers/*", "v2.1", "servers"))
    #expect(may("/v2.1/servers/{server_id}", "v2.1", "servers", "x"))
    #expect(may("/v2.1/servers/a*c", "v2.1", "servers", "abc"))
    #expect(!may("/v2.1/servers/a*c", "v2.1", "servers", "abd"))
    #expect(may("/v2.1/**", "v2.1", "servers", "x", "ips"))
    #expect(may("/v2.1/**/ips", "v2.1", "servers", "x", "ips"))
    #expect(may("/v2.1/server**", "v2.1", "servers", "x"))
    #expect(may("/**", "v2.1", "servers"))
  }

  /// What follows two stars counts, too: else the rule would allow whatever is below.
  @Test func whatFollowsTwoStarsCounts() {
    #expect(!may("/v2.1/**/ips", "v2.1", "servers", "x"))
    #expect(!may("/v2.1/**/ips", "v2.1", "servers", "x", "ips", "y"))
  }

  /// A slash within a segment is none between two.
  @Test func encodedSlashesAreNoSlashes() {
    #expect(!may("/v2.1/servers/x/ips", "v2.1", "servers", "x/ips"))
    #expect(!may("/v2.1/servers/*/ips", "v2.1", "servers", "x/ips"))
    #expect(may("/v2.1/servers/*", "v2.1", "servers", "x/ips"))
  }

  /// No rule makes a comparison long, and a path that is too long is allowed by none.
  @Test func theWorstRuleEnds() {
    let worst = "/" + String(repeating: "**a", count: 70)
    #expect(!may(worst, String(repeating: "a", count: 2000) + "b"))
    #expect(may(worst, String(repeating: "a", count: 2000)))
    #expect(!may("/**", String(repeating: "a", count: 4000)))
  }
}
