/// A piece of XML: an element with its attributes and what it holds. Everything put in is escaped when written.
struct Markup: Sendable {
  private enum Part: Sendable {
    case element(Markup)
    case text(String)
  }

  let name: String
  private var attributes: [(name: String, value: String)]
  private var parts: [Part]

  /// `Markup("target", ["dev": tap])`: attributes keep their order.
  init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [Markup] = []) {
    self.name = name
    self.attributes = attributes.map { (name: $0.key, value: $0.value) }
    parts = children.map(Part.element)
  }

  /// An element that holds text alone.
  init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String) {
    self.init(name, attributes)
    parts = [.text(text)]
  }

  /// The element as XML, on one line.
  var xml: String {
    var out = ""
    write(to: &out)
    return out
  }

  private func write(to out: inout String) {
    out += "<" + name
    for attribute in attributes { out += " \(attribute.name)='\(Self.escaped(attribute.value))'" }
    guard !parts.isEmpty else {
      out += "/>"
      return
    }
    out += ">"
    for part in parts {
      switch part {
      case .element(let element): element.write(to: &out)
      case .text(let text): out += Self.escaped(text)
      }
    }
    out += "</" + name + ">"
  }

  /// The five characters of XML as entities, white space kept by reference, and what XML cannot hold replaced.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "'": out += "&apos;"
      case "\"": out += "&quot;"
      case "\t", "\n", "\r": out += "&#\(scalar.value);"
      case "\u{0}"..."\u{1f}", "\u{fffe}", "\u{ffff}": out += "\u{fffd}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
