import Foundation
import Kit

@testable import Cloud

/// What a cloud needs before its users come: control, logins, an image, projects, networks, nodes.
extension World {
  static let adminPassword = "admin-password"
  static let imageName = "tiny"

  func setUp() async throws -> (tenants: [Tenant], image: String) {
    var logins = CloudsYAML()
    logins.adminPassword = Secret(Self.adminPassword)
    logins.memberPassword = Secret("member-password")
    try JSONEncoder().encode(BootstrapPasswords(logins, reset: true)).write(to: URL(filePath: state.bootstrap))
    startControl()
    while control?.services == nil {
      try await pause(milliseconds: 10...20)
      if control == nil { throw Hopeless(what: "control does not start") }
    }
    let admin = try await login("admin", Self.adminPassword, "admin")
    let image = try await makeImage(admin)
    let roles = try await insist("GET", "/identity/v3/roles?name=member", token: admin)
    guard let role = roles.json["roles"]?.array?.first?["id"]?.string else { throw Hopeless(what: "no role member") }
    var tenants: [Tenant] = []
    for number in 1...plan.projects { tenants.append(try await makeTenant(number, admin: admin, role: role)) }
    for host in hosts { host.startAgent() }
    try await allNodesAreUp(admin)
    return (tenants, image)
  }

  func login(_ user: String, _ password: String, _ project: String) async throws -> String {
    let body =
      #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\#(user)","domain":{"id":"default"},"#
      + #""password":"\#(password)"}}},"scope":{"project":{"name":"\#(project)","domain":{"id":"default"}}}}}"#
    let answer = try await insist("POST", "/identity/v3/auth/tokens", token: nil, body)
    guard let token = answer.token else { throw Hopeless(what: "no token") }
    return token
  }

  func loginAgain(_ tenant: Tenant) async {
    let number = tenant.number
    guard let token = try? await login("tenant-\(number)", "password-\(number)", "tenant-\(number)") else { return }
    tenant.token = token
  }

  private func makeImage(_ admin: String) async throws -> String {
    let made = try await insist(
      "POST", "/image/v2/images", token: admin,
      #"{"name":"\#(Self.imageName)","disk_format":"raw","container_format":"bare","visibility":"public"}"#)
    guard let id = made.json["id"]?.string else { throw Hopeless(what: "no image") }
    _ = try await insist(
      "PUT", "/image/v2/images/\(id)/file", token: admin, String(repeating: "haneul\n", count: 1000),
      type: "application/octet-stream")
    return id
  }

  private func makeTenant(_ number: Int, admin: String, role: String) async throws -> Tenant {
    let project = try await insist(
      "POST", "/identity/v3/projects", token: admin, #"{"project":{"name":"tenant-\#(number)"}}"#)
    let user = try await insist(
      "POST", "/identity/v3/users", token: admin,
      #"{"user":{"name":"tenant-\#(number)","password":"password-\#(number)"}}"#)
    guard let projectID = project.json["project"]?["id"]?.string, let userID = user.json["user"]?["id"]?.string else {
      throw Hopeless(what: "no project")
    }
    _ = try await insist("PUT", "/identity/v3/projects/\(projectID)/users/\(userID)/roles/\(role)", token: admin)
    let each = 2 * plan.servers / plan.projects + 2
    _ = try await insist(
      "PUT", "/compute/v2.1/os-quota-sets/\(projectID)", token: admin,
      #"{"quota_set":{"instances":\#(each),"cores":\#(2 * each),"ram":-1}}"#)
    _ = try await insist(
      "PUT", "/network/v2.0/quotas/\(projectID)", token: admin, #"{"quota":{"port":\#(5 * each),"network":20}}"#)
    let tenant = Tenant(number: number, projectID: projectID)
    await loginAgain(tenant)
    for place in 1...2 { tenant.networks.append(try await makeNetwork(tenant, place)) }
    return tenant
  }

  private func makeNetwork(_ tenant: Tenant, _ place: Int) async throws -> (id: String, subnet: String) {
    let network = try await insist(
      "POST", "/network/v2.0/networks", token: tenant.token, #"{"network":{"name":"net-\#(place)"}}"#)
    guard let id = network.json["network"]?["id"]?.string else { throw Hopeless(what: "no network") }
    let subnet = try await insist(
      "POST", "/network/v2.0/subnets", token: tenant.token,
      #"{"subnet":{"network_id":"\#(id)","ip_version":4,"cidr":"10.\#(place).\#(tenant.number).0/25"}}"#)
    return (id, subnet.json["subnet"]?["id"]?.string ?? "")
  }

  private func allNodesAreUp(_ admin: String) async throws {
    for _ in 0..<300 {
      let found = await ask("GET", "/compute/v2.1/os-hypervisors/detail", token: admin)
      let up = found?.json["hypervisors"]?.array?.filter { $0["state"]?.string == "up" }.count ?? 0
      if up == plan.nodes { return }
      try await pause(milliseconds: 200...300)
    }
    throw Hopeless(what: "the nodes do not come up")
  }
}
