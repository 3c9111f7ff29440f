import Kit
import Testing

@testable import Identity

/// What lets every token in as far as the handler lets nobody past it, not even with what is its own.
struct UntilFoundTests {
  @Test func anOwnersKeyWithoutTheRoleOrTheScope() async throws {
    let personas = try await Personas()
    let admin = try await personas.cloud.admin()
    for (scope, level, see, delete) in [
      (.project, .reader, 200, 403), (.project, .member, 200, 204), (.domain, .member, 403, 403),
      (.domain, .admin, 403, 403),
    ] as [(Personas.Scope, Personas.Level, Int, Int)] {
      let persona = Personas.Persona(scope: scope, level: level)
      let keys = "/v3/users/\(try personas.userID(persona))/credentials/OS-EC2"
      let made = await personas.cloud.send("POST", keys, #"{"tenant_id": "\#(personas.projectID)"}"#, token: admin)
      let access = try #require(made.json["credential"]?["access"]?.string)
      #expect(try await personas.status(persona, "GET", "\(keys)/\(access)") == see, "\(persona)")
      #expect(try await personas.status(persona, "DELETE", "\(keys)/\(access)") == delete, "\(persona)")
    }
    // Nobody learns whether a key is there.
    #expect(
      try await personas.status(.init(scope: .domain, level: .reader), "GET", "/v3/users/x/credentials/OS-EC2/y") == 404
    )
  }
}
