import ArgumentParser
import Cloud
import Kit

/// `haneul up`: starts what is missing of the cloud, in the background.
struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring up the cloud: start what is missing, in the background.",
    discussion: """
      The first time it makes the state directory, a cloud id, the first users and an external network. After a crash \
      it starts what is down; where everything runs it changes nothing. Guests and their traffic are never touched. \
      What is said is kept for next time; how the API is reached (address, TLS, proxies, rates) is changed with the \
      cloud down.

        haneul up
        haneul up --store postgres://haneul:PASSWORD@127.0.0.1/haneul --controls 2
        haneul up --listen 192.0.2.10:8700 --tls --metrics-listen 127.0.0.1:9700
      """)

  @OptionGroup var state: StateOption

  @Option(
    help: ArgumentHelp(
      "Address and port of the API. Without TLS loopback only. [first: 127.0.0.1:8700]", valueName: "addr:port"))
  var listen: String?

  @Option(
    help: ArgumentHelp(
      "IPv4 block of the external network, /8 to /27, fixed when the cloud is made. [first: 203.0.113.0/24]",
      valueName: "block"))
  var externalCidr: String?

  @Flag(inversion: .prefixedNo, help: "Whether guests reach the world through this host's address. [first: no]")
  var externalMasquerade: Bool?

  @Option(
    help: ArgumentHelp(
      """
      Keep everything in this PostgreSQL database, postgres://USER:PASSWORD@HOST/DATABASE, which several control \
      processes can share. It must be of encoding UTF8 and belong to USER. Chosen when the cloud is made (haneul \
      restore --store moves one); kept in a file of control's own. [first: a SQLite file]
      """, valueName: "url"))
  var store: String?

  @Option(
    help: ArgumentHelp(
      """
      Control processes on this machine, 1 to 4, each on a port of its own from --listen on; more than one need \
      --store. [first: 1]
      """, valueName: "count"))
  var controls: Int?

  @OptionGroup var edge: EdgeFlags

  @OptionGroup var observe: ObserveFlags

  @OptionGroup var identity: IdentityFlags

  func run() async throws {
    let (host, port) = try Self.split(listen)
    var options = CloudOptions(
      host: host, port: port, externalCIDR: externalCidr, externalMasquerade: externalMasquerade)
    options.store = store.map { Secret($0) }
    options.controls = controls
    options.edge = edge.options
    options.observe = observe.options
    options.identity = identity.choices
    let launch = Launch(state: state.directory) { step, seconds in
      print("  \(step.padded(44)) \(seconds.asSeconds)")
    }
    let settings = try await launch.up(options)
    print(
      """
      The cloud is up at \(settings.baseURL).
        export OS_CLIENT_CONFIG_FILE=\(state.directory.cloudsYAML) OS_CLOUD=haneul
        openstack server list        (OS_CLOUD=haneul-admin is the administrator)
      """)
  }

  /// `127.0.0.1:8700`, `[::1]:8700`, `:8700` or an address alone.
  private static func split(_ listen: String?) throws -> (host: String?, port: Int?) {
    guard let listen else { return (nil, nil) }
    if IPAddress(listen) != nil { return (listen, nil) }
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
      (1...65535).contains(port)
    else { throw ValidationError("--listen \(listen) is not ADDR:PORT.") }
    let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
    return (host.isEmpty ? nil : String(host), port)
  }
}

extension String {
  /// With blanks behind, up to a width.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

extension Double {
  /// `1.23 s`.
  var asSeconds: String { "\((self * 100).rounded() / 100) s" }
}
