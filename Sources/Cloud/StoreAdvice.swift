import Store

/// What an operator is told when the store fails: what happened, and what to do next.
extension CloudStore {
  /// - Parameter what: what is the matter, as said of the address: `cannot be opened`.
  static func problem(_ address: StoreAddress, _ error: StoreError, _ what: String = "cannot be opened") -> CloudProblem
  {
    CloudProblem("\(address) \(what): \(error.message). \(advice(error.kind, address))")
  }

  /// What to do next.
  static func advice(_ kind: StoreError.Kind, _ address: StoreAddress) -> String {
    switch kind {
    case .outcomeUnknown:
      return "It may have been done or not: look (haneul status, haneul check) before you do it again."
    case .overloaded: return "Too much waits for the store already: try again in a moment."
    case .unique, .foreignKey:
      return "Either something else did the same at this moment, then try again; or the store contradicts itself, then "
        + "`haneul check` names what is wrong."
    case .unstorable: return "Something that was given has a NUL in it: give it without."
    default: break
    }
    switch address {
    case .sqlite(let path): return ofFile(kind, path)
    case .postgres: return ofServer(kind)
    }
  }

  private static func ofFile(_ kind: StoreError.Kind, _ path: String) -> String {
    switch kind {
    case .full: "The disk is full: make room (df -h \(path)), then: haneul up"
    case .readOnly: "Its file system, or the file, can only be read: remount it, or look at owner and mode."
    case .corrupt: "The file is damaged: put a backup in its place (haneul down; haneul restore FILE; haneul up)."
    case .io:
      "The disk fails, or the folder cannot be entered: look at dmesg, and at owner and mode; `haneul doctor` "
        + "looks too."
    case .busy: "Another program holds the file locked: find it (fuser -v \(path)), end it and try again."
    default: "`haneul doctor` looks at the disk, and `haneul check` at what is in the store."
    }
  }

  private static func ofServer(_ kind: StoreError.Kind) -> String {
    switch kind {
    case .unavailable:
      "Start PostgreSQL, or wait until it answers (pg_isready); a cloud that runs goes on by itself then. Where the "
        + "address or the password is wrong: haneul down; haneul up --store postgres://…"
    case .full: "The disk of PostgreSQL's server is full: make room there; the cloud goes on by itself then."
    case .readOnly:
      "The server only lets read: it is a standby, or default_transaction_read_only is on. Name the primary: "
        + "haneul up --store postgres://…"
    case .corrupt:
      "The server's data is damaged, its log says where: repair it, or put a backup into a new database "
        + "(haneul down; haneul restore FILE --store postgres://…; haneul up)."
    case .io: "The disk of PostgreSQL's server fails: look at the server's log and its dmesg."
    case .busy:
      "Another transaction holds locks for too long: find it (SELECT pid, state, query FROM pg_stat_activity), end it "
        + "and try again."
    default:
      "Look at PostgreSQL's log of this moment; the database must belong to the user of the address "
        + "(ALTER DATABASE … OWNER TO …)."
    }
  }
}
