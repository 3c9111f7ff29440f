import Auth
import Foundation
import Glibc
import Kit
import Logging
import NIOCore
import Synchronization
import Testing

@testable import API

/// Holds tasks back until a test lets them go.
final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var arrived = 0
  }
  private let state = Mutex(State())

  var arrived: Int { state.withLock { $0.arrived } }

  func pass() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.arrived += 1
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

/// What an observer was told.
final class Watch: RequestObserver {
  private let state = Mutex<[AnsweredRequest]>([])
  var seen: [AnsweredRequest] { state.withLock { $0 } }

  func began(requestID: String, globalRequestID: String?, traceParent: String?) -> RequestScope {
    RequestScope(requestID: requestID, globalRequestID: globalRequestID)
  }
  func answered(_ request: AnsweredRequest) { state.withLock { $0.append(request) } }
}

/// Waits long for what comes soon.
func eventually(_ what: Comment, _ isSo: () async -> Bool) async {
  for _ in 0..<3000 {
    if await isSo() { return }
    try? await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what)
}

/// Bytes that a streamed answer got rid of, and whether it has ended.
final class Tally: Sendable {
  let bytes = Atomic(0)
  let hasEnded = Atomic(false)
}

/// A listener on a port of its own with routes that do what a test needs.
final class ListenerFixture: Sendable {
  let gate = Gate()
  let watch = Watch()
  let gateway: Gateway
  let listener: HTTPListener
  let port: Int
  /// What became of `/endless`.
  let endless = Tally()
  private let task: Task<Void, any Error>

  private static let open = Permission("test:open", .open)

  init(_ change: (inout EdgeLimits) -> Void = { _ in }, proxies: [String] = [], tls: ListenerTLS? = nil) async throws {
    var limits = EdgeLimits()
    change(&limits)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let service = ServiceAPI(
      prefix: "compute", faultStyle: .nova, routes: Self.routes(gate, endless))
    gateway = Gateway(services: [service], tokens: FakeTokens(), observer: watch, limits: limits, logger: logger)
    listener = HTTPListener(
      gateway: gateway, host: "127.0.0.1", port: 0, proxies: ProxyTrust(proxies.compactMap { CIDR($0) }), tls: tls,
      threads: 1, logger: logger)
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let listener = listener
    task = Task {
      defer { found.finish() }
      try await listener.run { found.yield($0) }
    }
    var port: Int?
    for await each in ports {
      port = each
      break
    }
    self.port = try #require(port)
  }

  private static func routes(_ gate: Gate, _ endless: Tally) -> [Route] {
    [
      Route(.get, "/where", open, query: .unread) { call in
        Reply.json {
          $0.field("base", call.baseURL)
          $0.field("from", call.remoteAddress ?? "")
        }
      },
      Route(.get, "/things/{id}", open, query: .unread) { call in
        Reply.json { $0.field("id", call.parameters["id"] ?? "") }
      },
      Route(.get, "/mine", Permission("test:mine", .projectReader), query: .unread) { _ in
        Reply(status: 204)
      },
      Route(.post, "/echo", open, query: .unread, body: .optional(.any)) { call in
        .json(bytes: Array((call.json ?? .null).text.utf8))
      },
      Route(
        .post, "/guarded", Permission("test:guarded", .projectMember), query: .unread,
        body: .optional(.any)
      ) { _ in
        Reply(status: 204)
      },
      Route(.put, "/count", open, query: .unread, body: .stream) { call in
        var count = 0
        for try await piece in call.stream { count += piece.readableBytes }
        let total = count
        return Reply.json { $0.field("count", total) }
      },
      Route(.put, "/deaf", open, query: .unread, body: .stream) { _ in
        throw Fault.badRequest("I do not listen.")
      },
      Route(.put, "/late", open, query: .unread, body: .stream) { _ in
        await gate.pass()
        throw Fault.badRequest("I do not listen.")
      },
      Route(.get, "/gate", open, query: .unread) { _ in
        await gate.pass()
        return Reply.json { $0.field("passed", true) }
      },
      Route(.get, "/large", open, query: .unread) { _ in
        .json(bytes: [UInt8](repeating: 0x61, count: 3_000_000))
      },
      Route(.get, "/stream", open, query: .unread) { _ in
        Reply(
          status: 200,
          body: .stream(contentType: "text/plain", length: nil) { sink in
            for number in 0..<3 { try await sink(Array("piece \(number)\n".utf8)) }
          })
      },
      Route(.get, "/endless", open, query: .unread) { _ in
        Reply(
          status: 200,
          body: .stream(contentType: "text/plain", length: nil) { sink in
            defer { endless.hasEnded.store(true, ordering: .relaxed) }
            let piece = [UInt8](repeating: 0x61, count: 64 * 1024)
            while true {
              try await sink(piece)
              endless.bytes.add(piece.count, ordering: .relaxed)
            }
          })
      },
      Route(.get, "/short", open, query: .unread) { _ in
        Reply(
          status: 200,
          body: .stream(contentType: "text/plain", length: 100) { sink in try await sink(Array("too few".utf8)) })
      },
    ]
  }

  /// Asks the listener to end, as SIGTERM does.
  func stop() { task.cancel() }

  /// Waits until it has ended.
  func stopped() async { _ = await task.result }

  deinit { task.cancel() }

  func connect() throws -> Wire { try Wire(port: port) }

  /// Sends text on a connection of its own and returns all that is answered until the server closes.
  func say(_ text: String) async throws -> String {
    let wire = try connect()
    try wire.send(text)
    return await wire.rest()
  }
}

/// A connection that says exactly what a test wants.
final class Wire: Sendable {
  struct Broken: Error {}
  /// MSG_NOSIGNAL: its type depends on which module shows it.
  private static let noSignal: Int32 = 0x4000
  private let socket: Int32
  private let received = Mutex<[UInt8]>([])
  private static let queue = DispatchQueue(label: "wires", attributes: .concurrent)

  init(port: Int, receiveBuffer: Int32? = nil) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var patience = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    if var receiveBuffer { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let socket = socket
    let result = withUnsafeBytes(of: &address) { bytes in
      bytes.baseAddress.map {
        Glibc.connect(socket, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
      }
    }
    guard result == 0 else { throw Broken() }
  }

  deinit { close(socket) }

  func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard Glibc.send(socket, bytes, bytes.count, Self.noSignal) == bytes.count else { throw Broken() }
  }

  /// Says that nothing more will be sent.
  func endSending() { shutdown(socket, Int32(SHUT_WR)) }

  /// Whether another piece came; false at the end.
  private func more() async -> Bool {
    let socket = socket
    let piece: [UInt8] = await withCheckedContinuation { continuation in
      Self.queue.async {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &buffer, buffer.count, 0)
        continuation.resume(returning: Array(buffer.prefix(max(0, count))))
      }
    }
    received.withLock { $0 += piece }
    return !piece.isEmpty
  }

  var text: String { received.withLock { String(decoding: $0, as: UTF8.self) } }

  /// All that was received, once it holds `text` or the server has closed.
  func until(_ text: String) async -> String {
    while !self.text.contains(text), await more() {}
    return self.text
  }

  /// All that comes until the server closes.
  func rest() async -> String {
    while await more() {}
    return text
  }
}
