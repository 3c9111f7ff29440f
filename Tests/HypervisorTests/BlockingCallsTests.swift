import Foundation
import Kit
import Testing

@testable import Hypervisor

@Suite struct BlockingCallsTests {
  @Test func stuckCallsAreGivenUpAndHoldNoMoreThreadsThanThereAreLanes() async throws {
    let calls = BlockingCalls(width: 2, waitingMax: 10, limit: .seconds(1))
    let gate = DispatchSemaphore(value: 0)
    let begun = Counter()
    let errors = await withTaskGroup(of: HypervisorError?.self) { group in
      for _ in 0..<20 {
        group.addTask {
          do {
            try await calls.run { _ in
              begun.add()
              gate.wait()
            }
            return nil
          } catch { return error as? HypervisorError }
        }
      }
      return await group.reduce(into: [HypervisorError?]()) { $0.append($1) }
    }
    #expect(errors.count { $0 == .noAnswer(seconds: 1) } == 12)
    #expect(errors.count { $0 == .overloaded } == 8)
    #expect(begun.value == 2)
    // Those who gave up in line never begin; the lanes are free once the stuck ones come back.
    for _ in 0..<2 { gate.signal() }
    #expect(try await eventually(seconds: 30) { (try? await calls.run { _ in 7 }) == 7 })
    #expect(begun.value == 2)
  }

  @Test func aServerWithAStuckCallTakesNoSecondThread() async throws {
    let calls = BlockingCalls(width: 2, limit: .seconds(1))
    let gate = DispatchSemaphore(value: 0)
    let begun = Counter()
    @Sendable func stick() async throws {
      try await calls.run(for: "a") { _ in
        begun.add()
        gate.wait()
      }
    }
    for _ in 0..<5 { await #expect(throws: HypervisorError.noAnswer(seconds: 1)) { try await stick() } }
    #expect(begun.value == 1)
    #expect(try await calls.run(for: "b") { _ in 7 } == 7)
    gate.signal()
    gate.signal()
    #expect(try await eventually(seconds: 30) { (try? await stick()) != nil })
  }

  @Test func whoeverListensIsThereThoughHeTakesNothing() throws {
    let path = "/tmp/haneul-socket-" + Identifier.hex()
    #expect(!LibvirtDaemon.isListening(path))
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { unlink(path) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(descriptor, 1) == 0)
    // He accepts nobody: his line is soon full, and asking does not block.
    for _ in 0..<10 { #expect(LibvirtDaemon.isListening(path)) }
    // A socket's file that nobody listens on any more is a daemon that was killed.
    close(descriptor)
    #expect(!LibvirtDaemon.isListening(path))
  }
}
