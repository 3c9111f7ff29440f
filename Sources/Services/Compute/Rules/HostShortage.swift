import Contracts

/// Why no host takes a server: for its user what is short, for the operator each host with its reasons.
enum HostShortage {
  /// Hosts named to the operator at the most.
  private static let hostsMax = 20

  static func trouble(_ refusals: [HostRefusal], _ resources: Resources, asked host: String?) -> ServerTrouble {
    ServerTrouble(
      noHost: "No valid host was found. " + message(refusals, resources, asked: host),
      details: details(refusals, asked: host))
  }

  private static func message(_ refusals: [HostRefusal], _ resources: Resources, asked host: String?) -> String {
    if host != nil {
      return "The host that was asked for is out of service or has not enough room. Ask for no host, or another one."
    }
    if refusals.isEmpty { return "The cloud has no host yet. Ask the operator." }
    let serving = refusals.filter { !$0.reasons.contains(where: \.isOutOfService) }
    if serving.isEmpty { return "No host is in service at present. Try again later, or ask the operator." }
    let short: [String] = ["vCPUs", "memory", "disk"].filter { name in
      serving.contains { $0.reasons.contains { $0.resource == name } }
    }
    let needs = "\(resources.vcpus) vCPUs, \(resources.memoryMiB) MiB of memory and \(resources.diskGiB) GiB of disk"
    return """
      The flavor needs \(needs) on one host, and none has enough \(short.joined(separator: ", ")) free. Choose a \
      smaller flavor, delete servers that are not needed, or ask the operator for more.
      """
  }

  private static func details(_ refusals: [HostRefusal], asked host: String?) -> String {
    var lines = refusals.prefix(hostsMax).map { refusal in
      "\(refusal.hostname): \(refusal.reasons.map(\.words).joined(separator: ", "))"
    }
    if refusals.count > hostsMax { lines.append("and \(refusals.count - hostsMax) hosts more") }
    if let host { lines.insert("asked for \(host)", at: 0) }
    return lines.isEmpty ? "No host has ever reported." : lines.joined(separator: "; ")
  }
}

extension HostRefusal.Reason {
  fileprivate var isOutOfService: Bool {
    switch self {
    case .disabled, .silent: true
    case .vcpus, .memoryMiB, .diskGiB: false
    }
  }

  /// What is short, as users call it.
  fileprivate var resource: String? {
    switch self {
    case .disabled, .silent: nil
    case .vcpus: "vCPUs"
    case .memoryMiB: "memory"
    case .diskGiB: "disk"
    }
  }

  fileprivate var words: String {
    switch self {
    case .disabled: "it is disabled"
    case .silent(let seconds): "it has not been heard of for \(seconds) s"
    case .vcpus(let asked, let free): "\(asked) vCPUs asked, \(free) free"
    case .memoryMiB(let asked, let free): "\(asked) MiB of memory asked, \(free) free"
    case .diskGiB(let asked, let free): "\(asked) GiB of disk asked, \(free) free"
    }
  }
}
