import Hummingbird

/// The least that this HTTP server can do: one route, a ready answer of a size. Every rate of the program is told as a
/// share of it. usage: bare-http PORT BYTES
@main
struct BareHTTP {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    guard arguments.count == 2 else { throw Usage() }
    let body = ByteBuffer(repeating: UInt8(ascii: "x"), count: arguments[1])
    let router = Router()
    router.get("bare") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
    }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: arguments[0])))
    try await application.run()
  }

  struct Usage: Error, CustomStringConvertible {
    let description = "usage: bare-http PORT BYTES"
  }
}
