import Testing

/// What personas may do with one kind of resource.
struct PersonaTable: Sendable, CustomTestStringConvertible {
  struct Row: Sendable {
    let method: String
    let path: String
    let body: String?
    /// In the order of `Personas.Level.allCases`.
    let system: [Int]
    let domain: [Int]
    let project: [Int]

    func expected(_ persona: Personas.Persona) -> Int {
      let statuses =
        switch persona.scope {
        case .system: system
        case .domain: domain
        case .project: project
        }
      return statuses[Personas.Level.allCases.firstIndex(of: persona.level) ?? 0]
    }
  }

  let testDescription: String
  let rows: [Row]

  /// One status for all levels.
  private static func every(_ status: Int) -> [Int] { [status, status, status, status] }
  private static func admin(_ status: Int) -> [Int] { [status, 403, 403, 403] }
  private static func managers(_ status: Int) -> [Int] { [status, status, 403, 403] }

  /// What readers of the system and of the domain may see.
  private static func seen(_ path: String, own: Bool, _ status: Int = 200) -> Row {
    Row(
      method: "GET", path: path, body: nil, system: every(status), domain: own ? every(status) : admin(status),
      project: admin(status))
  }

  /// What administrators change, and managers of the domain where it is their own.
  private static func changed(
    _ method: String, _ path: String, _ body: String? = nil, own: Bool, _ status: Int
  ) -> Row {
    Row(
      method: method, path: path, body: body, system: admin(status), domain: own ? managers(status) : admin(status),
      project: admin(status))
  }

  /// What administrators change with a token of the system or of a project.
  private static func cloud(_ method: String, _ path: String, _ status: Int) -> Row {
    cloud(method, path, nil, status)
  }

  private static func cloud(_ method: String, _ path: String, _ body: String?, _ status: Int) -> Row {
    Row(method: method, path: path, body: body, system: admin(status), domain: every(403), project: admin(status))
  }

  /// What the readers of the system see, and administrators of projects.
  private static func cloudSeen(_ path: String, _ status: Int = 200) -> Row {
    Row(method: "GET", path: path, body: nil, system: every(status), domain: every(403), project: admin(status))
  }

  /// The same for everybody.
  private static func open(_ method: String, _ path: String, _ status: Int) -> Row { open(method, path, nil, status) }

  private static func open(_ method: String, _ path: String, _ body: String?, _ status: Int) -> Row {
    Row(method: method, path: path, body: body, system: every(status), domain: every(status), project: every(status))
  }

  static let all = [users, groups, projects, tags, domains, configurations, regions, services, endpoints]

  private static let users = PersonaTable(
    testDescription: "users",
    rows: [
      seen("/v3/users", own: true), seen("/v3/users/{user:own}", own: true), seen("/v3/users/{user:other}", own: false),
      seen("/v3/users/{none}", own: false, 404), open("GET", "/v3/users/{self}", 200),
      changed("POST", "/v3/users", #"{"user": {"name": "{name}"}}"#, own: false, 201),
      changed("POST", "/v3/users", #"{"user": {"name": "{name}", "domain_id": "{own}"}}"#, own: true, 201),
      changed("POST", "/v3/users", #"{"user": {"name": "{name}", "domain_id": "{other}"}}"#, own: false, 201),
      changed("PATCH", "/v3/users/{user:own}", #"{"user": {"description": "d"}}"#, own: true, 200),
      changed("PATCH", "/v3/users/{user:other}", #"{"user": {"description": "d"}}"#, own: false, 200),
      changed("PATCH", "/v3/users/{none}", #"{"user": {"description": "d"}}"#, own: false, 404),
      changed("DELETE", "/v3/users/{user:own}", own: true, 204),
      changed("DELETE", "/v3/users/{user:other}", own: false, 204),
      changed("DELETE", "/v3/users/{none}", own: false, 404),
      seen("/v3/users/{user:own}/projects", own: true), seen("/v3/users/{user:other}/projects", own: false),
      open("GET", "/v3/users/{self}/projects", 200), seen("/v3/users/{user:own}/groups", own: true),
      seen("/v3/users/{user:other}/groups", own: false), seen("/v3/users/{none}/groups", own: false, 404),
      open("GET", "/v3/users/{self}/groups", 200),
    ])

  private static let groups = PersonaTable(
    testDescription: "groups",
    rows: [
      seen("/v3/groups", own: true), seen("/v3/groups/{group:own}", own: true),
      seen("/v3/groups/{group:other}", own: false), seen("/v3/groups/{none}", own: false, 404),
      changed("POST", "/v3/groups", #"{"group": {"name": "{name}"}}"#, own: false, 201),
      changed("POST", "/v3/groups", #"{"group": {"name": "{name}", "domain_id": "{own}"}}"#, own: true, 201),
      changed("POST", "/v3/groups", #"{"group": {"name": "{name}", "domain_id": "{other}"}}"#, own: false, 201),
      changed("PATCH", "/v3/groups/{group:own}", #"{"group": {"description": "d"}}"#, own: true, 200),
      changed("PATCH", "/v3/groups/{group:other}", #"{"group": {"description": "d"}}"#, own: false, 200),
      changed("PATCH", "/v3/groups/{none}", #"{"group": {"description": "d"}}"#, own: false, 404),
      changed("DELETE", "/v3/groups/{group:own}", own: true, 204),
      changed("DELETE", "/v3/groups/{group:other}", own: false, 204), open("DELETE", "/v3/groups/{none}", 404),
      seen("/v3/groups/{group:own}/users", own: true), seen("/v3/groups/{group:other}/users", own: false),
      seen("/v3/groups/{none}/users", own: false, 404),
      seen("/v3/groups/{member:own:own}", own: true, 204), seen("/v3/groups/{member:own:other}", own: false, 204),
      seen("/v3/groups/{member:other:own}", own: false, 204),
      seen("/v3/groups/{none}/users/{user:own}", own: false, 404),
      seen("/v3/groups/{group:own}/users/{none}", own: false, 404),
      changed("PUT", "/v3/groups/{group:own}/users/{user:own}", own: true, 204),
      changed("PUT", "/v3/groups/{group:own}/users/{user:other}", own: false, 204),
      changed("PUT", "/v3/groups/{group:other}/users/{user:own}", own: false, 204),
      changed("PUT", "/v3/groups/{none}/users/{user:own}", own: false, 404),
      changed("PUT", "/v3/groups/{group:own}/users/{none}", own: false, 404),
      changed("DELETE", "/v3/groups/{member:own:own}", own: true, 204),
      changed("DELETE", "/v3/groups/{member:own:other}", own: false, 204),
      changed("DELETE", "/v3/groups/{member:other:own}", own: false, 204),
      changed("DELETE", "/v3/groups/{group:own}/users/{none}", own: false, 404),
    ])

  private static let projects = PersonaTable(
    testDescription: "projects",
    rows: [
      seen("/v3/projects", own: true), seen("/v3/projects/{project:own}", own: true),
      seen("/v3/projects/{project:other}", own: false), seen("/v3/projects/{none}", own: false, 404),
      open("GET", "/v3/projects/{project}", 200),
      changed("POST", "/v3/projects", #"{"project": {"name": "{name}"}}"#, own: false, 201),
      changed("POST", "/v3/projects", #"{"project": {"name": "{name}", "domain_id": "{own}"}}"#, own: true, 201),
      changed("POST", "/v3/projects", #"{"project": {"name": "{name}", "domain_id": "{other}"}}"#, own: false, 201),
      changed("POST", "/v3/projects", #"{"project": {"name": "{name}", "is_domain": true}}"#, own: false, 201),
      changed("PATCH", "/v3/projects/{project:own}", #"{"project": {"description": "d"}}"#, own: true, 200),
      changed("PATCH", "/v3/projects/{project:other}", #"{"project": {"description": "d"}}"#, own: false, 200),
      changed("PATCH", "/v3/projects/{domain}", #"{"project": {"description": "d"}}"#, own: false, 200),
      changed("PATCH", "/v3/projects/{none}", #"{"project": {"description": "d"}}"#, own: false, 404),
      changed("DELETE", "/v3/projects/{project:own}", own: true, 204),
      changed("DELETE", "/v3/projects/{project:other}", own: false, 204),
      changed("DELETE", "/v3/projects/{domain}", own: false, 204),
      changed("DELETE", "/v3/projects/{none}", own: false, 404),
    ])

  private static let tags = PersonaTable(
    testDescription: "tags",
    rows: [
      seen("/v3/projects/{project:own}/tags", own: true), seen("/v3/projects/{project:other}/tags", own: false),
      open("GET", "/v3/projects/{project}/tags", 200), seen("/v3/projects/{none}/tags", own: false, 404),
      seen("/v3/projects/{project:own}/tags/red", own: true, 204),
      seen("/v3/projects/{project:other}/tags/red", own: false, 204),
      open("GET", "/v3/projects/{project}/tags/red", 404),
      changed("PUT", "/v3/projects/{project:own}/tags/blue", own: true, 201),
      changed("PUT", "/v3/projects/{project:other}/tags/blue", own: false, 201),
      changed("PUT", "/v3/projects/{project:own}/tags", #"{"tags": ["blue"]}"#, own: true, 200),
      changed("PUT", "/v3/projects/{project:other}/tags", #"{"tags": ["blue"]}"#, own: false, 200),
      changed("DELETE", "/v3/projects/{project:own}/tags/red", own: true, 204),
      changed("DELETE", "/v3/projects/{project:other}/tags/red", own: false, 204),
      changed("DELETE", "/v3/projects/{project:own}/tags", own: true, 204),
      changed("DELETE", "/v3/projects/{project:other}/tags", own: false, 204),
    ])

  private static let domains = PersonaTable(
    testDescription: "domains",
    rows: [
      seen("/v3/domains", own: true), open("GET", "/v3/domains/{own}", 200), seen("/v3/domains/{domain}", own: false),
      seen("/v3/domains/{none}", own: false, 404),
      cloud("POST", "/v3/domains", #"{"domain": {"name": "{name}"}}"#, 201),
      cloud("PATCH", "/v3/domains/{domain}", #"{"domain": {"description": "d"}}"#, 200),
      cloud("PATCH", "/v3/domains/{own}", #"{"domain": {"description": "d"}}"#, 200),
      open("PATCH", "/v3/domains/{none}", #"{"domain": {"description": "d"}}"#, 404),
      cloud("DELETE", "/v3/domains/{domain}", 204), open("DELETE", "/v3/domains/{none}", 404),
    ])

  private static let configurations: PersonaTable = {
    let all = "/v3/domains/{domain:config}/config"
    return PersonaTable(
      testDescription: "domain configurations",
      rows: [
        cloud("PUT", "/v3/domains/{domain}/config", #"{"config": {"identity": {"driver": "ldap"}}}"#, 201),
        cloudSeen(all), cloudSeen(all + "/ldap"), cloudSeen(all + "/ldap/url"),
        cloudSeen("/v3/domains/{none}/config", 404), cloudSeen("/v3/domains/{domain}/config", 404),
        cloudSeen("/v3/domains/config/default"), cloudSeen("/v3/domains/config/ldap/default"),
        cloudSeen("/v3/domains/config/ldap/url/default"),
        open("GET", "/v3/domains/default/config/security_compliance", 200),
        open("GET", "/v3/domains/default/config/security_compliance/password_regex_description", 200),
        cloud("PATCH", all, #"{"config": {"identity": {"driver": "sql"}}}"#, 200),
        cloud("PATCH", all + "/ldap", #"{"config": {"ldap": {"url": "ldaps://y"}}}"#, 200),
        cloud("PATCH", all + "/ldap/url", #"{"config": {"url": "ldaps://z"}}"#, 200),
        cloud("DELETE", all + "/ldap/url", 204), cloud("DELETE", all + "/ldap", 204), cloud("DELETE", all, 204),
      ])
  }()

  private static let regions = PersonaTable(
    testDescription: "regions",
    rows: [
      open("GET", "/v3/regions", 200), open("GET", "/v3/regions/{region}", 200),
      open("GET", "/v3/regions/{none}", 404), cloud("POST", "/v3/regions", #"{"region": {}}"#, 201),
      cloud("PUT", "/v3/regions/{name}", #"{"region": {}}"#, 201),
      cloud("PATCH", "/v3/regions/{region}", #"{"region": {"description": "d"}}"#, 200),
      cloud("PATCH", "/v3/regions/{none}", #"{"region": {"description": "d"}}"#, 404),
      cloud("DELETE", "/v3/regions/{region}", 204), cloud("DELETE", "/v3/regions/{none}", 404),
    ])

  private static let services = PersonaTable(
    testDescription: "services",
    rows: [
      cloudSeen("/v3/services"), cloudSeen("/v3/services/{service}"), cloudSeen("/v3/services/{none}", 404),
      cloud("POST", "/v3/services", #"{"service": {"type": "t"}}"#, 201),
      cloud("PATCH", "/v3/services/{service}", #"{"service": {"type": "u"}}"#, 200),
      cloud("PATCH", "/v3/services/{none}", #"{"service": {"type": "u"}}"#, 404),
      cloud("DELETE", "/v3/services/{service}", 204), cloud("DELETE", "/v3/services/{none}", 404),
    ])

  private static let endpoints = PersonaTable(
    testDescription: "endpoints",
    rows: [
      cloudSeen("/v3/endpoints"), cloudSeen("/v3/endpoints/{endpoint}"), cloudSeen("/v3/endpoints/{none}", 404),
      cloud(
        "POST", "/v3/endpoints",
        #"{"endpoint": {"interface": "admin", "service_id": "{service}", "url": "http://x"}}"#, 201),
      cloud("PATCH", "/v3/endpoints/{endpoint}", #"{"endpoint": {"interface": "internal"}}"#, 200),
      cloud("PATCH", "/v3/endpoints/{none}", #"{"endpoint": {"interface": "internal"}}"#, 404),
      cloud("DELETE", "/v3/endpoints/{endpoint}", 204), cloud("DELETE", "/v3/endpoints/{none}", 404),
    ])
}
