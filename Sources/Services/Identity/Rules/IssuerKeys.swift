import AsyncHTTPClient
import Foundation
import Kit
import NIOCore
import NIOHTTP1

/// The public keys of issuers, asked for where they are needed and remembered for a while.
///
/// Whoever sends tokens cannot make us ask often: an issuer is asked once at a time, and for a key that is not known at
/// most every `againSeconds`.
actor IssuerKeys {
  /// Issuers remembered at the most; one more empties the memory.
  private static let issuersMax = 64
  private static let keysMax = 32
  /// Bytes of an issuer's answer at the most.
  private static let bytesMax = 512 * 1024
  /// Keys are asked for anew when they are this old, so that one that was withdrawn is forgotten.
  private static let keepSeconds = 3600.0
  private static let againSeconds = 60.0
  /// How long an issuer has for an answer.
  private static let patience = TimeAmount.seconds(10)

  struct Unreachable: Error {
    var reason: String
  }

  private struct Entry {
    var keys: [IssuerKey]
    /// When they came; nil where they did not.
    var readAt: Timestamp?
    var askedAt: Timestamp
    var reason = ""
  }
  private var entries: [String: Entry] = [:]
  private var asking: [String: Task<[IssuerKey], any Error>] = [:]

  /// The keys that may have signed a token with this key id. Throws `Unreachable`.
  func keys(of issuer: String, keyID: String?, now: Timestamp) async throws -> [IssuerKey] {
    if let entry = entries[issuer], entry.readAt.map({ now.seconds(since: $0) < Self.keepSeconds }) ?? false {
      let found = Self.fitting(entry.keys, keyID)
      if !found.isEmpty || now.seconds(since: entry.askedAt) < Self.againSeconds { return found }
    } else if let entry = entries[issuer], entry.readAt == nil, now.seconds(since: entry.askedAt) < Self.againSeconds {
      throw Unreachable(reason: entry.reason)
    }
    return Self.fitting(try await ask(issuer, now), keyID)
  }

  private static func fitting(_ keys: [IssuerKey], _ keyID: String?) -> [IssuerKey] {
    guard let keyID else { return keys }
    return keys.filter { $0.keyID == keyID }
  }

  private func ask(_ issuer: String, _ now: Timestamp) async throws -> [IssuerKey] {
    if let already = asking[issuer] { return try await already.value }
    let task = Task { try await Self.read(issuer) }
    asking[issuer] = task
    defer { asking[issuer] = nil }
    if entries.count >= Self.issuersMax, entries[issuer] == nil { entries.removeAll() }
    do {
      let keys = try await task.value
      entries[issuer] = Entry(keys: keys, readAt: now, askedAt: now)
      return keys
    } catch {
      let reason = (error as? Unreachable)?.reason ?? "\(type(of: error))"
      if let known = entries[issuer], let readAt = known.readAt, now.seconds(since: readAt) < Self.keepSeconds {
        // What was read lately stays good while the issuer does not answer.
        entries[issuer]?.askedAt = now
        return known.keys
      }
      entries[issuer] = Entry(keys: [], readAt: nil, askedAt: now, reason: reason)
      throw Unreachable(reason: reason)
    }
  }

  // MARK: Asking

  /// Never closed: it lives as long as the process, and keeps nothing open for long.
  private static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(5))
    configuration.connectionPool.idleTimeout = .seconds(5)
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  private static func read(_ issuer: String) async throws -> [IssuerKey] {
    let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
    let about = try await document(base + "/.well-known/openid-configuration", of: issuer)
    guard about["issuer"]?.string == issuer, let address = about["jwks_uri"]?.string else {
      throw Unreachable(reason: "its configuration is another issuer's")
    }
    guard let keys = try await document(address, of: issuer)["keys"]?.array else {
      throw Unreachable(reason: "it shows no keys")
    }
    return keys.prefix(keysMax).compactMap(IssuerKey.init)
  }

  private static func document(_ address: String, of issuer: String) async throws -> JSONValue {
    guard let url = TrustedIssuer.address(address, below: issuer) else {
      throw Unreachable(reason: "its address is neither https nor this host's")
    }
    var request = HTTPClientRequest(url: url.absoluteString)
    request.headers.add(name: "Accept", value: "application/json")
    let answer = try await client.execute(request, timeout: patience)
    guard answer.status == .ok else { throw Unreachable(reason: "it answered \(answer.status.code)") }
    let bytes = try await answer.body.collect(upTo: bytesMax)
    guard let json = try? JSONValue(parsing: Array(bytes.readableBytesView)), json.object != nil else {
      throw Unreachable(reason: "its answer is no JSON")
    }
    return json
  }
}
