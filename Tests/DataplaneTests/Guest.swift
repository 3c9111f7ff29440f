import CLinux
import Foundation
import Kit
import NodeLink
import Synchronization

@testable import Dataplane

struct Failed: Error {
  var what: String
  init(_ what: String) { self.what = what }
}

/// A guest's end of a tap: it says and hears Ethernet frames, like QEMU.
final class FrameGuest: Sendable {
  static let header = 10
  let descriptor: Int32
  let mac: MACAddress
  let address: String

  init(tap: String, mac: String, address: String = "0.0.0.0") throws {
    descriptor = clinux_tap_open(tap)
    guard descriptor >= 0, let mac = MACAddress(mac) else { throw Failed("tap \(tap): \(descriptor)") }
    self.mac = mac
    self.address = address
  }

  deinit { close(descriptor) }

  func send(_ frame: [UInt8]) {
    let bytes = [UInt8](repeating: 0, count: Self.header) + frame
    _ = write(descriptor, bytes, bytes.count)
  }

  /// One frame, or nil when `milliseconds` pass without one.
  func receive(_ milliseconds: Int32) -> [UInt8]? {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&polled, 1, milliseconds) == 1 else { return nil }
    var buffer = [UInt8](repeating: 0, count: 65_600)
    let count = read(descriptor, &buffer, buffer.count)
    return count > Self.header ? Array(buffer[Self.header..<count]) : nil
  }

  /// The first frame that `matches` within `milliseconds`.
  func first(within milliseconds: Int, _ matches: ([UInt8]) -> Bool) -> [UInt8]? {
    let end = ContinuousClock.now + .milliseconds(milliseconds)
    while ContinuousClock.now < end {
      if let frame = receive(20), matches(frame) { return frame }
    }
    return nil
  }

  func udp(to other: FrameGuest, port: Int, from: Int = 4000, source: String? = nil, text: String) throws {
    let payload = Frame.udp(from, port, Array(text.utf8))
    let packet = try Frame.ip4(source ?? address, other.address, number: 17, payload)
    send(Frame.ethernet(mac, other.mac, type: 0x0800, packet))
  }

  /// Whether a frame that contains `text` arrives.
  func hears(_ text: String, within milliseconds: Int = 10_000) -> Bool {
    let needle = Array(text.utf8)
    return first(within: milliseconds) { frame in
      guard frame.count >= needle.count else { return false }
      return (0...(frame.count - needle.count)).contains { frame[$0..<($0 + needle.count)].elementsEqual(needle) }
    } != nil
  }
}

/// A guest with a whole network stack: a namespace whose `eth0` is wired to the port's tap, frame by frame.
final class StackGuest: Sendable {
  let namespace: String
  private let stopped = Atomic<Bool>(false)

  init(tap: String, mac: String, addresses: [String], gateway: String?, mtu: Int = 1450) async throws {
    namespace = "hng-\(tap)"
    var host = IPBatch()
    host.add("netns add \(namespace)")
    _ = await host.run(logger: testLogger)
    var inside = IPBatch()
    inside.add("link set lo up")
    inside.add("tuntap add dev eth0 mode tap vnet_hdr")
    inside.add("link set eth0 address \(mac) mtu \(mtu) up")
    for address in addresses { inside.add("addr add \(address) dev eth0\(address.contains(":") ? " nodad" : "")") }
    if let gateway { inside.add("route add default via \(gateway)") }
    _ = await inside.run(in: namespace, logger: testLogger)
    let thread = NamespaceThread()
    let near = try await thread.run(in: namespace) { clinux_tap_open("eth0") }
    let far = clinux_tap_open(tap)
    guard near >= 0, far >= 0 else { throw Failed("taps \(near) \(far)") }
    Thread { [self] in pump(near, far) }.start()
  }

  private func pump(_ near: Int32, _ far: Int32) {
    var buffer = [UInt8](repeating: 0, count: 65_600)
    while !stopped.load(ordering: .acquiring) {
      var polled = [near, far].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&polled, 2, 100)
      for (index, (from, to)) in [(near, far), (far, near)].enumerated() where polled[index].revents != 0 {
        let count = read(from, &buffer, buffer.count)
        if count > 0 { _ = write(to, buffer, count) }
      }
    }
    close(near)
    close(far)
  }

  func run(_ command: [String]) async throws -> Tool.Answer {
    try await Tool.run("nsenter", ["--net=/run/netns/\(namespace)"] + command)
  }

  func pings(_ address: String) async throws -> Bool {
    try await run(["ping", "-c1", "-W2", address]).succeeded
  }

  func end() async {
    stopped.store(true, ordering: .releasing)
    var host = IPBatch()
    host.add("netns del \(namespace)")
    _ = await host.run(logger: testLogger)
  }
}
