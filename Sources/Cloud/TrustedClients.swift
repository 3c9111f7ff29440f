import AsyncHTTPClient
import Foundation
import NIOSSL
import Synchronization

/// HTTP clients for this cloud's own API, by what they trust. They live as long as the process.
enum TrustedClients {
  private static let known = Mutex<[EdgeSettings.TLS: HTTPClient]>([:])

  /// Asks only whether somebody answers: it sends nothing that is worth a look, and believes nothing.
  static let blind: HTTPClient = {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.certificateVerification = .none
    return HTTPClient(configuration: .init(tlsConfiguration: settings))
  }()

  /// A client that believes the cloud's certificate alone: passwords go through it.
  static func client(_ settings: CloudSettings, _ state: StateDirectory) -> HTTPClient {
    guard let tls = settings.edge?.tls else { return HTTPClient.shared }
    return known.withLock { known in
      if let client = known[tls] { return client }
      var settings = TLSConfiguration.makeClientConfiguration()
      switch tls {
      case .authority: settings.trustRoots = .file(state.caCertificate)
      case .files(let certificate, _):
        // It vouches for the name that clients use; on this host the API is reached by its address.
        settings.additionalTrustRoots = [.file(certificate)]
        settings.certificateVerification = .noHostnameVerification
      }
      let client = HTTPClient(configuration: .init(tlsConfiguration: settings))
      known[tls] = client
      return client
    }
  }
}
