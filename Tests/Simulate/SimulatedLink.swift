import Foundation

@testable import Cloud
@testable import NodeLink

/// A node's end of the link, in process: what `NodeLinkClient` and `LinkListener` do over a socket, over a `Wire`.
struct SimulatedLink: ControlLink {
  let world: World
  let host: SimulatedHost
  let life: Life

  private var wire: Wire { host.wire }

  /// The control that is there when a message arrives.
  private func control() throws -> ControlLife {
    guard let control = world.control, let services = control.services, !control.life.isOver else { throw Wire.Cut() }
    _ = services
    return control
  }

  private func server() throws -> NodeLinkServer {
    guard let link = try control().services?.link else { throw Wire.Cut() }
    return link
  }

  func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error> {
    let reader = StreamReader { try await open(hello) }
    return AsyncThrowingStream { try await reader.next() }
  }

  private func open(_ hello: Hello) async throws -> Pipe {
    try life.check()
    try await wire.cross()
    let control = try control()
    let server = try server()
    if let objection = server.objection(to: hello) { throw LinkError.refused(status: 409, reason: objection) }
    if world.delaysReport() {
      later { try await $0.take(hello) }
      throw Wire.Cut()
    }
    try await server.take(hello)
    world.pipes += 1
    let pipe = Pipe(number: world.pipes, wire: wire, world: world)
    life.atEnd { pipe.fail(Wire.Cut()) }
    control.life.atEnd { pipe.fail(Wire.Cut()) }
    Task.detached {
      do {
        try await server.follow(hello) { try await pipe.write($0) }
        pipe.finish()
      } catch { pipe.fail(error) }
    }
    return pipe
  }

  func report(_ report: Report) async throws {
    try life.check()
    try await wire.cross()
    if world.losesMessage() { throw Wire.Cut() }
    let server = try server()
    if world.delaysReport() {
      later { try await $0.take(report) }
      throw Wire.Cut()
    }
    // Control's own work does not end because a node hung up.
    let work = Task.detached { try await server.take(report) }
    do { try await work.value } catch let error as LinkError { throw error } catch {
      throw LinkError.refused(status: 500, reason: "Control could not do that.")
    }
    if world.losesMessage() { throw Wire.Cut() }
    try await wire.cross()
    try life.check()
  }

  /// The node gives up waiting; the control that is there then comes to it all the same, whatever it has taken since.
  private func later(_ take: @escaping @Sendable (NodeLinkServer) async throws -> Void) {
    Task.detached {
      try? await world.pause(milliseconds: 100...20_000)
      try? await take(try server())
    }
  }

  func answer(_ answer: NodeAnswer) async throws {
    try life.check()
    try await wire.cross()
    await (try server()).streams.answered(answer)
  }

  func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws {
    try life.check()
    try await wire.cross()
    guard let blob = try await server().blobs.open(digest: digest) else { throw LinkError.blobNotFound(digest: digest) }
    for try await piece in blob.bytes {
      try await wire.cross()
      if world.losesMessage() { throw Wire.Cut() }
      try life.check()
      try await write(piece)
    }
  }
}

/// Lines of a stream that opens at the first pull. It ends its stream when nobody reads it any more.
private actor StreamReader {
  private let open: @Sendable () async throws -> Pipe
  private var pipe: Pipe?
  private var lines: [Data] = []

  init(open: @escaping @Sendable () async throws -> Pipe) { self.open = open }

  deinit { pipe?.fail(Wire.Cut()) }

  func next() async throws -> LinkMessage? {
    while lines.isEmpty {
      if pipe == nil { pipe = try await open() }
      guard let bytes = try await pipe?.read() else { return nil }
      lines = Data(bytes).split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }
    return try JSONDecoder().decode(LinkMessage.self, from: lines.removeFirst())
  }
}
