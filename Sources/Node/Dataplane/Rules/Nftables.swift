import CNftables
import Kit
import Synchronization

/// libnftables, in the namespace of the calling thread. Only ever used on the namespace thread.
struct Nftables: ~Copyable {
  /// The library keeps a list of interfaces for the whole process and does not guard it: one call at a time.
  private static let turn = Mutex(())

  private let context: OpaquePointer

  /// `counters`: answers are JSON and hold counters; else text without them. Throws `Refusal` where the library cannot
  /// be set up.
  init(counters: Bool = false) throws {
    guard let context = Self.turn.withLock({ _ in nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) }) else {
      throw Refusal("RulesRejected", "libnftables cannot be set up.")
    }
    self.context = context
    nft_ctx_buffer_output(context)
    nft_ctx_buffer_error(context)
    nft_ctx_output_set_flags(context, UInt32(counters ? NFT_CTX_OUTPUT_JSON : NFT_CTX_OUTPUT_STATELESS))
  }

  deinit { Self.turn.withLock { _ in nft_ctx_free(context) } }

  /// Runs commands as one transaction; their output. Throws `Refusal` with the kernel's or the parser's words.
  borrowing func run(_ commands: String) throws -> String {
    let result = Self.turn.withLock { _ in nft_run_cmd_from_buffer(context, commands) }
    let output = nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? ""
    let error = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
    guard result == 0 else { throw Refusal("RulesRejected", String(error.prefix(500))) }
    return output
  }

  /// The table as it is in the kernel, without counters; nil where there is none.
  borrowing func table(_ family: String, _ name: String) -> String? { try? run("list table \(family) \(name)") }
}
