import ArgumentParser
import Cloud
import Kit

/// `haneul restore`: what was deleted, or a whole backup.
struct RestoreVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring back a user, group, role, project or domain that was deleted, or a whole backup.",
    discussion: """
      What was deleted is kept for a while (30 days where haneul up --deleted-days says nothing else), with all that \
      went with it: assignments, memberships, application credentials and their secrets. A backup \
      replaces the whole store; a file that is called like one of the words below is given with its folder, ./user.

        haneul restore list
        haneul restore role auditor
        haneul restore /backup/cloud-2026-08-01
      """,
    subcommands: [
      RestoreList.self, RestoreThing<UserKind>.self, RestoreThing<GroupKind>.self, RestoreThing<RoleKind>.self,
      RestoreThing<ProjectKind>.self, RestoreThing<DomainKind>.self, RestoreBackup.self,
    ],
    defaultSubcommand: RestoreBackup.self)
}

/// A kind of what can be restored, as a word of the command line.
protocol RestorableKind { static var word: String { get } }
enum UserKind: RestorableKind { static let word = "user" }
enum GroupKind: RestorableKind { static let word = "group" }
enum RoleKind: RestorableKind { static let word = "role" }
enum ProjectKind: RestorableKind { static let word = "project" }
enum DomainKind: RestorableKind { static let word = "domain" }

struct RestoreList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List what was deleted and can be restored, newest first.")

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let answer = try await CarefulIdentity(options.question).deleted()
    print(options.json ? answer.text : CarefulIdentity.text(deleted: answer))
  }
}

struct RestoreThing<Kind: RestorableKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: Kind.word, abstract: "Bring back a \(Kind.word) that was deleted.")
  }

  @Argument(help: "Its id, or its name.")
  var name: String

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let answer = try await CarefulIdentity(options.question).restore(Kind.word, name)
    print(options.json ? answer.text : CarefulIdentity.text(restored: answer))
  }
}

/// `haneul impact`: what a delete would take away.
struct ImpactVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "impact",
    abstract: "Tell what deleting a user, group, role, project or domain would take away. Deletes nothing.",
    discussion: """
      Assignments, application credentials, trusts and keys that would go; users that would have no role left; \
      projects with servers, images or networks that nobody but administrators would reach; what has \
      logged in lately and could not any more.

        haneul impact delete role auditor
        haneul impact delete user 3f2c8a10…
      """)

  @Argument(help: "What would be done: delete.")
  var action: String

  @Argument(help: "user, group, role, project or domain.")
  var kind: String

  @Argument(help: "Its id, or its name.")
  var name: String

  @OptionGroup var options: QuestionOptions

  func validate() throws {
    guard action == "delete" else { throw ValidationError("haneul impact tells of delete, not of \(action).") }
    guard CarefulIdentity.kinds.contains(kind) else {
      throw ValidationError("\(kind) is none of \(CarefulIdentity.kinds.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    let answer = try await CarefulIdentity(options.question).impact(kind, name)
    print(options.json ? answer.text : CarefulIdentity.text(impact: answer))
  }
}

/// `haneul offboard`: somebody leaves.
struct OffboardVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "offboard",
    abstract: "Let a person leave without breaking what depends on the person's logins.",
    discussion: """
      Application credentials and EC2 keys become their projects' own: each gets a user of its own with the roles it \
      had, and keeps its id; programs go on. Key pairs become the successor's. The person is disabled. Servers are not \
      touched. Without --yes it only tells what would be done.

        haneul offboard anna --to bert
        haneul offboard anna --to bert --new-secrets --yes
      """)

  @Argument(help: "Who leaves: a user's id, or its name.")
  var user: String

  @Option(name: .customLong("to"), help: "Who takes over: a user's id, or its name.")
  var successor: String

  @Flag(help: "Do it.")
  var yes = false

  @Flag(help: "Give what is moved new secrets, shown once: whoever leaves may know the old ones.")
  var newSecrets = false

  @Flag(help: "Do it though the person is the last administrator.")
  var force = false

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let answer = try await CarefulIdentity(options.question).offboard(
      user, to: successor, newSecrets: newSecrets, force: force, plan: !yes)
    print(options.json ? answer.text : CarefulIdentity.text(offboard: answer))
    if !yes && !options.json { print("That is the plan. Nothing was done: say --yes.") }
  }
}
