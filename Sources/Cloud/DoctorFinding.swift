import Kit

/// What one look at the host found, and what to do about it.
public struct DoctorFinding: Sendable, Hashable {
  /// Worse ones are greater.
  public enum Severity: Int, Sendable, Comparable {
    case well, unseen, warning, broken

    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }

    /// The word of a program's reader.
    public var word: String {
      switch self {
      case .well: "ok"
      case .unseen: "unseen"
      case .warning: "warning"
      case .broken: "broken"
      }
    }
  }

  public var severity: Severity
  /// What was seen, in a sentence.
  public var what: String
  /// What to do; nil where nothing is to be done.
  public var advice: String?

  static func well(_ what: String) -> DoctorFinding { DoctorFinding(severity: .well, what: what) }

  /// Something that could not be looked at, and why.
  static func unseen(_ what: String, _ advice: String? = nil) -> DoctorFinding {
    DoctorFinding(severity: .unseen, what: what, advice: advice)
  }

  static func warning(_ what: String, _ advice: String) -> DoctorFinding {
    DoctorFinding(severity: .warning, what: what, advice: advice)
  }

  static func broken(_ what: String, _ advice: String) -> DoctorFinding {
    DoctorFinding(severity: .broken, what: what, advice: advice)
  }
}

/// One thing that is looked at: from facts to findings, without touching anything.
protocol DoctorCheck: Sendable {
  /// A word for the report, `disk`.
  static var name: String { get }
  static func findings(_ facts: DoctorFacts) -> [DoctorFinding]
}

/// Everything that was found, by check.
public struct DoctorReport: Sendable {
  public private(set) var findings: [(check: String, finding: DoctorFinding)]

  init(_ facts: DoctorFacts, checks: [any DoctorCheck.Type] = DoctorReport.checks) {
    findings = checks.flatMap { check in check.findings(facts).map { (check.name, $0) } }
  }

  static let checks: [any DoctorCheck.Type] = [
    VirtualizationCheck.self, KernelCheck.self, DiskCheck.self, ClockCheck.self, ToolCheck.self, LibvirtCheck.self,
    ProcessCheck.self, StoreCheck.self, MTUCheck.self, LeftoverCheck.self,
  ]

  /// 0 where all is well, 1 with warnings, 2 where something is broken.
  public var exitCode: Int32 {
    switch findings.map(\.finding.severity).max() ?? .well {
    case .well, .unseen: 0
    case .warning: 1
    case .broken: 2
    }
  }

  /// A line a finding, the advice below it.
  public var text: String {
    let width = (findings.map(\.check.count).max() ?? 0) + 2
    let lines = findings.flatMap { check, finding in
      let head = Self.padded(check, width) + Self.padded(finding.severity.word, 9) + finding.what
      return [head] + (finding.advice.map { [String(repeating: " ", count: width + 9) + "→ " + $0] } ?? [])
    }
    let verdict =
      switch exitCode {
      case 0: "All is well."
      case 1: "There are warnings."
      default: "Something is broken."
      }
    return (lines + ["", verdict]).joined(separator: "\n")
  }

  /// `{"status", "findings": [{"check", "severity", "what", "advice"}]}`.
  public var json: String {
    let list = findings.map { check, finding -> JSONValue in
      .object([
        "check": .string(check), "severity": .string(finding.severity.word), "what": .string(finding.what),
        "advice": finding.advice.map { .string($0) } ?? .null,
      ])
    }
    return JSONValue.object(["status": .int(Int(exitCode)), "findings": .array(list)]).text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
