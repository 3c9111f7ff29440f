import Foundation
import Kit
import NIOCore

/// The head of a guest's request, as far as metadata cares.
struct MetadataRequestHead: Equatable {
  static let bytesMax = 8 << 10
  static let pathBytesMax = 1024

  enum Outcome: Equatable {
    case incomplete
    case refused(status: Int)
    case path(String)
  }

  /// Reads what has come so far.
  static func read(_ bytes: [UInt8]) -> Outcome {
    guard let end = endOfHead(bytes) else { return bytes.count >= bytesMax ? .refused(status: 431) : .incomplete }
    guard end <= bytesMax else { return .refused(status: 431) }
    let first = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    let words = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[2].starts(with: Array("HTTP/1.".utf8)) else { return .refused(status: 400) }
    guard words[0].elementsEqual("GET".utf8) else { return .refused(status: 405) }
    guard let path = normalised(words[1]) else { return .refused(status: 400) }
    return .path(path)
  }

  private static func endOfHead(_ bytes: [UInt8]) -> Int? {
    var newlines = 0
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "\n") {
        newlines += 1
        if newlines == 2 { return index + 1 }
      } else if byte != UInt8(ascii: "\r") {
        newlines = 0
      }
    }
    return nil
  }

  /// An absolute path of plain characters: no query, no double slashes, no `.` and `..`; nil for anything else.
  static func normalised(_ target: some Collection<UInt8>) -> String? {
    guard target.count <= pathBytesMax else { return nil }
    var text = String(decoding: target, as: UTF8.self)
    if text.hasPrefix("http://") { text = "/" + text.dropFirst(7).drop { $0 != "/" }.dropFirst() }
    text = String(text.prefix { $0 != "?" && $0 != "#" })
    let plain = text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "/-_.~:@!$&'()*+,;=".utf8.contains(byte)
    }
    guard text.hasPrefix("/"), plain else { return nil }
    let parts = text.split(separator: "/").filter { $0 != "." }
    guard !parts.contains("..") else { return nil }
    let path = "/" + parts.joined(separator: "/")
    return text.hasSuffix("/") && !parts.isEmpty ? path + "/" : path
  }
}

/// One connection of a guest: one request, one answer, the end.
final class MetadataConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// For the head of the request, and again for the node's answer and its way to the guest.
  static let timeout: TimeAmount = .seconds(5)

  private let desk: MetadataDesk
  private let source: MetadataDesk.Source
  private var head: [UInt8] = []
  private var entered = false
  private var asked = false
  private var waitingID: UInt64?
  private var deadline: Scheduled<Void>?

  init(desk: MetadataDesk, source: MetadataDesk.Source) {
    self.desk = desk
    self.source = source
  }

  func channelActive(context: ChannelHandlerContext) {
    entered = desk.enter(source)
    guard entered else { return context.close(promise: nil) }
    startDeadline(context.channel)
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    if entered { desk.leave(source, waitingID: waitingID) }
    entered = false
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// A guest that has said all it will say still gets its answer; one that has said too little gets the end.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent, !asked { context.close(promise: nil) }
  }

  private func startDeadline(_ channel: any Channel) {
    deadline?.cancel()
    deadline = channel.eventLoop.scheduleTask(in: Self.timeout) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard entered, !asked else { return }
    let buffer = Self.unwrapInboundIn(data)
    head += buffer.readableBytesView.prefix(MetadataRequestHead.bytesMax + 1 - head.count)
    switch MetadataRequestHead.read(head) {
    case .incomplete: return
    case .refused(let status):
      asked = true
      Self.write(status: status, contentType: "text/plain", body: Data(), to: context.channel)
    case .path(let path):
      asked = true
      startDeadline(context.channel)
      let channel = context.channel
      waitingID = desk.ask(source, path: path) { order in
        Self.write(
          status: order.status ?? 500, contentType: order.contentType ?? "text/plain", body: order.body ?? Data(),
          to: channel)
      }
    }
    head = []
  }

  private static func write(status: Int, contentType: String, body: Data, to channel: any Channel) {
    let type = contentType.utf8.allSatisfy { (0x20...0x7e).contains($0) } ? contentType : "text/plain"
    let head =
      "HTTP/1.1 \((100...599).contains(status) ? status : 500) \(reason(status))\r\nContent-Type: \(type)\r\n"
      + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    var buffer = channel.allocator.buffer(capacity: head.utf8.count + body.count)
    buffer.writeString(head)
    buffer.writeBytes(body)
    channel.writeAndFlush(buffer).whenComplete { _ in channel.close(promise: nil) }
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 431: "Request Header Fields Too Large"
    case 503: "Service Unavailable"
    default: "Status"
    }
  }
}
