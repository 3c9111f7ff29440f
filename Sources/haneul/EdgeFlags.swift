import ArgumentParser
import Cloud

/// Options of `haneul up` for how the API is reached; each is kept for next time.
struct EdgeFlags: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: """
      Serve the API by TLS with a certificate of the built-in authority, which clients trust by ca.pem of the state \
      directory; clouds.yaml names it. [first: no]
      """)
  var tls: Bool?

  @Option(
    help: ArgumentHelp(
      """
      Serve the API by TLS with this certificate (PEM, followed by what signed it), in place of --tls; read anew when \
      the file changes. [first: none]
      """, valueName: "file"))
  var tlsCert: String?

  @Option(help: ArgumentHelp("The key of --tls-cert (PEM), readable by user haneul.", valueName: "file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      """
      Where clients reach the API, if not at --listen: https://NAME[:PORT], as the catalogue and clouds.yaml say. \
      `none` takes it back. [first: none]
      """, valueName: "url"))
  var publicUrl: String?

  @Option(
    help: ArgumentHelp(
      """
      Believe Forwarded and X-Forwarded-* from this address or block; give it once for each, 64 at the most: they take \
      the place of those of before. `none` takes them back. [first: none]
      """, valueName: "block"))
  var trustedProxy: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Requests a second of one address (IPv6: of a /64), twice as many at once; more are answered 429. 0 is any \
      number; loopback is not counted. [first: 1000]
      """, valueName: "requests"))
  var ratePerAddress: Double?

  @Option(
    help: ArgumentHelp(
      """
      Requests a second of one project, twice as many at once; more are answered 429. 0 is any number; what comes from \
      loopback is not counted. [first: 2000]
      """, valueName: "requests"))
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
