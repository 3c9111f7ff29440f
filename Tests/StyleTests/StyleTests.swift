import Foundation
import Testing

/// The style of the house is a test, so that nobody argues about it.
struct StyleTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private struct Source {
    var path: String
    var lines: [Substring]
  }

  private static func sources(_ folder: String) -> [Source] {
    let base = root.appending(path: folder)
    let files = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)?.allObjects ?? []
    return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.compactMap { url in
      guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
      let path = url.path().replacing(root.path(), with: "")
      return Source(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  /// Code with comments and string literals taken out.
  private static func code(_ line: Substring) -> String {
    var text = String(line)
    text.replace(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"")
    if let comment = text.range(of: "//") { text.removeSubrange(comment.lowerBound...) }
    return text
  }

  private func places(_ folder: String, _ wrong: (String) -> Bool) -> [String] {
    Self.sources(folder).flatMap { source in
      source.lines.enumerated().filter { wrong(Self.code($0.element)) }.map { "\(source.path):\($0.offset + 1)" }
    }
  }

  @Test func nothingIsForced() {
    let forced = #/[A-Za-z0-9_\])]!(?![=A-Za-z0-9_(])/#
    let banned = ["try!", "as!", "fatalError("]
    for folder in ["Sources", "Tests"] {
      #expect(places(folder) { code in banned.contains(where: code.contains) }.isEmpty)
      #expect(places(folder) { $0.contains(forced) }.isEmpty)
    }
  }

  @Test func noShellStrings() {
    let shells = Self.sources("Sources").flatMap { source in
      source.lines.enumerated().filter { line in
        line.element.contains("\"/bin/sh\"") || line.element.contains("\"sh\"") || line.element.contains("\"bash\"")
      }.map { "\(source.path):\($0.offset + 1)" }
    }
    #expect(shells.isEmpty)
  }

  @Test func filesHoldOneIdea() {
    let long = Self.sources("Sources").filter { $0.lines.count > 450 }.map { "\($0.path): \($0.lines.count)" }
    #expect(long.isEmpty)
  }

  @Test func linesFitTheScreen() {
    let wide = Self.sources("Sources").flatMap { source in
      source.lines.enumerated().filter { $0.element.count > 120 && !$0.element.contains("http") }
        .map { "\(source.path):\($0.offset + 1)" }
    }
    #expect(wide.isEmpty)
  }

  /// Arrows between rooms go down only. Each room may import the rooms named here and nothing else of ours.
  @Test func arrowsGoDown() {
    let platform: Set = ["Kit", "Store", "Auth", "API", "Converge", "NodeLink"]
    let services: Set = ["Identity", "Images", "Placement", "Networks", "Compute", "Explain"]
    let node: Set = ["Drivers", "Disks", "Dataplane", "Hypervisor", "Agent"]
    let ours = platform.union(services).union(node).union(["Contracts", "Cloud", "haneul"])
    func allowed(_ path: String) -> Set<String> {
      let parts = path.split(separator: "/").map(String.init)
      switch parts[1] {
      case "Platform":
        return [
          "Kit": [], "Store": ["Kit"], "Auth": ["Kit", "Store"], "API": ["Kit", "Store", "Auth"],
          "Converge": ["Kit", "Store"], "NodeLink": ["Kit", "Store", "API", "Auth"],
        ][parts[2]] ?? []
      case "Contracts": return ["Kit", "Store", "Auth"]
      case "Services": return platform.union(["Contracts"])
      case "Node": return parts[2] == "Drivers" ? ["Kit", "NodeLink"] : ["Kit", "NodeLink", "Drivers"]
      case "Cloud": return ours.subtracting(["haneul", "Cloud"])
      default: return ["Cloud", "Kit", "Dataplane"]
      }
    }
    let importLine = #/^(public |package |internal )?import /#
    let wrong = Self.sources("Sources").flatMap { source in
      source.lines.filter { $0.contains(importLine) }.compactMap { line -> String? in
        let module = String(line.split(separator: " ").last ?? "")
        guard ours.contains(module), !allowed(source.path).contains(module) else { return nil }
        return "\(source.path) imports \(module)"
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func librariesStayInTheirRooms() {
    let homes = [
      "Hummingbird": ["Sources/Platform/API/", "Sources/Platform/NodeLink/"],
      "AsyncHTTPClient": ["Sources/Platform/NodeLink/", "Sources/Cloud/", "Sources/Services/Identity/"],
      "CCrypt": ["Sources/Platform/Auth/"], "CLDAP": ["Sources/Services/Identity/"],
      "CSQLite": ["Sources/Platform/Store/"], "CPostgres": ["Sources/Platform/Store/"],
      "CLibvirt": ["Sources/Node/Hypervisor/"],
      "CNftables": ["Sources/Node/Dataplane/"],
    ]
    for (module, folders) in homes {
      let strays = Self.sources("Sources").filter { source in
        source.lines.contains { $0.hasSuffix("import \(module)") } && !folders.contains { source.path.hasPrefix($0) }
      }.map(\.path)
      #expect(strays.isEmpty, "\(module)")
    }
  }

  @Test func fileNamesAreUniqueInARoom() {
    let rooms = Dictionary(grouping: Self.sources("Sources")) { source in
      let parts = source.path.split(separator: "/")
      return parts.prefix(parts[1] == "Cloud" || parts[1] == "haneul" || parts[1] == "Contracts" ? 2 : 3)
        .joined(separator: "/") + "|" + (parts.last.map(String.init) ?? "")
    }
    #expect(rooms.filter { $0.value.count > 1 }.keys.sorted().isEmpty)
  }
}
