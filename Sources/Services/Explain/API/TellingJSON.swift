import API
import Contracts
import Kit
import NodeLink

/// Writes a story as JSON. Whoever is no administrator does not see the host part: names of hosts and devices, and what
/// a node said of an error's inside.
struct TellingJSON {
  let telling: Telling

  private var admin: Bool { telling.forAdmin }

  func write(_ json: inout JSONWriter) {
    json.mention(telling.subject)
    json.field("status", telling.status)
    json.field("gone", telling.isGone)
    json.field("project_name", telling.projectName)
    json.field("summary", telling.summary)
    json.field("asked") { asked(&$0) }
    json.field("history", telling.history) { history(&$0, $1) }
    json.field("steps", telling.steps) { step(&$0, $1) }
    json.field("observed") { json in
      json.facts("facts", telling.observed)
      json.field("hosts", telling.seen) { seen(&$0, $1) }
    }
    json.field("missing", telling.missing) { json, missing in
      json.object {
        $0.field("what", missing.what)
        $0.field("why", missing.why)
        $0.field("since", missing.since?.iso8601Microseconds)
        $0.field("attempts", missing.attempts)
        $0.field("next", missing.next)
      }
    }
    json.field("drift", telling.drift) { $0.drift($1, admin: admin) }
    fault(&json)
    json.field("next", telling.next)
    if let path = telling.path { self.path(&json, path) }
    if telling.subject.key.kind == "port" { json.field("rules", telling.rules) }
    json.field("related", telling.related) { json, related in
      json.object {
        $0.field("relation", related.relation)
        $0.field("kind", related.key.kind)
        $0.field("id", related.key.id)
        $0.field("name", related.name)
        $0.field("explain", Links.explain(related.key))
      }
    }
  }

  private func asked(_ json: inout JSONWriter) {
    json.facts("facts", telling.facts)
    guard let asked = telling.asked else {
      json.key("by")
      json.null()
      return
    }
    json.field("by") {
      $0.field("user_id", asked.userID)
      $0.field("user_name", asked.userName)
      $0.field("project_id", asked.projectID)
      $0.field("project_name", asked.projectName)
    }
    json.field("request_id", asked.requestID)
    json.field("request", asked.request)
    json.field("at", asked.at.iso8601Microseconds)
  }

  private func history(_ json: inout JSONWriter, _ past: Telling.Past) {
    json.object {
      $0.field("at", past.at.iso8601Microseconds)
      $0.field("what", past.what)
      $0.field("request_id", past.requestID)
      $0.field("global_request_id", past.globalRequestID)
      $0.field("user_id", past.userID)
      $0.field("user_name", past.userName)
      $0.field("status", past.status)
      $0.field("ended", past.ended?.iso8601Microseconds)
      $0.field("failed", past.failed)
      $0.field("message", past.message)
    }
  }

  private func step(_ json: inout JSONWriter, _ step: Telling.StepLine) {
    json.object {
      $0.field("at", step.at.iso8601Microseconds)
      $0.milliseconds("duration_ms", from: step.at, to: step.ended)
      $0.field("where", step.nodeID == nil ? "control" : "node")
      if admin { $0.field("node", step.nodeID) }
      $0.field("step", step.what)
      $0.field("request_id", step.requestID)
      let veiled = step.error.map { _ in "It failed; an administrator sees why." }
      $0.field("error", admin || step.nodeID == nil ? step.error : veiled)
    }
  }

  private func seen(_ json: inout JSONWriter, _ seen: Telling.Seen) {
    json.object {
      if admin {
        $0.field("id", seen.nodeID)
        $0.field("hostname", seen.hostname)
      }
      $0.field("up", seen.isUp)
      $0.field("last_heard", seen.lastHeard?.iso8601Microseconds)
      if let ready = seen.ready { $0.field("ready", ready) } else { $0.field("ready", nil as String?) }
      $0.field("at", seen.at?.iso8601Microseconds)
      $0.field("behind", seen.isBehind)
    }
  }

  private func fault(_ json: inout JSONWriter) {
    guard let fault = telling.fault else { return json.field("fault", nil as String?) }
    json.field("fault") {
      $0.field("code", fault.code)
      $0.field("message", fault.message)
      if admin { $0.field("details", fault.details) }
      $0.field("created", fault.at.iso8601)
    }
  }

  private func path(_ json: inout JSONWriter, _ path: Telling.Path) {
    json.field("packet_path") { json in
      switch path {
      case .unknown(let why):
        json.field("hops", [String]())
        json.field("blocked_at", nil as String?)
        json.field("problem", why)
      case .known(let path):
        json.field("hops", path.hops) { hop(&$0, $1) }
        json.field("blocked_at", telling.blockedAt?.kind)
        json.field("problem", nil as String?)
      }
    }
  }

  private func hop(_ json: inout JSONWriter, _ hop: PacketPath.Hop) {
    json.object {
      $0.field("kind", hop.kind)
      if admin {
        $0.field("name", hop.name)
        $0.field("state", hop.state)
      }
      $0.field("passes", hop.passes)
      $0.field("packets", hop.packets.map { Int($0) })
      $0.field("bytes", hop.bytes.map { Int($0) })
      $0.field("drops", hop.drops)
    }
  }
}

/// Where stories are found.
enum Links {
  static func explain(_ key: Mention.Key) -> String { "/haneul/v1/explain/\(key.id)?kind=\(key.kind)" }
}

extension JSONWriter {
  mutating func mention(_ mention: Mention) {
    field("kind", mention.key.kind)
    field("id", mention.key.id)
    field("name", mention.name)
    field("project_id", mention.projectID)
    field("what", mention.what)
  }

  /// Facts as a list, which keeps their order: `[{"name": …, "value": …}]`.
  mutating func facts(_ name: String, _ facts: [Story.Fact]) {
    field(name, facts) { json, fact in
      json.object {
        $0.field("name", fact.name)
        $0.field("value", fact.value)
      }
    }
  }

  mutating func milliseconds(_ name: String, from began: Timestamp, to ended: Timestamp) {
    key(name)
    value(Double(ended.microseconds - began.microseconds) / 1000)
  }

  /// A finding as an element of a list.
  mutating func drift(_ entry: DriftTable.Entry, admin: Bool) {
    let finding = entry.finding
    object { json in
      json.field("number", Int(entry.number))
      json.field("field", finding.field.rawValue)
      json.field("policy", finding.field.policy.rawValue)
      json.field("kind", finding.key?.kind.rawValue)
      json.field("id", finding.key?.id)
      if admin {
        json.field("node", entry.nodeID)
        json.field("subject", finding.subject)
        json.field("asked", finding.asked)
        json.field("found", finding.found)
        json.field("done", finding.done)
      } else {
        json.field("meaning", finding.field.meaning)
      }
      json.field("since", finding.since.iso8601Microseconds)
      json.field("again", entry.again.iso8601Microseconds)
      json.field("times", entry.times)
      json.field("settled", finding.settled?.iso8601Microseconds)
    }
  }
}
