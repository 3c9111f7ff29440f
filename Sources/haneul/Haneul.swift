import ArgumentParser
import Cloud

/// `haneul`: an OpenStack-compatible cloud in one program. One file a verb.
@main
struct Haneul: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "haneul",
    abstract: "An OpenStack-compatible cloud in one program.",
    discussion: """
      `haneul up` brings up a cloud on this machine; its clouds.yaml tells OpenStack's clients how to reach it:

        haneul up
        export OS_CLIENT_CONFIG_FILE=/var/lib/haneul/clouds.yaml OS_CLOUD=haneul
        openstack server list
      """,
    subcommands: [
      Up.self, Down.self, Status.self, DoctorVerb.self, FirstServerVerb.self, ExplainVerb.self, WhatisVerb.self,
      DriftVerb.self, AuditVerb.self, QuarantineVerb.self, BackupVerb.self, RestoreVerb.self, CheckVerb.self,
      ImpactVerb.self, OffboardVerb.self, WhoCanVerb.self, WhyDeniedVerb.self,
      Routes.self,
      ControlVerb.self, NodeVerb.self,
      MetadataChildVerb.self,
    ])
}

/// The option every verb has: which cloud.
struct StateOption: ParsableArguments {
  @Option(name: .customLong("state-dir"), help: "Where the cloud keeps everything.")
  var path: String = StateDirectory.standard

  var directory: StateDirectory { StateDirectory(path) }
}
