import AsyncHTTPClient
import Foundation
public import Kit
import NIOCore
import NIOHTTP1

/// A client of this cloud's own API, for the command line: logs in with `clouds.yaml` and speaks JSON.
public struct APIClient: Sendable {
  /// What the API answered when it was not what was wanted.
  public struct Refused: Error, Sendable, CustomStringConvertible {
    public var status: Int
    public var description: String
    /// The answer's fault: its members, without the word it stands under; empty where there is none.
    public var fault: [String: JSONValue] = [:]
  }

  /// An answer's body at most.
  private static let answerBytesMax = 16 << 20
  private static let timeoutSeconds: Int64 = 60

  private let baseURL: String
  private let http: HTTPClient
  private let token: Secret<String>

  /// Logs in as one of the clouds of the state's `clouds.yaml`. Throws `CloudProblem` or `Refused`.
  public init(state: StateDirectory, cloud: String) async throws {
    guard let settings = try state.readSettings(), let yaml = CloudsYAML(reading: state.cloudsYAML) else {
      throw CloudProblem("There is no cloud in \(state.path). `haneul up --state-dir \(state.path)` makes one.")
    }
    let isAdmin = cloud == CloudsYAML.adminCloud
    let (name, password) = isAdmin ? ("admin", yaml.adminPassword) : ("demo", yaml.memberPassword)
    baseURL = await Self.answering(settings) ?? settings.localURL
    http = TrustedClients.client(settings, state)
    token = try await Self.login(http, baseURL, user: name, password: password, project: name)
  }

  /// The first control process of the cloud on this machine whose API answers; nil where none does.
  static func answering(_ settings: CloudSettings) async -> String? {
    for number in 1...settings.controlCount {
      let url = settings.seen(byControl: number).localURL
      if await answers(url) { return url }
    }
    return nil
  }

  private static func login(
    _ http: HTTPClient, _ baseURL: String, user: String, password: Secret<String>, project: String
  ) async throws -> Secret<String> {
    let domain: JSONValue = .object(["id": .string("default")])
    let body: JSONValue = .object([
      "auth": .object([
        "identity": .object([
          "methods": .array([.string("password")]),
          "password": .object([
            "user": .object([
              "name": .string(user), "domain": domain, "password": .string(password.reveal()),
            ])
          ]),
        ]),
        "scope": .object(["project": .object(["name": .string(project), "domain": domain])]),
      ])
    ])
    var request = HTTPClientRequest(url: baseURL + "/identity/v3/auth/tokens?nocatalog")
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(string: body.text))
    let answer = try await http.execute(request, timeout: .seconds(timeoutSeconds))
    guard answer.status == .created, let token = answer.headers.first(name: "X-Subject-Token") else {
      throw Refused(
        status: Int(answer.status.code), description: "login as \(user) was refused (\(answer.status.code))")
    }
    return Secret(token)
  }

  /// Whether the API answers at all.
  public static func answers(_ baseURL: String) async -> Bool {
    let request = HTTPClientRequest(url: baseURL + "/identity/v3")
    let answer = try? await TrustedClients.blind.execute(request, timeout: .seconds(2))
    return answer?.status == .ok
  }

  /// Sends a request and returns the answer's JSON (`.null` where it has no body). Throws `Refused` from 400 on.
  @discardableResult
  public func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = .init(rawValue: method)
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(string: body.text))
    }
    return try await execute(request, "\(method) \(path)")
  }

  public func get(_ path: String) async throws -> JSONValue { try await send("GET", path) }

  /// An answer in plain text, for people.
  public func text(_ path: String) async throws -> String {
    var request = HTTPClientRequest(url: baseURL + path)
    request.headers.add(name: "Accept", value: "text/plain")
    return String(decoding: try await bytes(request, "GET \(path)"), as: UTF8.self)
  }

  /// Sends a file's bytes as they are.
  public func upload(_ path: String, file: String) async throws {
    guard let handle = FileHandle(forReadingAtPath: file) else { throw CloudProblem("Cannot read \(file).") }
    defer { try? handle.close() }
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = .PUT
    request.headers.add(name: "Content-Type", value: "application/octet-stream")
    let data = try handle.readToEnd() ?? Data()
    request.body = .bytes(ByteBuffer(bytes: data))
    _ = try await execute(request, "PUT \(path)")
  }

  private func execute(_ request: HTTPClientRequest, _ what: String) async throws -> JSONValue {
    let bytes = try await bytes(request, what)
    return bytes.isEmpty ? .null : (try? JSONValue(parsing: bytes)) ?? .null
  }

  private func bytes(_ request: HTTPClientRequest, _ what: String) async throws -> [UInt8] {
    var request = request
    request.headers.add(name: "X-Auth-Token", value: token.reveal())
    request.headers.add(name: "OpenStack-API-Version", value: "compute 2.79")
    // As other tools do: who traces what calls this command finds the request in its trace.
    if let parent = ProcessInfo.processInfo.environment["TRACEPARENT"], TraceContext(traceparent: parent) != nil {
      request.headers.add(name: "traceparent", value: parent)
    }
    let answer = try await http.execute(request, timeout: .seconds(Self.timeoutSeconds))
    let bytes = try await answer.body.collect(upTo: Self.answerBytesMax)
    guard answer.status.code < 400 else {
      let fault = (try? JSONValue(parsing: Array(buffer: bytes)))?.object?.values.first?.object
      throw Refused(
        status: Int(answer.status.code), description: "\(what): \(answer.status.code) \(String(buffer: bytes))",
        fault: fault ?? [:])
    }
    return Array(buffer: bytes)
  }
}
