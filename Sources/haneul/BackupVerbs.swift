import ArgumentParser
import Cloud
import Foundation
import Kit

/// `haneul backup`: everything that control needs, in one file, while the cloud runs.
struct BackupVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write everything this cloud knows into one file, while it runs.",
    discussion: """
      The file holds one moment of the store, the keys, the settings and the logins: keep it as you keep passwords. \
      Servers' disks are not in it. It restores on SQLite and on PostgreSQL alike, whichever it came from. Run it as \
      root:

        haneul backup /backup/cloud-$(date +%F)
      """)

  @OptionGroup var state: StateOption

  @Argument(help: "The file to write, mode 0600; one of that name is replaced. It appears when it is whole.")
  var file: String

  @Flag(help: "With the bytes of every image, too, which makes it as large as they are.")
  var withImages = false

  func run() async throws {
    let backup = Backup(state: state.directory) { step, seconds in print("  \(step.padded(44)) \(seconds.asSeconds)") }
    let rows = try await backup.write(file, withImages: withImages)
    print("\(file) holds this cloud: \(rows) rows. haneul restore \(file) brings it back.")
  }
}

/// `haneul restore FILE`: puts a backup in the place of the store.
struct RestoreBackup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Put a backup in the place of this cloud's store. Control must be down.",
    discussion: """
      The whole file is verified first; a damaged one, one of another cloud, and one of a later release change \
      nothing. The store of before is kept. Servers run on: what the backup does not know stays as it is, in quarantine.
      The logins (clouds.yaml) become those of the backup; the settings, too, where there was no cloud.

        haneul down
        haneul restore /backup/cloud-2026-08-01
        haneul up
      """)

  @OptionGroup var state: StateOption

  @Argument(help: "The file that haneul backup wrote.")
  var file: String

  @Option(
    help: ArgumentHelp(
      """
      Restore into this PostgreSQL database, and keep everything there from now on: \
      postgres://USER:PASSWORD@HOST/DATABASE. Without it the store stays where it is.
      """, valueName: "url"))
  var store: String?

  func run() async throws {
    guard geteuid() == 0 else { throw CloudProblem("`haneul restore` needs root: it writes what is control's own.") }
    let owner = try SystemUser(named: SystemUser.control)
    let restore = Restore(state: state.directory, address: store.map { Secret($0) }) { step, seconds in
      print("  \(step.padded(44)) \(seconds.asSeconds)")
    }
    let outcome = try await restore.run(file, owner: owner)
    for warning in outcome.warnings { print("Look at this: \(warning)") }
    print("Cloud \(outcome.cloudID) is restored: \(outcome.rows) rows, epoch \(outcome.epoch) begins.")
    if let before = outcome.before { print("The store of before is kept: \(before)") }
    print("haneul up starts it. Then: haneul quarantine lists what hosts hold that the backup does not know.")
  }
}

/// `haneul check`: whether the store is sound.
struct CheckVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Verify the store: ledgers equal what they count, no orphans, no dangling references.",
    discussion: """
      It only reads, whether the cloud runs or not, and says of each thing that is wrong what to do. Run it as root: \
      it looks at the files of images, too. Exit status 0 when everything holds, 1 otherwise.
      """)

  @OptionGroup var state: StateOption

  @Flag(help: "List what is verified, a line each. Needs no cloud.")
  var list = false

  func run() async throws {
    if list {
      return print(try await InvariantCheck().listing)
    }
    let report = try await InvariantCheck.run(state: state.directory)
    print(report.text)
    if !report.broken.isEmpty { throw ExitCode.failure }
  }
}
