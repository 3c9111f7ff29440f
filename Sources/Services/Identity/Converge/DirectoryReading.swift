import Converge

/// Reads the directories of domains anew, so that who left one is let in no longer than that.
struct DirectoryReading: Converger {
  let core: IdentityCore
  let name = "identity.directories"
  let interval: Duration = .seconds(60)
  let followsChanges = false

  func step() async throws { try await Directories(core: core).refresh() }
}
