import Drivers
import Foundation
import Kit
public import NodeLink

extension FileDisks {
  /// Size of a config drive; the file is sparse.
  static let configDriveBytes: off_t = 16 << 20
  /// How many bytes of documents go on it at most.
  static let configDocumentBytesMax = 8 << 20
  private static let configTemporaryPrefix = ".config-"

  public func configDrive(_ metadata: ServerSpec.Metadata, serverID: String) async throws -> String {
    let path = try places.configDrive(serverID)
    let folder = try places.server(serverID)
    let documents = try Self.documents(metadata)
    guard documents.reduce(0, { $0 + $1.bytes.count }) <= Self.configDocumentBytesMax else {
      throw DiskError.toolFailed(tool: "mcopy", reason: "the documents are too large for a config drive")
    }
    try prepare()
    await enter(serverID)
    defer { leave(serverID) }

    try DiskFiles.directory(folder, mode: 0o750, gid: owner.gid)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name.hasPrefix(Self.configTemporaryPrefix) {
      // A crash left it.
      try DiskFiles.removeTree(folder + "/" + name)
    }
    let tree = folder + "/" + Self.configTemporaryPrefix + Identifier.hex()
    let image = tree + ".img"
    try DiskFiles.directory(tree, mode: 0o700)
    defer {
      try? DiskFiles.removeTree(tree)
      try? DiskFiles.remove(image)
    }
    for document in documents {
      let place = tree + "/" + document.path
      for parent in Self.parents(document.path) { try DiskFiles.directory(tree + "/" + parent, mode: 0o700) }
      try DiskFiles.write(document.bytes, to: place)
    }
    try DiskFiles.write([], to: image)
    guard truncate(image, Self.configDriveBytes) == 0 else { throw DiskFiles.failure("truncate", image) }
    try await DiskTool.run("mkfs.vfat", ["-n", "config-2", image])
    try await DiskTool.run("mcopy", ["-s", "-i", image, tree + "/openstack", tree + "/ec2", "::/"])
    try DiskFiles.own(image, uid: owner.uid, gid: owner.gid, mode: 0o400)
    try DiskFiles.publish(image, as: path)
    return path
  }

  /// The folders above a document, from the outermost: `openstack`, `openstack/latest`.
  private static func parents(_ path: String) -> [String] {
    let folders = path.split(separator: "/").dropLast()
    return folders.indices.map { folders[...$0].joined(separator: "/") }
  }

  private static func documents(_ metadata: ServerSpec.Metadata) throws -> [(path: String, bytes: [UInt8])] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var documents: [(path: String, bytes: [UInt8])] = [
      ("openstack/latest/meta_data.json", Array(metadata.metaData.utf8)),
      ("openstack/latest/network_data.json", Array(metadata.networkData.utf8)),
      ("openstack/latest/vendor_data.json", Array(metadata.vendorData.utf8)),
      ("ec2/latest/meta-data.json", Array(try encoder.encode(metadata.ec2))),
    ]
    if let text = metadata.userDataBase64 {
      guard let bytes = Data(base64Encoded: text) else {
        throw DiskError.toolFailed(tool: "mcopy", reason: "the user data is no base64")
      }
      documents.append(("openstack/latest/user_data", Array(bytes)))
    }
    return documents
  }
}
