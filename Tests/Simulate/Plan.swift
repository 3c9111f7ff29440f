/// How large one simulated cloud is, how long it is troubled, and by how much.
struct Plan {
  var seed: UInt64 = 1
  var nodes = 50
  var projects = 5
  /// Servers the users keep at the same time, about.
  var servers = 300
  /// Users who wish at the same time, in each project.
  var usersPerProject = 4
  /// How long a user thinks between two wishes.
  var thinkMilliseconds = 300...3000
  /// Simulated seconds with users and faults; after that the faults stop and everything must come to rest.
  var seconds = 300
  /// Simulated seconds in which everything must have come to rest. A user's action has ten minutes before it is given
  /// up, and what waits for it has as much again.
  var restSecondsMax = 1800
  /// Whether anything fails at all.
  var faults = true

  /// Of every thousand calls of an agent to its host.
  var driverFails = 8
  var driverHangs = 2
  var agentDies = 2
  /// Of every thousand messages between a node and control.
  var messageLost = 8
  /// Reports and greetings that control comes to long after the node gave them up, and after newer ones.
  var reportLate = 4
  /// Of every thousand reads and writes while the store is ill.
  var storeFails = 300
  /// Seconds between two blows of fate, about.
  var blowEvery = 4
}
