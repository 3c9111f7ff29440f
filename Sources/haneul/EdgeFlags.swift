import ArgumentParser
import Cloud

/// Options of `haneul up` for how the API is reached; each is kept for next time.
struct EdgeFlags: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: "Serve the API by TLS with a certificate of the built-in authority; clouds.yaml names it. [first: no]")
  var tls: Bool?

  @Option(help: "Serve the API by TLS with this certificate (PEM, with what signed it); read anew when it changes.")
  var tlsCert: String?

  @Option(help: "The key of --tls-cert, readable by user haneul.")
  var tlsKey: String?

  @Option(help: "Where clients reach the API, if not at --listen: https://NAME[:PORT]; `none` takes it back.")
  var publicUrl: String?

  @Option(
    help: """
      Believe Forwarded and X-Forwarded-* from this address or block; may be given again, `none` takes them back.
      """)
  var trustedProxy: [String] = []

  @Option(help: "Requests a second of one address, 0 for any number; loopback is not counted. [first: 1000]")
  var ratePerAddress: Double?

  @Option(help: "Requests a second of one project, 0 for any number; not from loopback. [first: 2000]")
  var ratePerProject: Double?

  var options: EdgeOptions {
    var options = EdgeOptions()
    options.tls = tls
    options.certificate = tlsCert
    options.key = tlsKey
    options.publicURL = publicUrl
    options.trustedProxies = trustedProxy
    options.addressRate = ratePerAddress
    options.projectRate = ratePerProject
    return options
  }
}
