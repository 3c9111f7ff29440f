import API
import Auth
import Kit
import Store

extension NetworksService {
  var routes: [Route] {
    var all = DiscoveryRoutes().routes
    all += networkRoutes.routes + subnetRoutes.routes + portRoutes.routes + groupRoutes.routes + ruleRoutes.routes
    all += routerRoutes.routes + floatingRoutes.routes + RouterActionRoutes(networks: self).routes
    all += TagRoutes<Network>(networks: self).routes + TagRoutes<Subnet>(networks: self).routes
    all += TagRoutes<Port>(networks: self).routes + TagRoutes<Router>(networks: self).routes
    all += TagRoutes<FloatingIP>(networks: self).routes + TagRoutes<SecurityGroup>(networks: self).routes
    all += QuotaRoutes(networks: self).routes + AgentRoutes(networks: self).routes
    return all
  }

  private var routerRoutes: ResourceRoutes<Router> {
    ResourceRoutes(
      networks: self, create: RouterRules.create, update: RouterRules.update, delete: RouterRules.delete)
  }

  private var floatingRoutes: ResourceRoutes<FloatingIP> {
    ResourceRoutes(
      networks: self, create: FloatingIPRules.create, update: FloatingIPRules.update, delete: FloatingIPRules.delete)
  }

  private var networkRoutes: ResourceRoutes<Network> {
    ResourceRoutes(
      networks: self, needsDefaultGroup: true, create: NetworkRules.create, update: NetworkRules.update,
      delete: NetworkRules.delete)
  }

  private var subnetRoutes: ResourceRoutes<Subnet> {
    ResourceRoutes(
      networks: self, create: SubnetRules.create, update: SubnetRules.update, delete: SubnetRules.delete)
  }

  private var portRoutes: ResourceRoutes<Port> {
    ResourceRoutes(
      networks: self, needsDefaultGroup: true, create: PortRules.create, update: PortRules.update,
      delete: PortRules.delete,
      mayDelete: { tx, scope, port in
        try scope.owns(port.standard)
          || tx.find(Network.self, id: port.networkID).map { scope.owns($0.standard) } == true
      })
  }

  private var groupRoutes: ResourceRoutes<SecurityGroup> {
    ResourceRoutes(
      networks: self, needsDefaultGroup: true, create: SecurityGroupRules.create, update: SecurityGroupRules.update,
      delete: SecurityGroupRules.delete)
  }

  private var ruleRoutes: ResourceRoutes<SecurityGroupRule> {
    ResourceRoutes(
      networks: self, needsDefaultGroup: true, create: RuleRules.create, update: nil, delete: RuleRules.delete)
  }
}
