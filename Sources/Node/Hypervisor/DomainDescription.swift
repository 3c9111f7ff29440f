import Drivers
import Foundation
import FoundationXML

/// What this program reads back of a domain's XML.
struct DomainDescription: Sendable, Equatable {
  /// The tag of the cloud that made it; nil for a domain of somebody else.
  var cloud: String?
  var bootEpoch = 0
  /// Ports whose cards are in it, in the guest's order.
  var portIDs: [String] = []
  var name = ""
  var vcpus = 0
  var memoryMiB = 0
  /// File of the first disk, and of what it stands on.
  var overlayPath: String?
  var basePath: String?
  /// Every network card, ours or not.
  var cards: [CardText] = []

  /// nil where `xml` is none.
  init?(xml: String) {
    let reader = DomainReader()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = reader
    guard parser.parse(), reader.isComplete else { return nil }
    self = reader.found
  }

  fileprivate init() {}

  /// The definition that this XML is.
  func definition(persistent: Bool) -> DomainDefinition {
    DomainDefinition(
      name: name, persistent: persistent, vcpus: vcpus, memoryMiB: memoryMiB, overlayPath: overlayPath,
      basePath: basePath, cards: CardText.lines(cards))
  }

  /// The cloud in what libvirt gives of a domain's metadata alone: our element, without its prefix.
  static func cloud(metadata: String) -> String? {
    let reader = CloudReader()
    let parser = XMLParser(data: Data(metadata.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = reader
    return parser.parse() ? reader.cloud : nil
  }
}

/// One card as a definition's reader sees it.
struct CardText: Sendable, Hashable {
  var tap = "-"
  var mac = ""
  var slot = 0

  /// `tap mac slot`, in the order of the guest's PCI bus: libvirt's own order is that of attaching.
  static func lines(_ cards: [CardText]) -> [String] {
    cards.map { (slot: $0.slot, text: "\($0.tap) \($0.mac) \($0.slot)") }
      .sorted { ($0.slot, $0.text) < ($1.slot, $1.text) }
      .map(\.text)
  }
}

private final class DomainReader: NSObject, XMLParserDelegate {
  private static let kibibytes: [String: Double] = [
    "b": 1.0 / 1024, "bytes": 1.0 / 1024, "KiB": 1, "k": 1, "MiB": 1024, "M": 1024, "GiB": 1_048_576, "G": 1_048_576,
  ]

  var found = DomainDescription()
  private var path: [String] = []
  private var elements = 0
  private var text = ""
  private var memoryUnit = "KiB"
  private var disks = 0

  /// Whether every element that was opened was closed: the parser lets a text end early.
  var isComplete: Bool { path.isEmpty && elements > 0 }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    path.append(name)
    elements += 1
    text = ""
    switch path {
    case ["domain", "memory"]: memoryUnit = attributes["unit"] ?? "KiB"
    case ["domain", "metadata", DomainXML.metadataElement]
    where attributes["xmlns:" + DomainXML.metadataPrefix] == DomainXML.metadataNamespace:
      found.cloud = attributes["cloud"]
      found.bootEpoch = attributes["boot-epoch"].flatMap { Int($0) } ?? 0
    case _ where path.starts(with: ["domain", "devices", "interface"]): card(attributes)
    case _ where path.starts(with: ["domain", "devices", "disk"]): disk(attributes)
    default: break
    }
  }

  private func card(_ attributes: [String: String]) {
    if path.count == 3 { return found.cards.append(CardText()) }
    guard path.count == 4, var card = found.cards.popLast() else { return }
    switch path[3] {
    case "mac": card.mac = attributes["address"] ?? ""
    case "target": card.tap = attributes["dev"] ?? "-"
    case "address": card.slot = attributes["slot"].flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0
    case "alias":
      if let alias = attributes["name"], alias.hasPrefix(DomainXML.portAliasPrefix) {
        found.portIDs.append(String(alias.dropFirst(DomainXML.portAliasPrefix.count)))
      }
    default: break
    }
    found.cards.append(card)
  }

  private func disk(_ attributes: [String: String]) {
    if path.count == 3 { disks += 1 }
    guard disks == 1 else { return }
    switch path.dropFirst(3) {
    case ["source"]: found.overlayPath = attributes["file"]
    case ["backingStore", "source"]: found.basePath = attributes["file"]
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    // Only three short texts are read; what users wrote stands deeper.
    if path.count == 2 { text += string }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    switch path {
    case ["domain", "name"]: found.name = text
    case ["domain", "vcpu"]: found.vcpus = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    case ["domain", "memory"]:
      let number = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
      found.memoryMiB = Int(number * (Self.kibibytes[memoryUnit] ?? 0) / 1024)
    default: break
    }
    path.removeLast()
  }
}

private final class CloudReader: NSObject, XMLParserDelegate {
  var cloud: String?
  private var isFirst = true

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    if isFirst { cloud = attributes["cloud"] }
    isFirst = false
  }
}
