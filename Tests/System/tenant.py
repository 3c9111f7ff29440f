"""A project of its own for a test: user, networks, groups, guests; everything made is taken back at the end."""

import base64
import contextlib
import secrets

import hostlib
from cloudlib import ADMIN, COMPUTE, NETWORK
from hostlib import wait_for

READY_SECONDS = 120
ACTIVE_SECONDS = 60


class Tenant:
    def __init__(self, cloud, folder, image, flavor, name="t", role="member"):
        self.cloud, self.image, self.flavor = cloud, image, flavor
        admin = cloud.sdk(ADMIN)
        self.name = f"{name}-{secrets.token_hex(3)}"
        self.project = admin.identity.create_project(name=self.name, domain_id="default")
        password = secrets.token_urlsafe(18)
        self.user = admin.identity.create_user(
            name=self.name, password=password, domain_id="default", default_project_id=self.project.id)
        member = admin.identity.find_role(role, ignore_missing=False)
        admin.identity.assign_project_role_to_user(self.project, self.user, member)
        self.auth = {
            "auth_url": f"{cloud.url}/identity/v3", "username": self.name, "password": password,
            "project_name": self.name, "user_domain_name": "Default", "project_domain_name": "Default"}
        self.sdk = cloud.connect(**self.auth)
        self.key = hostlib.new_ssh_key(folder, self.name)
        self.keypair = self.sdk.compute.create_keypair(name=self.name,
            public_key=self.key.with_suffix(".pub").read_text())
        self.token = cloud.new_token(self.auth)

    def api(self, method, path, **more):
        return self.cloud.api(method, path, self.token, **more)

    # --- networks

    @property
    def external(self):
        return next(iter(self.sdk.network.networks(is_router_external=True)))

    def network(self, cidr, name="net", dns=(), v6=None):
        """A network with an IPv4 subnet and, where named, a SLAAC one of IPv6."""
        network = self.sdk.network.create_network(name=f"{self.name}-{name}")
        self.sdk.network.create_subnet(network_id=network.id, ip_version=4, cidr=cidr, dns_nameservers=list(dns))
        if v6:
            self.sdk.network.create_subnet(
                network_id=network.id, ip_version=6, cidr=v6, ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
        return network

    def router(self, *networks):
        """A router with a gateway to the external network and an interface on every subnet of these networks."""
        router = self.sdk.network.create_router(
            name=f"{self.name}-router", external_gateway_info={"network_id": self.external.id})
        for network in networks:
            for subnet in self.sdk.network.subnets(network_id=network.id):
                self.sdk.network.add_interface_to_router(router, subnet=subnet.id)
        return router

    def group(self, *rules, name="group"):
        """A security group with ingress rules, each `icmp`, `tcp:22`, `udp`, `6:icmp` (6: is IPv6)."""
        group = self.sdk.network.create_security_group(name=f"{self.name}-{name}")
        for rule in rules:
            self.allow(group, rule)
        return group

    def allow(self, group, rule):
        ether, rule = ("IPv6", rule[2:]) if rule.startswith("6:") else ("IPv4", rule)
        protocol, _, port = rule.partition(":")
        ports = {"port_range_min": int(port), "port_range_max": int(port)} if port else {}
        return self.sdk.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ether_type=ether, protocol=protocol, **ports)

    # --- servers

    def create(self, network, group, name="guest", **more):
        """Asks for a server and returns at once."""
        if "user_data" in more:
            more["user_data"] = base64.b64encode(more["user_data"].encode()).decode()
        more.setdefault("networks", [{"uuid": network.id}] if network else "none")
        more.setdefault("flavor_id", self.flavor.id)
        more.setdefault("image_id", self.image.id)
        groups = {"security_groups": [{"name": group.id}]} if group else {}
        return self.sdk.compute.create_server(
            name=f"{self.name}-{name}", key_name=self.keypair.name, **groups, **more)

    def status(self, server, wanted, timeout=ACTIVE_SECONDS):
        """Waits for a server's status and returns the server."""
        def look():
            now = self.sdk.compute.get_server(server.id)
            if now.status == "ERROR" and wanted != "ERROR":
                raise RuntimeError(f"the server is in ERROR: {now.fault}\n{self.cloud.explain(server.id)}")
            return now if now.status == wanted else None
        return wait_for(f"{server.name} {wanted}", look, timeout, explain=lambda: self.cloud.explain(server.id))

    def ready(self, server, count=1, timeout=READY_SECONDS):
        """Waits until the guest has said READY `count` times on its console."""
        self.status(server, "ACTIVE")
        wait_for(
            f"{server.name} READY", lambda: self.cloud.console(server.id, 200_000).count("tiny: READY") >= count,
            timeout,
            explain=lambda: self.cloud.explain(server.id))
        return self.sdk.compute.get_server(server.id)

    def port(self, server):
        return next(iter(self.sdk.network.ports(device_id=server.id)))

    def fixed(self, server, version=4):
        """The server's own address of an IP version."""
        found = [a["addr"] for addresses in self.sdk.compute.get_server(server.id).addresses.values() for a in addresses
                 if a["OS-EXT-IPS:type"] == "fixed" and a["version"] == version]
        assert found, f"{server.name} has no IPv{version} address"
        return found[0]

    def floating(self, server):
        """A floating IP for the server; its address."""
        made = self.sdk.network.create_ip(floating_network_id=self.external.id, port_id=self.port(server).id)
        return made.floating_ip_address

    def ssh(self, address, command, **more):
        return hostlib.ssh(address, self.key, command, **more)

    def await_ssh(self, address, server=None, timeout=60):
        wait_for(
            f"ssh {address}", lambda: "here" in self.ssh(address, "echo here", timeout=20), timeout, every=0.5,
            explain=lambda: self.cloud.explain(server.id if server else None))

    def delete(self, *servers, timeout=30):
        for server in servers:
            self.sdk.compute.delete_server(server.id)
        for server in servers:
            wait_for(
                f"{server.name} gone",
                lambda: self.api("GET", f"{COMPUTE}/servers/{server.id}").status_code == 404, timeout,
                explain=lambda: self.cloud.explain(server.id))

    # --- the end

    def destroy(self):
        """Takes back everything, servers first. Throws where something does not go."""
        with contextlib.suppress(Exception):
            self.token = self.cloud.new_token(self.auth)
        self.delete(*self.sdk.compute.servers())
        for floating in self.sdk.network.ips():
            self.sdk.network.delete_ip(floating.id)
        for router in self.sdk.network.routers():
            self._remove_router(router)
        for port in self.sdk.network.ports(project_id=self.project.id):
            if not (port.device_owner or "").startswith("network:"):
                self.sdk.network.delete_port(port.id)
        for network in self.sdk.network.networks(project_id=self.project.id):
            self.sdk.network.delete_network(network.id)
        for group in self.sdk.network.security_groups(project_id=self.project.id):
            if group.name != "default":
                self.sdk.network.delete_security_group(group.id)
        for image in self.sdk.image.images(owner=self.project.id):
            self.sdk.image.delete_image(image.id)
        self.sdk.compute.delete_keypair(self.keypair)
        admin = self.cloud.sdk(ADMIN)
        admin.identity.delete_user(self.user)
        admin.identity.delete_project(self.project)

    def _remove_router(self, router):
        for port in self.sdk.network.ports(device_id=router.id):
            if port.device_owner == "network:router_interface":
                self.sdk.network.remove_interface_from_router(router, port=port.id)
        answer = self.api("DELETE", f"{NETWORK}/routers/{router.id}")
        assert answer.status_code == 204, answer.text
