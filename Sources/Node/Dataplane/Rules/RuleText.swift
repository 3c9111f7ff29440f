/// Builds the text of one nftables table, line by line. Only checked values go in.
struct RuleText {
  private(set) var text = ""

  /// A table that replaces the one of its name in the same transaction.
  init(replacing family: String, _ name: String, _ body: (inout RuleText) -> Void) {
    line("table \(family) \(name)")
    line("delete table \(family) \(name)")
    block("table \(family) \(name)", body)
  }

  mutating func line(_ text: String) {
    self.text += text
    self.text += "\n"
  }

  mutating func block(_ head: String, _ body: (inout RuleText) -> Void) {
    line("\(head) {")
    body(&self)
    line("}")
  }

  mutating func chain(_ name: String, _ rules: [String]) {
    block("chain \(name)") { text in rules.forEach { text.line($0) } }
  }

  /// A chain on a hook, accepting what no rule decides.
  mutating func chain(_ name: String, type: String = "filter", hook: String, priority: Int, _ rules: [String]) {
    chain(name, ["type \(type) hook \(hook) priority \(priority); policy accept;"] + rules)
  }

  /// A map or set; the line of elements is left out where there are none. `counted`: each element counts.
  mutating func set(
    _ head: String, type: String, interval: Bool = false, counted: Bool = false, _ elements: String
  ) {
    block(head) { text in
      text.line("type \(type)")
      if interval { text.line("flags interval") }
      if counted { text.line("counter") }
      if !elements.isEmpty { text.line("elements = { \(elements) }") }
    }
  }
}
