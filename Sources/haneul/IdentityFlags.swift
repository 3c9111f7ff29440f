import ArgumentParser
import Cloud

/// Options of `haneul up` for logins, passwords and what is deleted; each is kept for next time.
struct IdentityFlags: ParsableArguments {
  @Option(help: ArgumentHelp("How long a token lives. [first: 3600]", valueName: "seconds"))
  var tokenSeconds: Int?

  @Option(help: ArgumentHelp("Failed logins in a row that lock a user out; 0 is never. [first: 5]", valueName: "n"))
  var lockoutFailures: Int?

  @Option(
    help: ArgumentHelp(
      "How long a user stays locked out; 0 is until an administrator enables it. [first: 1800]", valueName: "seconds"))
  var lockoutSeconds: Int?

  @Option(
    help: ArgumentHelp("Days without a login after which a user is disabled; 0 is never. [first: 0]", valueName: "n"))
  var inactiveDays: Int?

  @Option(help: ArgumentHelp("Days after which a password ends; 0 is never. [first: 0]", valueName: "n"))
  var passwordDays: Int?

  @Option(help: ArgumentHelp("Days that a user's own new password stays; 0 is none. [first: 0]", valueName: "n"))
  var passwordMinimumDays: Int?

  @Option(
    help: ArgumentHelp(
      "So many passwords in a row must differ, 32 at the most; 0 asks for nothing. [first: 0]",
      valueName: "n"))
  var passwordHistory: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "A password that an administrator set must be changed before it can be used. [first: no]")
  var passwordChangeFirst: Bool?

  @Option(
    help: ArgumentHelp(
      "What new passwords must match from their beginning, a regular expression; empty is anything. [first: empty]",
      valueName: "regex"))
  var passwordPattern: String?

  @Option(help: ArgumentHelp("Says to users what --password-pattern asks for.", valueName: "text"))
  var passwordHint: String?

  @Option(help: ArgumentHelp("Days that what was deleted can be restored. [first: 30]", valueName: "n"))
  var deletedDays: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "No project may have a larger limit than its domain, or stand below another (strict_two_level). [first: no]")
  var strictLimits: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "A project that was given no endpoints (endpoint filters) has all of them in its catalogue. [first: yes]")
  var allEndpoints: Bool?

  var choices: IdentityChoices {
    var choices = IdentityChoices()
    choices.tokenSeconds = tokenSeconds
    choices.lockoutFailures = lockoutFailures
    choices.lockoutSeconds = lockoutSeconds
    choices.inactiveDays = inactiveDays
    choices.passwordDays = passwordDays
    choices.passwordMinimumDays = passwordMinimumDays
    choices.passwordHistory = passwordHistory
    choices.passwordChangeFirst = passwordChangeFirst
    choices.passwordPattern = passwordPattern
    choices.passwordHint = passwordHint
    choices.deletedDays = deletedDays
    choices.strictLimits = strictLimits
    choices.allEndpoints = allEndpoints
    return choices
  }
}
