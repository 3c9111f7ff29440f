"""Requests that must be refused: who asks, method, path, body, status. `$name` is an id of the test's stage."""

from cloudlib import COMPUTE, IDENTITY, IMAGES, NETWORK, PLACEMENT

LONG = "x" * 256
NOBODY = "11111111-2222-4333-8444-555555555555"


def server(**fields):
    return {"server": {"name": "x", "imageRef": "$tiny", "flavorRef": "$flavor", "networks": "none", **fields}}


def without(body, *names):
    return {k: {n: v for n, v in inner.items() if n not in names} for k, inner in body.items()}


def network(path, **fields):
    """A row that posts one resource of the network service."""
    name = {"security-groups": "security_group", "security-group-rules": "security_group_rule"}.get(path, path[:-1])
    return f"{NETWORK}/{path}", {name: fields}


def rule(**fields):
    return network("security-group-rules", **{"security_group_id": "$group", "direction": "ingress", **fields})


SERVERS = [
    (400, {}), (400, {"server": {}}), (400, {"server": []}), (400, {"server": "x"}), (400, []), (400, "text"),
    (400, without(server(), "name")), (400, without(server(), "flavorRef")), (400, without(server(), "imageRef")),
    (400, without(server(), "networks")), (400, server(name=5)), (400, server(name="")), (400, server(name=LONG)),
    (400, server(name=None)), (400, server(name="   ")), (400, server(bogus=1)), (400, {**server(), "bogus": 1}),
    (400, server(flavorRef="no-such")), (400, server(flavorRef=[])), (400, server(imageRef="no-uuid")),
    (400, server(imageRef="$nobody")), (400, server(imageRef="$image")), (400, server(key_name="no-such")),
    (400, server(key_name=5)), (400, server(networks="sometimes")), (400, server(networks={})),
    (400, server(networks=[{"uuid": "x"}])), (400, server(networks=[{"uuid": "$nobody"}])),
    (400, server(networks=[{}])),
    (400, server(networks=[{"port": "$nobody"}])),
    (400, server(networks=[{"uuid": "$network", "fixed_ip": "10.99.0.1"}])),
    (400, server(networks=[{"uuid": "$network", "bogus": 1}])), (400, server(min_count=0)),
    (400, server(min_count="x")),
    (400, server(min_count=3, max_count=2)), (400, server(user_data="not base64!")),
    (400, server(user_data="A" * 65540)),
    (400, server(user_data=5)), (400, server(metadata={"k": LONG})), (400, server(metadata={"": "v"})),
    (400, server(metadata=[])), (400, server(metadata={"k": 1})), (400, server(config_drive="maybe")),
    (400, server(networks=[{"uuid": "$network"}], security_groups=[{"name": "no-such"}])),
    (400, server(networks=[{"uuid": "$network"}], security_groups=[{"name": "$foreign_group"}])),
    (400, server(security_groups="default")), (400, server(tags=["a,b"])), (400, server(tags="x")),
    (400, server(tags=["x" * 61])), (400, server(availability_zone="no-such")), (400, server(availability_zone=5)),
    (400, server(block_device_mapping_v2=[{"source_type": "volume", "uuid": "$nobody", "boot_index": 0,
                                           "destination_type": "volume"}])),
    (400, server(block_device_mapping_v2="x")), (400, server(personality=[])), (400, server(adminPass=5)),
    (400, server(description="x" * 256)), (403, server(min_count=1000, max_count=1000)),
]
ACTIONS = [
    (400, {}), (400, {"nonsense": None}), (400, {"os-start": None, "os-stop": None}), (400, {"reboot": {}}), (400, []),
    (400, {"reboot": {"type": "GENTLE"}}), (400, {"reboot": {"type": "SOFT", "bogus": 1}}), (400, {"reboot": None}),
    (400, {"os-getConsoleOutput": {"length": "many"}}), (400, {"os-getConsoleOutput": {"bogus": 1}}),
    (400, {"addSecurityGroup": {}}), (404, {"addSecurityGroup": {"name": "no-such"}}),
    (400, {"removeSecurityGroup": {"name": 5}}), (409, {"os-start": None}),
]
SERVERS_PATH, ONE, KEYS = f"{COMPUTE}/servers", f"{COMPUTE}/servers/$server", f"{COMPUTE}/os-keypairs"


def card(fields):
    return {"interfaceAttachment": fields}


def key(fields):
    return {"keypair": fields}


def flavor(ram, vcpus, name="f", **more):
    return {"flavor": {"name": name, "ram": ram, "vcpus": vcpus, "disk": 1, **more}}


COMPUTE_ROWS = [
    *[("member", "POST", SERVERS_PATH, body, status) for status, body in SERVERS],
    *[("member", "POST", f"{ONE}/action", body, status) for status, body in ACTIONS],
    ("member", "POST", SERVERS_PATH, server(host="x"), (400, 403)),
    ("member", "PUT", ONE, {"server": {"name": ""}}, 400),
    ("member", "PUT", ONE, {"server": {"status": "ACTIVE"}}, 400),
    ("member", "PUT", f"{SERVERS_PATH}/$nobody", {"server": {"name": "y"}}, 404),
    ("member", "GET", f"{SERVERS_PATH}/$nobody", None, 404), ("member", "DELETE", f"{SERVERS_PATH}/$nobody", None, 404),
    ("member", "GET", f"{SERVERS_PATH}/not-a-uuid", None, 404),
    ("member", "GET", f"{SERVERS_PATH}?limit=-1", None, 400), ("member", "GET", f"{SERVERS_PATH}?limit=x", None, 400),
    ("member", "GET", f"{SERVERS_PATH}?marker=$nobody", None, 400),
    ("member", "GET", f"{SERVERS_PATH}?changes-since=yesterday", None, 400),
    ("member", "PUT", f"{ONE}/metadata", {"metadata": {"k": 1}}, 400),
    ("member", "PUT", f"{ONE}/metadata", {}, 400),
    ("member", "POST", f"{ONE}/metadata", {"metadata": {"k": LONG}}, 400),
    ("member", "PUT", f"{ONE}/metadata/a", {"meta": {"b": "v"}}, 400),
    ("member", "PUT", f"{ONE}/metadata/a", {"meta": {"a": "v", "b": "v"}}, 400),
    ("member", "GET", f"{ONE}/metadata/missing", None, 404),
    ("member", "DELETE", f"{ONE}/metadata/missing", None, 404),
    ("member", "PUT", f"{ONE}/tags", {"tags": ["a/b"]}, 400),
    ("member", "PUT", f"{ONE}/tags", {"tags": "a"}, 400),
    ("member", "GET", f"{ONE}/tags/missing", None, 404),
    ("member", "POST", f"{ONE}/os-interface", card({"port_id": "$port", "net_id": "$network"}), 400),
    ("member", "POST", f"{ONE}/os-interface", card({"bogus": 1}), 400),
    ("member", "POST", f"{ONE}/os-interface", card({"port_id": "$nobody"}), (400, 404)),
    ("member", "POST", f"{ONE}/os-interface", card({"port_id": "$foreign_port"}), (400, 404)),
    ("member", "DELETE", f"{ONE}/os-interface/$port", None, 404),
    ("member", "POST", KEYS, key({"name": "a/b"}), 400),
    ("member", "POST", KEYS, key({"name": ""}), 400),
    ("member", "POST", KEYS, key({"name": LONG, "public_key": "x"}), 400),
    ("member", "POST", KEYS, key({"name": "k", "public_key": "junk"}), 400),
    ("member", "POST", KEYS, key({"name": "k", "public_key": "ssh-rsa AAAA\ninjected: yes"}), 400),
    ("member", "POST", KEYS, key({"name": "k", "user_id": "$foreign_user", "public_key": "x"}), (400, 403)),
    ("member", "GET", f"{KEYS}/missing", None, 404), ("member", "DELETE", f"{KEYS}/missing", None, 404),
    ("member", "POST", f"{COMPUTE}/flavors", flavor(1, 1), 403),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor(0, 1), 400),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor(1, 0), 400),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor("x", 1), 400),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor(1 << 40, 1), 400),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor(1, 1, bogus=1), 400),
    ("admin", "POST", f"{COMPUTE}/flavors", flavor(1, 1, name="m1.nano"), 409),
    ("admin", "POST", f"{COMPUTE}/flavors/$flavor/os-extra_specs", {"extra_specs": {"k": {}}}, 400),
    ("admin", "POST", f"{COMPUTE}/flavors/$flavor/os-extra_specs", {"extra_specs": []}, 400),
    ("member", "GET", f"{COMPUTE}/flavors/missing", None, 404),
    ("member", "DELETE", f"{COMPUTE}/flavors/$flavor", None, 403),
    ("member", "GET", f"{COMPUTE}/flavors/detail?minRam=much", None, 400),
    ("member", "PUT", f"{COMPUTE}/os-quota-sets/$project", {"quota_set": {"cores": 99}}, 403),
    ("admin", "PUT", f"{COMPUTE}/os-quota-sets/$project", {"quota_set": {"cores": -2}}, 400),
    ("admin", "PUT", f"{COMPUTE}/os-quota-sets/$project", {"quota_set": {"bogus": 1}}, 400),
    ("admin", "PUT", f"{COMPUTE}/os-quota-sets/$project", {"quota_set": {"cores": "x"}}, 400),
    ("member", "GET", f"{COMPUTE}/os-quota-sets/$foreign_project", None, 403),
    ("member", "GET", f"{COMPUTE}/os-services", None, 403), ("member", "GET", f"{COMPUTE}/os-hypervisors", None, 403),
    ("member", "GET", f"{ONE}/os-instance-actions/req-missing", None, 404),
    ("member", "GET", f"{COMPUTE}/nonsense", None, 404), ("member", "DELETE", SERVERS_PATH, None, 405),
    ("member", "PATCH", ONE, {}, 405),
]
TOKENS, CREDENTIALS = f"{IDENTITY}/auth/tokens", "application_credentials"
IDENTITY_ROWS = [
    (None, "POST", TOKENS, {}, 400), (None, "POST", TOKENS, {"auth": []}, 400),
    (None, "POST", TOKENS, {"auth": {"identity": {}}}, (400, 401)),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": "password"}}}, 400),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": ["magic"]}}}, (400, 401)),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": ["password"]}}}, (400, 401)),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "id": "$user", "password": 5}}}}}, (400, 401)),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": ["token"], "token": {"id": "junk"}}}}, 404),
    (None, "POST", TOKENS, {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "nobody", "domain": {"id": "default"}, "password": "x"}}}}}, 401),
    ("member", "GET", TOKENS, None, (400, 404)),
    ("admin", "POST", f"{IDENTITY}/projects", {}, 400), ("admin", "POST", f"{IDENTITY}/projects", {"project": {}}, 400),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": ""}}, 400),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": "x" * 65}}, 400),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": 5}}, 400),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": "x", "enabled": "maybe"}}, 400),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": "x", "domain_id": "$nobody"}}, (400, 404)),
    ("admin", "POST", f"{IDENTITY}/projects", {"project": {"name": "$project_name"}}, 409),
    ("member", "POST", f"{IDENTITY}/projects", {"project": {"name": "x"}}, 403),
    ("member", "GET", f"{IDENTITY}/projects", None, 403), ("member", "GET", f"{IDENTITY}/users", None, 403),
    ("member", "GET", f"{IDENTITY}/users/$foreign_user", None, (403, 404)),
    ("member", "GET", f"{IDENTITY}/projects/$foreign_project", None, (403, 404)),
    ("admin", "GET", f"{IDENTITY}/projects/$nobody", None, 404),
    ("admin", "GET", f"{IDENTITY}/users/$nobody", None, 404),
    ("admin", "DELETE", f"{IDENTITY}/roles/$nobody", None, 404),
    ("admin", "POST", f"{IDENTITY}/users", {"user": {}}, 400),
    ("admin", "POST", f"{IDENTITY}/users", {"user": {"name": 5}}, 400),
    ("admin", "POST", f"{IDENTITY}/users", {"user": {"name": "x", "password": []}}, 400),
    ("admin", "POST", f"{IDENTITY}/users", {"user": {"name": "$project_name"}}, 409),
    ("admin", "POST", f"{IDENTITY}/roles", {"role": {}}, 400),
    ("admin", "POST", f"{IDENTITY}/roles", {"role": {"name": "member"}}, 409),
    ("admin", "PUT", f"{IDENTITY}/projects/$project/users/$user/roles/$nobody", None, 404),
    ("admin", "PATCH", f"{IDENTITY}/users/$user", {"user": {"enabled": "x"}}, 400),
    ("member", "PATCH", f"{IDENTITY}/users/$user", {"user": {"enabled": False}}, 403),
    ("member", "POST", f"{IDENTITY}/users/$user/{CREDENTIALS}", {"application_credential": {}}, 400),
    ("member", "POST", f"{IDENTITY}/users/$foreign_user/{CREDENTIALS}",
        {"application_credential": {"name": "x"}}, (403, 404)),
    ("admin", "DELETE", f"{IDENTITY}/auth/projects", None, 405), ("admin", "GET", f"{IDENTITY}/nonsense", None, 404),
]
def subnet(cidr="10.1.0.0/24", version=4, network_id="$network", **more):
    return network("subnets", network_id=network_id, ip_version=version, cidr=cidr, **more)


def port(network_id="$network", **more):
    return network("ports", network_id=network_id, **more)


def tcp(low, high, **more):
    return rule(protocol="tcp", port_range_min=low, port_range_max=high, **more)


ROUTER = f"{NETWORK}/routers/$router"
NETWORK_ROWS = [("member", "POST", *row, status) for status, row in [
    (400, (f"{NETWORK}/networks", {})), (400, (f"{NETWORK}/networks", {"network": []})),
    (400, (f"{NETWORK}/networks", [])),
    (400, network("networks", bogus=1)), (400, network("networks", name=5)), (400, network("networks", name=LONG)),
    (400, network("networks", admin_state_up="maybe")), (403, network("networks", shared=True)),
    (403, network("networks", **{"router:external": True})),
    (403, network("networks", **{"provider:network_type": "flat"})),
    (403, network("networks", project_id="$foreign_project")), (400, network("networks", mtu=-1)),
    (400, network("networks", id="x")), (400, network("networks", status="ACTIVE")),
    (400, network("subnets", ip_version=4, cidr="10.0.0.0/24")),
    (400, network("subnets", network_id="$network", ip_version=4)),
    (400, subnet("10.0.0.0/24", 5)),
    (400, subnet("300.0.0.0/24", 4)),
    (400, subnet("10.0.0.0/24", 6)),
    (400, subnet("10.60.0.0/25", 4)),
    (404, subnet(network_id="$nobody")),
    (404, subnet(network_id="$foreign_network")),
    (400, subnet(dns_nameservers=["x"])),
    (400, subnet(dns_nameservers=["1.1.1.1\nserver=6.6.6.6"])),
    (400, subnet(host_routes=[{"destination": "x"}])),
    (400, subnet(allocation_pools=[{"start": "10.2.0.1", "end": "10.2.0.9"}])),
    (400, subnet(allocation_pools=[{"start": "10.1.0.9", "end": "10.1.0.2"}])),
    (400, subnet(ipv6_ra_mode="slaac")),
    (400, subnet("fd00::/64", 6, ipv6_ra_mode="sometimes")),
    (400, subnet(gateway_ip="x")),
    (400, network("ports", name="x")), (404, port("$nobody")),
    (404, port("$foreign_network")), (400, port(mac_address="x")),
    (400, port(mac_address="ff:ff:ff:ff:ff:ff")),
    (400, port(fixed_ips=[{"ip_address": "10.99.0.1"}])),
    (400, port(fixed_ips="x")),
    (400, port(fixed_ips=[{"subnet_id": "$foreign_subnet"}])),
    (409, port(fixed_ips=[{"ip_address": "10.60.0.9"}])),
    (403, port(device_owner="network:dhcp")),
    (403, port(**{"binding:host_id": "x"})),
    (404, port(security_groups=["$nobody"])),
    (404, port(security_groups=["$foreign_group"])),
    (400, port(security_groups="x")),
    (400, port(allowed_address_pairs=[{"ip_address": "x"}])),
    (400, port(extra_dhcp_opts=[{"opt_name": "x\ny", "opt_value": "z"}])),
    (400, port(bogus=1)),
    (400, network("routers", external_gateway_info={"network_id": "$network"})),
    (404, network("routers", external_gateway_info={"network_id": "$nobody"})),
    (400, network("routers", external_gateway_info=[])), (400, network("routers", name=5)),
    (403, network("routers", external_gateway_info={"network_id": "$external", "enable_snat": False})),
    (400, network("floatingips", port_id="$port")), (400, network("floatingips", floating_network_id="$network")),
    (404, network("floatingips", floating_network_id="$nobody")),
    (404, network("floatingips", floating_network_id="$external", port_id="$foreign_port")),
    (400, network("floatingips", floating_network_id="$external", port_id="x")),
    (400, network("security-groups", name=5)), (400, network("security-groups", name="x", bogus=1)),
    (400, rule(direction="sideways")), (400, rule(protocol="nonsense")), (400, rule(ethertype="IPv5")),
    (400, tcp(10, 5)), (400, tcp(70000, 70000)),
    (400, rule(port_range_min=1, port_range_max=2)), (400, rule(protocol="tcp", port_range_min=5)),
    (400, rule(protocol="icmp", port_range_max=3)), (400, rule(protocol="icmp", port_range_min=300)),
    (400, rule(remote_ip_prefix="10.0.0.0/24", remote_group_id="$group")), (400, rule(remote_ip_prefix="x")),
    (400, rule(remote_ip_prefix="fd00::/64", ethertype="IPv4")), (409, tcp(22, 22)),
    (404, rule(security_group_id="$nobody")), (404, rule(security_group_id="$foreign_group")),
    (404, rule(protocol="udp", remote_group_id="$nobody")), (400, rule(protocol="tcp", bogus=1)),
]] + [
    ("member", "PUT", f"{NETWORK}/networks/$network", {"network": {"bogus": 1}}, 400),
    ("member", "PUT", f"{NETWORK}/networks/$foreign_network", {"network": {"name": "x"}}, 404),
    ("member", "PUT", f"{NETWORK}/networks/$network", {"network": {"shared": True}}, 403),
    ("member", "PUT", f"{NETWORK}/subnets/$subnet", {"subnet": {"cidr": "10.2.0.0/24"}}, 400),
    ("member", "PUT", f"{NETWORK}/ports/$port", {"port": {"network_id": "$network"}}, 400),
    ("member", "PUT", f"{NETWORK}/ports/$port", {"port": {"device_owner": "network:router_gateway"}}, 403),
    ("member", "PUT", f"{NETWORK}/ports/$port", {"port": {"fixed_ips": [{"ip_address": "1.2.3.4"}]}}, 400),
    ("member", "PUT", f"{ROUTER}/add_router_interface", {}, 400),
    ("member", "PUT", f"{ROUTER}/add_router_interface", {"subnet_id": "$nobody"}, 404),
    ("member", "PUT", f"{ROUTER}/add_router_interface", {"subnet_id": "$subnet"}, 400),
    ("member", "PUT", f"{ROUTER}/add_router_interface", {"subnet_id": "$subnet", "port_id": "$port"}, 400),
    ("member", "PUT", f"{ROUTER}/remove_router_interface", {"subnet_id": "$nobody"}, 404),
    ("member", "PUT", f"{NETWORK}/security-groups/$group", {"security_group": {"bogus": 1}}, 400),
    ("member", "DELETE", f"{NETWORK}/security-groups/$default", None, 409),
    ("member", "DELETE", f"{NETWORK}/networks/$network", None, 409),
    ("member", "DELETE", f"{NETWORK}/subnets/$subnet", None, 409),
    ("member", "DELETE", ROUTER, None, 409), ("member", "DELETE", f"{NETWORK}/networks/$external", None, (403, 404)),
    ("member", "GET", f"{NETWORK}/networks?limit=-1", None, 400),
    ("member", "GET", f"{NETWORK}/networks?limit=x", None, 400),
    ("member", "GET", f"{NETWORK}/ports?marker=$nobody&limit=2", None, (400, 404)),
    ("member", "PUT", f"{NETWORK}/quotas/$project", {"quota": {"port": 5}}, 403),
    ("admin", "PUT", f"{NETWORK}/quotas/$project", {"quota": {"port": -2}}, 400),
    ("admin", "PUT", f"{NETWORK}/quotas/$project", {"quota": {"bogus": 1}}, 400),
    ("member", "GET", f"{NETWORK}/agents", None, (403, 404)), ("member", "GET", f"{NETWORK}/nonsense", None, 404),
    ("member", "PATCH", f"{NETWORK}/networks", {}, 405),
] + [("member", m, f"{NETWORK}/{kind}/$nobody", body, 404) for kind, key in [
    ("networks", "network"), ("subnets", "subnet"), ("ports", "port"), ("routers", "router"),
    ("floatingips", "floatingip"),
    ("security-groups", "security_group")] for m, body in [("GET", None), ("DELETE", None),
    ("PUT", {key: {"description": "x"}})]]
IMAGE_ROWS = [("member", "POST", f"{IMAGES}/images", body, status) for status, body in [
    (400, []), (400, "x"), (400, {"name": 5}), (400, {"name": LONG}), (400, {"disk_format": "floppy"}),
    (400, {"container_format": "crate"}), (400, {"visibility": "secret"}), (400, {"property": {}}),
    (400, {"property": 5}),
    (400, {"id": "x"}), (409, {"id": "$tiny"}), (400, {"protected": "maybe"}), (400, {"min_ram": -1}),
    (400, {"min_disk": "x"}),
    (403, {"status": "active"}), (403, {"owner": "$foreign_project"}), (403, {"visibility": "public"}),
    (403, {"checksum": "x"}), (400, {"tags": "x"}), (400, {"tags": [LONG]}),
]] + [
    ("member", "GET", f"{IMAGES}/images/$nobody", None, 404), ("member", "GET", f"{IMAGES}/images/x", None, 404),
    ("member", "DELETE", f"{IMAGES}/images/$nobody", None, 404),
    ("member", "DELETE", f"{IMAGES}/images/$tiny", None, 403),
    ("member", "GET", f"{IMAGES}/images?limit=x", None, 400), ("member", "GET", f"{IMAGES}/images?limit=-1", None, 400),
    ("member", "GET", f"{IMAGES}/images?marker=$nobody", None, (400, 404)),
    ("member", "GET", f"{IMAGES}/images?sort_key=bogus", None, 400),
    ("member", "PATCH", f"{IMAGES}/images/$image", [], 415), ("member", "PUT", f"{IMAGES}/images/$image", {}, 405),
    ("member", "GET", f"{IMAGES}/nonsense", None, 404),
]
PLACEMENT_ROWS = [
    ("member", "GET", f"{PLACEMENT}/resource_providers", None, 403),
    ("member", "GET", f"{PLACEMENT}/allocations/$nobody", None, 403),
    ("admin", "GET", f"{PLACEMENT}/resource_providers/$nobody", None, 404),
    ("admin", "GET", f"{PLACEMENT}/resource_providers/$nobody/inventories", None, 404),
    ("admin", "GET", f"{PLACEMENT}/nonsense", None, 404), ("admin", "POST", f"{PLACEMENT}/", None, 405),
]

ALL = {
    "compute": COMPUTE_ROWS, "identity": IDENTITY_ROWS, "network": NETWORK_ROWS, "image": IMAGE_ROWS,
    "placement": PLACEMENT_ROWS,
}
