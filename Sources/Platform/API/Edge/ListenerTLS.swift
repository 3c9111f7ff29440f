import Foundation
import Kit
import Logging
import NIOSSL
import Synchronization

/// Where a listener's certificate comes from.
public enum ListenerTLS: Sendable, Hashable {
  /// The operator's own: PEM files, the certificate followed by what signed it. They are read anew when they change.
  case files(certificate: String, key: String)
  /// The built-in authority's, for these names and addresses; renewed before it ends.
  case authority(CertificateAuthority, names: [String])

  /// Reads certificate and key, and says what is wrong with them. Throws `TLSProblem`.
  public func check() throws { _ = try TLSIdentity.context(self) }
}

/// The certificate that new connections are shown. A new one takes the place of the old without touching connections
/// that are open.
final class TLSIdentity: Sendable {
  /// Protocols in order of preference.
  static let protocols = ["h2", "http/1.1"]
  /// How often files are looked at, and a certificate's end is.
  private static let lookEvery = Duration.seconds(10)

  /// What changes when a file is written or replaced.
  private struct Stamp: Equatable {
    var number: UInt64?
    var size: UInt64?
    var changed: Date?
  }

  private struct State {
    var context: NIOSSLContext
    var stamp: [Stamp]
  }
  private let source: ListenerTLS
  private let logger: Logger
  private let state: Mutex<State>

  /// Throws `TLSProblem` where there is nothing to show.
  init(_ source: ListenerTLS, logger: Logger) throws {
    self.source = source
    self.logger = logger
    state = Mutex(State(context: try Self.context(source), stamp: Self.stamp(source)))
  }

  var context: NIOSSLContext { state.withLock { $0.context } }

  /// Keeps the certificate fresh until the task is cancelled.
  func run() async {
    while (try? await Task.sleep(for: Self.lookEvery)) != nil { refresh() }
  }

  /// Takes a new certificate where there is one; the old one stays where the new one is not good.
  func refresh(now: Timestamp = .now()) {
    do {
      if case .authority(let authority, let names) = source { try authority.prepare(names: names, now: now) }
      let stamp = Self.stamp(source)
      guard stamp != state.withLock({ $0.stamp }) else { return }
      let context = try Self.context(source)
      state.withLock { $0 = State(context: context, stamp: stamp) }
      logger.notice("the listener shows a new certificate")
    } catch {
      logger.error("the listener's certificate cannot be renewed", metadata: ["error": "\(error)"])
    }
  }

  private static func files(_ source: ListenerTLS) -> (certificate: String, key: String) {
    switch source {
    case .files(let certificate, let key): (certificate, key)
    case .authority(let authority, _): (authority.serverCertificate, authority.serverKey)
    }
  }

  private static func stamp(_ source: ListenerTLS) -> [Stamp] {
    let files = files(source)
    return [files.certificate, files.key].map { path in
      let facts = try? FileManager.default.attributesOfItem(atPath: path)
      return Stamp(
        number: facts?[.systemFileNumber] as? UInt64, size: facts?[.size] as? UInt64,
        changed: facts?[.modificationDate] as? Date)
    }
  }

  static func context(_ source: ListenerTLS) throws -> NIOSSLContext {
    if case .authority(let authority, let names) = source { try authority.prepare(names: names) }
    let files = files(source)
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
      guard !chain.isEmpty else { throw TLSProblem("\(files.certificate) holds no certificate.") }
      let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
      var settings = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      settings.minimumTLSVersion = .tlsv12
      settings.applicationProtocols = protocols
      return try NIOSSLContext(configuration: settings)
    } catch let problem as TLSProblem {
      throw problem
    } catch {
      throw TLSProblem("\(files.certificate) and \(files.key) cannot be used for TLS: \(error)")
    }
  }
}
