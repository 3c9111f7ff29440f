import Compute
public import Contracts
import Explain
import Foundation
import Identity
import Images
import Logging
import Networks
import NodeLink
import Placement
public import Store

/// Verifies a store: everything that the services, and the platform below them, say is always true of it. It only
/// reads.
public struct InvariantCheck: Sendable {
  /// An invariant that is broken, and what breaks it.
  public struct Broken: Sendable {
    public var invariant: Invariant
    /// At most `Invariant.namedMax`.
    public var subjects: [String]
  }

  /// What was found.
  public struct Report: Sendable {
    /// How many invariants were looked at.
    public var count: Int
    public var broken: [Broken]

    /// For people.
    public var text: String {
      guard !broken.isEmpty else { return "All \(count) invariants hold." }
      let parts = broken.map { broken in
        "\(broken.invariant.name): broken. \(broken.invariant.sentence)\n"
          + broken.subjects.map { "    \($0)\n" }.joined() + "  What to do: \(broken.invariant.repair)\n"
      }
      return parts.joined() + "\(broken.count) of \(count) invariants are broken."
    }
  }

  public let invariants: [Invariant]

  /// Each invariant and what it says, a line each.
  public var listing: String { invariants.map { "\($0.name): \($0.sentence)" }.joined(separator: "\n") }

  /// All of a cloud's services, in process.
  init(_ services: Services) {
    invariants =
      StoreInvariants.all + services.identity.invariants + services.images.invariants + services.placement.invariants
      + services.networks.invariants + services.compute.invariants + services.explain.invariants
  }

  /// The invariants alone: nothing of a cloud is opened. Throws where no temporary folder can be made.
  public init() async throws { self.init(try await Services.idle()) }

  /// Looks at everything on the transaction's snapshot. Throws `StoreError` where the store cannot be read.
  public func run(_ tx: Transaction) throws -> Report {
    var report = Report(count: invariants.count, broken: [])
    for invariant in invariants {
      let subjects = try invariant.broken(tx)
      if !subjects.isEmpty { report.broken.append(Broken(invariant: invariant, subjects: subjects)) }
    }
    return report
  }

  /// Looks at the store of a state directory, running or not, and at the files of its images. Throws `CloudProblem`.
  public static func run(state: StateDirectory) async throws -> Report {
    guard let settings = try state.readSettings() else {
      throw CloudProblem("There is no cloud in \(state.path).")
    }
    let check = try await InvariantCheck()
    let address = try StoreAddress(state: state, settings: settings)
    do {
      return try await address.peek { tx in
        var report = try check.run(tx)
        let files = StoreInvariants.files(folder: state.images + "/blobs")
        let missing = try files.broken(tx)
        report.count += 1
        if !missing.isEmpty { report.broken.append(Broken(invariant: files, subjects: missing)) }
        return report
      }
    } catch let error as StoreError {
      throw CloudStore.problem(address, error, "cannot be read")
    }
  }
}

/// What is always true below the services: the store itself, the manifest, nodes, leases.
enum StoreInvariants {
  private static let byBackup = "Restore a backup of before."

  static var all: [Invariant] { [identity, references, feed, generations, orphans, specs, facts, leases] }

  private static var identity: Invariant {
    Invariant("store.identity", "The store says of which cloud it is, and its epoch is 1 or more.", repair: byBackup) {
      tx in
      guard try StoreTables.exists(tx, "cloud"), let identity = try StoreIdentity.read(tx) else {
        return ["it is nobody's"]
      }
      return identity.epoch >= 1 ? [] : ["epoch \(identity.epoch)"]
    }
  }

  /// Whatever the engine was told not to watch, or did not.
  private static var references: Invariant {
    Invariant("store.references", "What a row refers to is there.", repair: byBackup) { tx in
      var broken: [String] = []
      for table in try StoreTables.names(tx) {
        for reference in try StoreTables.references(tx, table) where broken.count < Invariant.namedMax {
          let (column, target) = ("\"\(reference.column)\"", "\"\(reference.target)\"")
          broken += try tx.query(
            """
            SELECT DISTINCT c.\(raw: column) FROM "\(raw: table)" c WHERE c.\(raw: column) IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM "\(raw: reference.table)" t WHERE t.\(raw: target) = c.\(raw: column))
            ORDER BY 1 LIMIT \(Invariant.namedMax)
            """
          ) { "\(table).\(reference.column) \($0.text(0)), which is not in \(reference.table)" }
        }
      }
      return broken
    }
  }

  private static var feed: Invariant {
    Invariant(
      "store.feed", "No generation is beyond the newest change.",
      repair: "Restart control: the next greeting of a node begins a new epoch, and the feed goes on beyond it."
    ) { tx in
      let newest = try tx.newestRevision()
      return try tx.query(
        """
        SELECT kind || ' ' || object_id || ' on ' || node_id FROM manifest
        WHERE generation > \(newest) OR generation < 1
        ORDER BY 1 LIMIT \(Invariant.namedMax)
        """
      ) { $0.text(0) }
    }
  }

  private static var generations: Invariant {
    Invariant(
      "store.generations", "No two objects of a host have the same generation.", repair: byBackup,
      rows: """
        SELECT 'generation ' || generation || ' on ' || node_id FROM manifest GROUP BY node_id, generation
        HAVING count(*) > 1 ORDER BY 1
        """)
  }

  private static var orphans: Invariant {
    Invariant(
      "nodelink.hosts", "What is asked is asked of a host that has spoken to this cloud.",
      repair: "Start haneul node there; if the host is gone for good, delete what is on it.",
      rows: """
        SELECT DISTINCT 'host ' || m.node_id FROM manifest m
        WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.node_id = m.node_id) ORDER BY 1
        """)
  }

  private static var specs: Invariant {
    Invariant(
      "nodelink.specs", "A host can read what it is asked.", repair: "haneul control writes most anew every minute."
    ) {
      tx in
      var broken: [String] = []
      try tx.forEach("SELECT kind, object_id, node_id, spec FROM manifest WHERE tombstone = 0") { row in
        let spec = try? JSONDecoder().decode(ObjectSpec.self, from: Data(row.text(3).utf8))
        if ObjectKind(rawValue: row.text(0)) == nil || spec == nil, broken.count < Invariant.namedMax {
          broken.append("\(row.text(0)) \(row.text(1)) on \(row.text(2))")
        }
      }
      return broken
    }
  }

  private static var facts: Invariant {
    Invariant("nodelink.facts", "What a host says of itself can be read.", repair: "Restart that host's haneul node.") {
      tx in
      try tx.query("SELECT node_id, facts FROM node ORDER BY node_id") { ($0.text(0), $0.text(1)) }.filter {
        (try? JSONDecoder().decode(NodeFacts.self, from: Data($0.1.utf8))) == nil
      }.map { "host \($0.0)" }
    }
  }

  private static var leases: Invariant {
    Invariant(
      "converge.leases", "A lease has been given to somebody.",
      repair: "Delete the row: the next control takes it anew.",
      rows: "SELECT 'lease ' || name FROM lease WHERE fence < 1 ORDER BY name")
  }

  /// Each file of image bytes is there, whole as far as its size tells.
  static func files(folder: String) -> Invariant {
    Invariant("images.files", "The bytes of every image are on the disk.", repair: "Upload the image anew.") { tx in
      guard FileManager.default.isReadableFile(atPath: folder) else {
        return try ImagesService.keptBlobs(tx).isEmpty ? [] : ["\(folder) cannot be read: run it as root"]
      }
      return try ImagesService.keptBlobs(tx).compactMap { blob in
        let facts = try? FileManager.default.attributesOfItem(atPath: folder + "/" + blob.file)
        guard let size = facts?[.size] as? Int64 ?? (facts?[.size] as? Int).map(Int64.init) else {
          return "\(blob.digest): \(folder)/\(blob.file) is missing"
        }
        return size == blob.size ? nil : "\(blob.digest): \(size) bytes instead of \(blob.size)"
      }
    }
  }
}
