import Foundation
import FoundationXML

/// What this program reads back of a domain's XML.
struct DomainDescription: Sendable, Equatable {
  /// The tag of the cloud that made it; nil for a domain of somebody else.
  var cloud: String?
  var bootEpoch = 0
  /// Ports whose cards are in it, in the guest's order.
  var portIDs: [String] = []

  /// nil where `xml` is none.
  init?(xml: String) {
    let reader = Reader()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = reader
    guard parser.parse(), reader.isComplete else { return nil }
    self = reader.found
  }

  private init() {}

  private final class Reader: NSObject, XMLParserDelegate {
    var found = DomainDescription()
    private var path: [String] = []
    private var elements = 0

    /// Whether every element that was opened was closed: the parser lets a text end early.
    var isComplete: Bool { path.isEmpty && elements > 0 }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      path.append(name)
      elements += 1
      switch path {
      case ["domain", "metadata", DomainXML.metadataElement]
      where attributes["xmlns:" + DomainXML.metadataPrefix] == DomainXML.metadataNamespace:
        found.cloud = attributes["cloud"]
        found.bootEpoch = attributes["boot-epoch"].flatMap { Int($0) } ?? 0
      case ["domain", "devices", "interface", "alias"]:
        if let alias = attributes["name"], alias.hasPrefix(DomainXML.portAliasPrefix) {
          found.portIDs.append(String(alias.dropFirst(DomainXML.portAliasPrefix.count)))
        }
      default: break
      }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      path.removeLast()
    }
  }
}
