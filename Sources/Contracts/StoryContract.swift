public import Auth
public import Kit
public import Store

/// What a service tells of its resources, for `haneul explain` and `haneul whatis`. Whoever asks sees what the
/// service's own API would show: an administrator everything, anybody else what his project may see.
public protocol StoryTeller: Sendable {
  /// The kinds of resource whose story it tells: `server`.
  var storyKinds: Set<String> { get }

  /// What the text names: an id, the beginning of one (8 characters or more), a name, an address, a MAC, a digest.
  /// At most `limit` of each kind.
  func find(_ tx: Transaction, _ text: String, for principal: Principal, limit: Int) throws -> [Mention]

  /// Those of these resources of one kind that it knows and the caller may see.
  func mentions(_ tx: Transaction, kind: String, ids: [String], for principal: Principal) throws -> [Mention]

  /// The story of one resource; nil where it is not this service's, is gone, or is hidden from the caller.
  func story(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story?

  /// What is left of a resource that is gone; nil where nothing is, or it was another project's.
  func past(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story?

  /// Its resources that have to do with a resource of another service, or with a host; at most `limit`.
  func related(
    _ tx: Transaction, to subject: Mention.Key, for principal: Principal, limit: Int
  ) throws -> [Story.Related]

  /// How many resources there are, by kind and status.
  func counts(_ tx: Transaction) throws -> [StoryCount]
}

extension StoryTeller {
  /// The condition on a table's id that it is `text` or begins with it, for `find`; on the id alone where the text is
  /// the beginning of none.
  public func identified(by text: String) -> SQL {
    guard let range = Identifier.range(beginning: text) else { return "id = \(text)" }
    return "(id = \(text) OR id >= \(range.lowerBound) AND id < \(range.upperBound))"
  }

  public func past(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? { nil }
  public func related(
    _ tx: Transaction, to subject: Mention.Key, for principal: Principal, limit: Int
  ) throws -> [Story.Related] { [] }
  public func counts(_ tx: Transaction) throws -> [StoryCount] { [] }
}

/// A resource in a few words.
public struct Mention: Sendable, Hashable {
  /// Names one resource.
  public struct Key: Sendable, Hashable {
    /// In OpenStack's words: `server`, `port`, `network`, `router`, `floating_ip`, `image`, `subnet`; also `host`.
    public var kind: String
    public var id: String
    public init(_ kind: String, _ id: String) {
      self.kind = kind
      self.id = id
    }
  }

  public var key: Key
  /// Empty where it has none.
  public var name: String
  /// nil: the cloud's own.
  public var projectID: String?
  /// What it is and how the text names it, in a sentence's beginning: `fixed address of port web`.
  public var what: String

  public init(_ key: Key, name: String, projectID: String?, what: String) {
    self.key = key
    self.name = name
    self.projectID = projectID
    self.what = what
  }
}

/// How many resources of a kind have a status.
public struct StoryCount: Sendable, Hashable {
  public var kind: String
  public var status: String
  public var count: Int
  public init(kind: String, status: String, count: Int) {
    self.kind = kind
    self.status = status
    self.count = count
  }
}

/// One resource as its own service tells it. What nodes reported, the requests and the drift are added to it.
public struct Story: Sendable {
  /// A short fact.
  public struct Fact: Sendable, Hashable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Who asked for what is asked now.
  public struct Asker: Sendable, Hashable {
    public var userID: String?
    public var requestID: String?
    public var at: Timestamp
    public init(userID: String?, requestID: String?, at: Timestamp) {
      self.userID = userID
      self.requestID = requestID
      self.at = at
    }
  }

  /// Something that was done to it, as the service recorded it.
  public struct Action: Sendable, Hashable {
    public var name: String
    public var requestID: String
    /// nil where the cloud itself did it.
    public var userID: String?
    public var began: Timestamp
    /// nil while it goes on.
    public var ended: Timestamp?
    /// What went wrong, or why the cloud did it.
    public var message: String?
    public var failed: Bool
    public init(
      name: String, requestID: String, userID: String?, began: Timestamp, ended: Timestamp?, message: String?,
      failed: Bool
    ) {
      self.name = name
      self.requestID = requestID
      self.userID = userID
      self.began = began
      self.ended = ended
      self.message = message
      self.failed = failed
    }
  }

  /// Something that is not as asked.
  public struct Missing: Sendable, Hashable {
    /// A word: the condition's type, `Building`, `Unbound`.
    public var what: String
    public var why: String
    public var since: Timestamp?
    public var attempts: Int?
    public init(what: String, why: String, since: Timestamp? = nil, attempts: Int? = nil) {
      self.what = what
      self.why = why
      self.since = since
      self.attempts = attempts
    }
  }

  /// Why a server is in ERROR.
  public struct Fault: Sendable, Hashable {
    public var code: Int
    /// For the user: what happened and what to do.
    public var message: String
    /// For the operator alone.
    public var details: String?
    public var at: Timestamp
    public init(code: Int, message: String, details: String? = nil, at: Timestamp) {
      self.code = code
      self.message = message
      self.details = details
      self.at = at
    }
  }

  /// A resource that has to do with this one.
  public struct Related: Sendable, Hashable {
    /// What it is to this one: `port`, `made from`, `gateway network`.
    public var relation: String
    public var key: Mention.Key
    /// nil where only its own service knows.
    public var name: String?
    public init(_ relation: String, _ key: Mention.Key, name: String? = nil) {
      self.relation = relation
      self.key = key
      self.name = name
    }
  }

  public var subject: Mention
  /// As the service's API says it: `ACTIVE`.
  public var status: String
  /// Whether it is the caller's own (or the caller an administrator): others see neither history nor steps.
  public var isOwn: Bool
  public var asked: [Fact]
  public var asker: Asker?
  public var actions: [Action]
  /// What was seen, by the service's own record.
  public var observed: [Fact]
  /// The objects of nodes' manifests that make it real, as the manifest names them: the server itself, the router of
  /// a floating IP.
  public var objects: [Mention.Key]
  public var missing: [Missing]
  public var fault: Fault?
  /// What happens next and what can be done, a sentence each.
  public var next: [String]
  public var related: [Related]
  /// For a port: what its security groups let pass, a line each.
  public var rules: [String]

  /// A story that has yet to be told.
  public init(_ subject: Mention, status: String, isOwn: Bool) {
    self.subject = subject
    self.status = status
    self.isOwn = isOwn
    asked = []
    actions = []
    observed = []
    objects = []
    missing = []
    next = []
    related = []
    rules = []
  }
}
