import API
import Auth
import Kit

/// `/extensions`: what was optional once and is always there now.
enum ExtensionRoutes {
  private static let all: [(alias: String, name: String)] = [
    ("NMN", "Multinic"), ("OS-DCF", "DiskConfig"), ("OS-EXT-AZ", "ExtendedAvailabilityZone"),
    ("OS-EXT-IPS", "ExtendedIps"), ("OS-EXT-IPS-MAC", "ExtendedIpsMac"),
    ("OS-EXT-SRV-ATTR", "ExtendedServerAttributes"),
    ("OS-EXT-STS", "ExtendedStatus"), ("OS-FLV-DISABLED", "FlavorDisabled"), ("OS-FLV-EXT-DATA", "FlavorExtraData"),
    ("OS-SCH-HNT", "SchedulerHints"), ("OS-SRV-USG", "ServerUsage"), ("os-attach-interfaces", "AttachInterfaces"),
    ("os-availability-zone", "AvailabilityZone"), ("os-block-device-mapping-v2-boot", "BlockDeviceMappingV2Boot"),
    ("os-config-drive", "ConfigDrive"), ("os-console-output", "ConsoleOutput"),
    ("os-flavor-access", "FlavorAccess"), ("os-flavor-extra-specs", "FlavorExtraSpecs"),
    ("os-flavor-manage", "FlavorManage"), ("os-hypervisors", "Hypervisors"), ("os-instance-actions", "InstanceActions"),
    ("os-keypairs", "Keypairs"), ("os-quota-sets", "Quotas"), ("os-security-groups", "SecurityGroups"),
    ("os-server-start-stop", "ServerStartStop"), ("os-services", "Services"), ("os-used-limits", "UsedLimits"),
    ("os-user-data", "UserData"),
  ]

  static var routes: [Route] {
    [
      Route(.get, "/v2.1/extensions", ComputePermissions.read("extensions"), query: .unread) { _ in
        .json { json in json.field("extensions", all) { write(&$0, $1) } }
      },
      Route(.get, "/v2.1/extensions/{alias}", ComputePermissions.read("extensions"), query: .unread) { call in
        let alias = try call.parameter("alias")
        guard let found = all.first(where: { $0.alias == alias }) else {
          throw Fault.notFound("The resource could not be found.")
        }
        return .json { json in
          json.key("extension")
          write(&json, found)
        }
      },
    ]
  }

  private static func write(_ json: inout JSONWriter, _ item: (alias: String, name: String)) {
    json.object {
      $0.field("alias", item.alias)
      $0.field("name", item.name)
      $0.field("description", item.name)
      $0.field("namespace", "http://docs.openstack.org/compute/ext/fake_xml")
      $0.field("updated", "2014-12-03T00:00:00Z")
      $0.field("links", [String]())
    }
  }
}
