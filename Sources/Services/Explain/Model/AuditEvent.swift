import Contracts
import Kit

/// A record as a CADF event (DMTF DSP0262), as JSON.
enum AuditEvent {
  static func write(_ record: AuditRecord, to json: inout JSONWriter) {
    json.object { json in
      json.field("typeURI", "http://schemas.dmtf.org/cloud/audit/1.0/event")
      json.field("id", record.requestID)
      json.field("eventType", record.kind == .refusal ? "control" : "activity")
      json.field("eventTime", record.began.iso8601Microseconds)
      json.field("action", action(record))
      json.field("outcome", record.succeeded ? "success" : "failure")
      json.field("reason") {
        $0.field("reasonType", "HTTP")
        $0.field("reasonCode", String(record.status))
      }
      json.field("initiator") { initiator(record, &$0) }
      json.field("target") {
        $0.field("typeURI", target(record))
        $0.field("id", record.targetID ?? AuditRecord.unknown)
      }
      json.field("observer") {
        $0.field("typeURI", "service" + (record.service.map { "/\($0)" } ?? ""))
        $0.field("id", "haneul")
      }
      json.field("requestPath", record.path)
      json.field("requestMethod", record.method)
      json.field("permission", record.permission)
      json.field("global_request_id", record.globalRequestID)
      json.field("trace_id", record.traceID)
      json.field("duration_us", Int(record.microseconds))
      json.field("times", record.times)
      if !record.changes.isEmpty { attachment(record, &json) }
    }
  }

  /// CADF's place for what an event carries: each change of access with what was before and after.
  private static func attachment(_ record: AuditRecord, _ json: inout JSONWriter) {
    json.field("attachments", [record.changes]) { json, changes in
      json.object {
        $0.field("typeURI", "http://schemas.haneul.cloud/access-changes")
        $0.field("name", "changes")
        $0.field("content", changes) { $0.value($1.json) }
      }
    }
  }

  private static func initiator(_ record: AuditRecord, _ json: inout JSONWriter) {
    json.field("typeURI", "service/security/account/user")
    json.field("id", record.userID.isEmpty ? AuditRecord.unknown : record.userID)
    json.field("name", record.userName.isEmpty ? nil : record.userName)
    json.field("project_id", record.projectID)
    json.field("project_name", record.projectName)
    json.field("host") {
      $0.field("address", record.address)
      $0.field("agent", record.agent)
    }
  }

  /// CADF's words for what is done.
  static func action(_ record: AuditRecord) -> String {
    if record.kind == .login { return "authenticate" }
    switch record.method {
    case "POST": return record.route?.hasSuffix("/action") == true ? "update" : "create"
    case "PUT", "PATCH": return "update"
    case "DELETE": return "delete"
    default: return "read"
    }
  }

  /// `service/compute/servers`, from the route's own words.
  static func target(_ record: AuditRecord) -> String {
    let words = (record.route ?? "").split(separator: "/").filter { word in
      let isVersion = word.first == "v" && word.dropFirst().allSatisfy { $0.isNumber || $0 == "." }
      return !word.hasPrefix("{") && !isVersion
    }
    return (["service"] + (record.service.map { [$0] } ?? []) + words.map(String.init)).joined(separator: "/")
  }
}
