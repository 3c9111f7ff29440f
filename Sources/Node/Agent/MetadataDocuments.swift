import Drivers
import Foundation
import Kit
import NodeLink

/// The documents a guest finds at 169.254.169.254, laid out as Nova lays them out.
struct MetadataDocuments: Sendable {
  let metadata: ServerSpec.Metadata

  static let openStackVersions = [
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14",
  ]
  static let ec2Versions = [
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04",
  ]
  static let notFound = MetadataReply(
    status: 404, contentType: "text/plain; charset=UTF-8",
    body: Array("404 Not Found\n\nThe resource could not be found.\n\n".utf8))

  /// The document at a path (a query after `?` is ignored); 404 where Nova has none.
  func reply(path: String) -> MetadataReply {
    let plain = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
    let parts = plain.split(separator: "/").map(String.init)
    guard !parts.contains(".."), !parts.contains(".") else { return Self.notFound }
    guard let first = parts.first else { return Self.text(Self.ec2Versions + ["latest"]) }
    let rest = Array(parts.dropFirst())
    return first == "openstack" ? openStack(rest) : ec2(version: first, rest)
  }

  // MARK: /openstack

  private func openStack(_ parts: [String]) -> MetadataReply {
    guard let version = parts.first else { return Self.text(Self.openStackVersions + ["latest"]) }
    guard version == "latest" || Self.openStackVersions.contains(version), parts.count <= 2 else {
      return Self.notFound
    }
    if parts.count == 1 { return Self.text(openStackNames(version)) }
    guard openStackNames(version).contains(parts[1]) else { return Self.notFound }
    switch parts[1] {
    case "meta_data.json": return Self.json(metadata.metaData)
    case "network_data.json": return Self.json(metadata.networkData)
    case "vendor_data.json": return Self.json(metadata.vendorData)
    case "vendor_data2.json": return Self.json("{\"static\": \(metadata.vendorData)}")
    default: return userData
    }
  }

  /// The documents a version has, in Nova's order.
  private func openStackNames(_ version: String) -> [String] {
    var names = ["meta_data.json"]
    if metadata.userDataBase64 != nil { names.append("user_data") }
    if version >= "2013-10-17" { names.append("vendor_data.json") }
    if version >= "2015-10-15" { names.append("network_data.json") }
    if version >= "2016-10-06" { names.append("vendor_data2.json") }
    return names
  }

  // MARK: /latest and the dated versions of EC2

  private func ec2(version: String, _ parts: [String]) -> MetadataReply {
    guard version == "latest" || Self.ec2Versions.contains(version) else { return Self.notFound }
    switch parts.first {
    case nil: return Self.text(["meta-data/"] + (metadata.userDataBase64 == nil ? [] : ["user-data"]))
    case "user-data" where parts.count == 1: return userData
    case "meta-data": return ec2Item(parts.dropFirst().joined(separator: "/"))
    default: return Self.notFound
    }
  }

  /// A leaf's body, or the names below a path; folders end in a slash.
  private func ec2Item(_ path: String) -> MetadataReply {
    if let body = metadata.ec2[path] ?? metadata.ec2[path + "/"] { return Self.text([body]) }
    let prefix = path.isEmpty ? "" : path + "/"
    var names: Set<String> = []
    for (key, _) in metadata.ec2 where key.hasPrefix(prefix) {
      let below = key.dropFirst(prefix.count)
      guard let name = below.split(separator: "/").first else { continue }
      names.insert(below.contains("/") ? name + "/" : String(name))
    }
    if names.isEmpty { return Self.notFound }
    if path == "public-keys" { return Self.text(keyNames(names)) }
    return Self.text(names.sorted())
  }

  /// Keys are listed as `0=name`; the names stand in `meta_data.json`.
  private func keyNames(_ folders: Set<String>) -> [String] {
    let keys = (try? JSONValue(parsing: metadata.metaData))?["public_keys"]?.object?.keys.sorted() ?? []
    return folders.sorted().map { folder in
      let number = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
      let name = Int(number).flatMap { keys.indices.contains($0) ? keys[$0] : nil } ?? "key"
      return "\(number)=\(name)"
    }
  }

  // MARK: replies

  private var userData: MetadataReply {
    guard let text = metadata.userDataBase64, let bytes = Data(base64Encoded: text) else { return Self.notFound }
    return MetadataReply(status: 200, contentType: "application/octet-stream", body: Array(bytes))
  }

  private static func text(_ lines: [String]) -> MetadataReply {
    MetadataReply(
      status: 200, contentType: "text/plain; charset=UTF-8", body: Array(lines.joined(separator: "\n").utf8))
  }

  private static func json(_ text: String) -> MetadataReply {
    MetadataReply(status: 200, contentType: "application/json", body: Array(text.utf8))
  }
}
