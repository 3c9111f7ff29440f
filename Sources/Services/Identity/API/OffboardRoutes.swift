import API
import Auth
import Contracts
import Kit
import Store

/// `haneul offboard`: somebody leaves, and what depends on the person does not.
struct OffboardRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      Route(
        .post, "/v3/haneul/offboard", Permission("haneul:offboard_user", .any(IdentityPolicy.admin)), query: .offboard,
        body: .needed(.offboard)
      ) { try await offboard($0) }
    ]
  }

  /// With `?plan=true` it only tells what would be done.
  private func offboard(_ call: Call) async throws -> Reply {
    let fields = try call.object("offboard")
    let rules = OffboardRules(
      core: core, userID: try fields.string("user_id", 1...64), successorID: try fields.string("to_user_id", 1...64),
      newSecrets: try fields.optionalBool("new_secrets") ?? false)
    let rule = try LastAdministrator(core, call)
    let isPlan = try call.query.bool("plan") ?? false
    let result = try await isPlan ? rules.plan(rule) : rules.run(rule)
    return Reply.one(200, "offboard") { $0.offboarding(result, done: !isPlan) }
  }
}

extension JSONWriter {
  fileprivate mutating func offboarding(_ result: Offboarding, done: Bool) {
    object {
      $0.field("done", done)
      $0.named("user", id: result.user.id, result.user.name)
      $0.named("to", id: result.successor.id, result.successor.name)
      $0.field("service_principals", result.moved) { $0.moved($1) }
      $0.field("keypairs", result.keys) { json, key in
        json.object {
          $0.field("name", key.name)
          $0.field("new_name", key.newName)
        }
      }
      $0.field("trusts", result.trusts) { $0.value($1) }
      $0.field("left", result.left) { json, credential in
        json.object {
          $0.field("id", credential.id)
          $0.field("name", credential.name)
        }
      }
      $0.field("unreachable", result.unreachable) { $0.lost($1) }
    }
  }

  private mutating func moved(_ moved: Offboarding.Moved) {
    object {
      $0.field("kind", moved.kind)
      $0.field("id", moved.id)
      $0.field("name", moved.name)
      $0.named("project", id: moved.project.id, moved.project.name)
      $0.named("owner", id: moved.owner.id, moved.owner.name)
      $0.field("roles", moved.roles)
      if let secret = moved.newSecret { $0.field("secret", secret.reveal()) }
    }
  }
}
