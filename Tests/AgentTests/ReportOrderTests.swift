import Foundation
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// The order that reports carry, by which control tells what comes late.
@Suite struct ReportOrderTests {
  @Test func eachConnectionIsALifeAndItsReportsAreNumbered() async throws {
    let host = try Host()
    for _ in 1...2 {
      try await host.withAgent { _ in
        _ = try await host.bootServer()
        let before = host.control.state.withLock { $0.orders.count }
        host.control.set { $0.refuseReports = true }
        try await Task.sleep(for: .milliseconds(300))
        host.control.set { $0.refuseReports = false }
        try await eventually("said again") { host.control.state.withLock { $0.orders.count > before } }
        host.control.cut()
        host.control.set { $0.reachable = true }
        let hellos = host.control.state.withLock { $0.hellos.count }
        try await eventually("back") {
          host.control.state.withLock { $0.hellos.count > hellos && $0.orders.last?.life == $0.hellos.last?.life }
        }
      }
    }
    let (hellos, orders) = host.control.state.withLock { ($0.hellos, $0.orders) }
    let lives = hellos.compactMap(\.life)
    #expect(lives.count == hellos.count && Set(lives).count == lives.count)
    for life in lives {
      let numbers = orders.filter { $0.life == life }.map(\.number)
      #expect(numbers == Set(numbers).sorted() && numbers.allSatisfy { $0 > 0 })
    }
    // One life after the other, as they greeted.
    #expect(orders.map { lives.firstIndex(of: $0.life) ?? -1 }.isAscending)
  }

  /// A greeting of before was stored after this connection's: control believes it no more.
  @Test func whoIsTakenForOutlivedGreetsAnew() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      let life = host.control.state.withLock { $0.hellos.last?.life }
      #expect(life != nil)
      host.control.set { $0.outlived = life }
      var turn = 0
      try await eventually("greeted anew") {
        // What control says next, be it a ping, ends the old connection.
        turn += 1
        host.control.put(.server, id, host.server(id, ports: [portID]) { [turn] in $0.name = "name-\(turn)" })
        return host.control.state.withLock { $0.hellos.last?.life != life }
      }
      try await eventually("everything is said in the new life") {
        host.control.seen(.server, id)?.generation
          == host.control.state.withLock { $0.generations[ObjectKey(.server, id)] }
      }
      #expect(host.control.state.withLock { $0.orders.last?.life == $0.hellos.last?.life })
    }
  }
}

extension [Int] {
  var isAscending: Bool { zip(self, dropFirst()).allSatisfy { $0 <= $1 } }
}
