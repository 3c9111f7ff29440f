import Contracts
import Crypto
import Foundation
import Kit
import NodeLink

/// What a guest may learn of itself, laid out as Nova and EC2 lay it out.
struct GuestDocuments {
  let server: Server
  /// In the guest's order, with their PCI slots.
  let cards: [(port: ServerPort, slot: Int)]

  static let zone = "nova"

  var metadata: ServerSpec.Metadata {
    ServerSpec.Metadata(
      metaData: metaData, networkData: NetworkData(ports: cards.map(\.port)).text, vendorData: "{}",
      userDataBase64: server.userData, ec2: ec2)
  }

  private var metaData: String {
    var json = JSONWriter(capacity: 2048)
    json.object { json in
      json.field("uuid", server.id)
      if server.metadata != "{}" { json.field("meta", raw: server.metadata) }
      if let password = server.adminPass { json.field("admin_pass", password.reveal()) }
      if let key = server.key {
        json.field("public_keys") { $0.field(key.name, key.publicKey) }
        json.field("keys", [key]) { json, key in
          json.object {
            $0.field("name", key.name)
            $0.field("type", key.type)
            $0.field("data", key.publicKey)
          }
        }
      }
      json.field("hostname", server.hostname)
      json.field("name", server.name)
      json.field("launch_index", server.launchIndex)
      json.field("availability_zone", Self.zone)
      json.field("random_seed", randomSeed)
      json.field("project_id", server.projectID)
      json.field("devices", cards.filter { $0.port.tag != nil }) { json, card in
        json.object {
          $0.field("type", "nic")
          $0.field("bus", "pci")
          $0.field("address", "0000:00:\(String(card.slot | 0x100, radix: 16).dropFirst()).0")
          $0.field("mac", card.port.mac)
          $0.field("tags", card.port.tag.map { [$0] } ?? [])
        }
      }
      json.field("dedicated_cpus", [String]())
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// 512 bytes that stay the same for the server's life, so that a manifest made anew is the same manifest.
  private var randomSeed: String {
    let key = HKDF<SHA512>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: Data(server.seed.utf8)), info: Data("random_seed".utf8),
      outputByteCount: 512)
    return key.withUnsafeBytes { Data($0).base64EncodedString() }
  }

  private var ec2: [String: String] {
    let addresses = cards.flatMap(\.port.addresses).filter { $0.version == 4 }
    let groups = cards.flatMap(\.port.securityGroupNames)
    var documents = [
      "ami-id": "ami-" + Self.shortID(server.imageID), "ami-launch-index": String(server.launchIndex),
      "ami-manifest-path": "", "instance-id": "i-" + Self.shortID(server.id), "hostname": server.hostname,
      "local-hostname": server.hostname, "public-hostname": server.hostname,
      "local-ipv4": addresses.first { $0.type == "fixed" }?.address ?? "",
      "public-ipv4": addresses.first { $0.type == "floating" }?.address ?? "",
      "reservation-id": server.reservationID, "instance-type": server.flavor.name, "instance-action": "none",
      "placement/availability-zone": Self.zone, "block-device-mapping/ami": "vda",
      "block-device-mapping/root": "/dev/vda",
      "security-groups": Array(Set(groups)).sorted().joined(separator: "\n"),
    ]
    if let key = server.key { documents["public-keys/0/openssh-key"] = key.publicKey }
    if let mac = cards.first?.port.mac { documents["mac"] = mac }
    return documents
  }

  /// Eight hex digits that stand for a UUID, as EC2's ids have.
  private static func shortID(_ id: String) -> String { String(id.replacing("-", with: "").prefix(8)) }
}
