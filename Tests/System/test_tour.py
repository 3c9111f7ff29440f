"""The README's tour: once by the `openstack` command, once by openstacksdk with a config drive and IPv6."""

import subprocess
import threading
import time

import pytest

import hostlib
from cloudlib import ADMIN, COMPUTE, MEMBER
from hostlib import ping, tcp_answers, wait_for
from tenant import Tenant

USER_DATA = """#!/bin/sh
echo "tour user data ran" > /run/tour
echo "tour: user data ran as $(hostname)" > /dev/console
"""


class Tour:
    """What the tour by the command line has made, each step as a user types it."""

    def __init__(self, cloud, folder):
        self.cloud = cloud
        self.key = hostlib.new_ssh_key(folder, "tour-key")
        script = folder / "user-data.sh"
        script.write_text(USER_DATA)
        run = self.run = cloud.openstack
        assert run("token issue")["id"]
        self.external = run("network list --external")[0]["Name"]
        run("network create tour-net")
        run("subnet create tour-subnet --network tour-net --subnet-range 10.20.0.0/24")
        run("router create tour-router")
        run(f"router set tour-router --external-gateway {self.external}", parse=False)
        run("router add subnet tour-router tour-subnet", parse=False)
        run(f"keypair create tour-key --public-key {self.key}.pub")
        run("security group create tour-group")
        self.id = run(
            "server create tour --image tiny --flavor m1.nano --network tour-net --key-name tour-key "
            f"--security-group tour-group --user-data {script} --no-config-drive --wait")["id"]
        self.floating = run(f"floating ip create {self.external}")["floating_ip_address"]
        run(f"server add floating ip tour {self.floating}", parse=False)

    def ready(self):
        wait_for(
            "READY on the console", lambda: "tiny: READY" in self.cloud.console(self.id, 100_000), 120,
            explain=lambda: self.cloud.explain(self.id))

    def ssh(self, command):
        return hostlib.ssh(self.floating, self.key, command)

    def take_back(self):
        run = self.run
        run("server delete tour --wait", parse=False)
        run(f"floating ip delete {self.floating}", parse=False)
        run("router remove subnet tour-router tour-subnet", parse=False)
        run("router delete tour-router", parse=False)
        run("network delete tour-net", parse=False)
        run("security group delete tour-group", parse=False)
        run("keypair delete tour-key", parse=False)


@pytest.fixture(scope="module")
def tour(cloud, image, tmp_path_factory):
    tour = Tour(cloud, tmp_path_factory.mktemp("tour"))
    yield tour
    tour.take_back()
    assert cloud.openstack("server list") == []
    assert cloud.openstack("floating ip list") == []


class TestByTheCommandLine:
    def test_the_server_is_active_and_its_addresses_are_shown(self, tour):
        shown = tour.run("server show tour")
        assert shown["status"] == "ACTIVE" and shown["OS-EXT-STS:power_state"] in (1, "Running")
        assert shown["config_drive"] in ("", None, False)
        addresses = shown["addresses"]["tour-net"]
        assert tour.floating in addresses and any(a.startswith("10.20.0.") for a in addresses)

    def test_the_floating_ip_is_silent_before_a_rule(self, tour):
        tour.ready()
        assert ping(tour.floating, count=3, wait=1) == 0
        assert tcp_answers(tour.floating, 22) == "silent"

    def test_it_answers_after_rules_for_icmp_and_ssh(self, tour):
        tour.run("security group rule create tour-group --protocol icmp")
        tour.ssh_rule = tour.run("security group rule create tour-group --protocol tcp --dst-port 22")["id"]
        wait_for("ping", lambda: ping(tour.floating, count=1) == 1, 10, explain=lambda: tour.cloud.explain(tour.id))
        wait_for("ssh", lambda: "yes" in tour.ssh("echo yes"), 30, explain=lambda: tour.cloud.explain(tour.id))
        assert tcp_answers(tour.floating, 23) == "silent"

    def test_hostname_key_and_user_data_arrived_by_metadata(self, tour):
        assert "metadata from http" in tour.cloud.console(tour.id, 100_000)
        assert tour.ssh("hostname").strip() == "tour"
        assert tour.ssh("cat /run/tour").strip() == "tour user data ran"
        assert tour.key.with_suffix(".pub").read_text().split()[1] in tour.ssh("cat /root/.ssh/authorized_keys")

    def test_console_log_show(self, tour):
        log = tour.run("console log show tour", parse=False).stdout
        assert "tiny: READY hostname=tour" in log and "tour: user data ran as tour" in log
        last = tour.run("console log show --lines 2 tour", parse=False).stdout
        assert 1 <= len(last.strip().splitlines()) <= 2

    def test_removing_the_rule_cuts_the_established_flow(self, tour):
        lines, stream = [], subprocess.Popen(
            hostlib.ssh_words(tour.floating, tour.key, "while :; do echo tick; sleep 0.1; done"),
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        reader = threading.Thread(target=lambda: [lines.append(time.monotonic()) for _ in stream.stdout], daemon=True)
        try:
            reader.start()
            wait_for("the stream", lambda: len(lines) > 10, 20)
            tour.cloud.sdk(MEMBER).network.delete_security_group_rule(tour.ssh_rule)
            removed = time.monotonic()
            time.sleep(7)
            late = [at - removed for at in lines if at - removed > 3]
            assert not late, f"{len(late)} lines came later than 3 s after the rule went, the last at {late[-1]:.1f} s"
        finally:
            stream.kill()
            stream.wait()
        assert tcp_answers(tour.floating, 22) == "silent"
        assert ping(tour.floating, count=2) == 2

    def test_lists_name_everything(self, tour):
        run = tour.run
        assert [s["Name"] for s in run("server list")] == ["tour"]
        assert {n["Name"] for n in run("network list")} >= {"tour-net", tour.external}
        assert "tour-router" in [r["Name"] for r in run("router list")]
        assert "tiny" in [i["Name"] for i in run("image list")]
        assert "m1.nano" in [f["Name"] for f in run("flavor list")]
        assert {"identity", "image", "compute", "network", "placement"} <= {
            c["Type"] for c in run("catalog list", cloud=ADMIN)}
        assert {h["Status"] for h in run("compute service list", cloud=ADMIN)} == {"enabled"}
        assert run("hypervisor list", cloud=ADMIN)[0]["State"] == "up"

    def test_a_stranger_cannot_log_in_with_a_wrong_password(self, tour):
        auth = {**tour.cloud.login(MEMBER), "password": "wrong"}
        answer = tour.cloud.api("POST", "/identity/v3/auth/tokens", json=tour.cloud.password_body(auth))
        assert answer.status_code == 401


# --- once more by openstacksdk: config drive, IPv6, two guests on one network


class Pair:
    V6 = "fd00:20:1::/64"

    def __init__(self, tenant: Tenant):
        self.tenant = tenant
        self.network = tenant.network("10.21.0.0/24", v6=self.V6)
        self.router = tenant.router(self.network)
        self.open = tenant.group("icmp", "tcp:22", name="open")
        self.closed = tenant.group(name="closed")
        self.first = tenant.create(self.network, self.open, "first", config_drive=True, user_data=USER_DATA)
        self.second = tenant.create(self.network, self.closed, "second")
        tenant.status(self.first, "ACTIVE")
        self.floating = tenant.floating(self.first)
        tenant.ready(self.first)
        tenant.ready(self.second)


@pytest.fixture(scope="module")
def pair(tenant):
    return Pair(tenant)


class TestBySDK:
    def test_config_drive_brings_hostname_key_and_user_data(self, pair, cloud):
        pair.tenant.await_ssh(pair.floating, pair.first)
        assert "metadata from config-drive" in cloud.console(pair.first.id, 100_000)
        assert pair.tenant.ssh(pair.floating, "hostname").strip() == pair.first.name
        assert pair.tenant.ssh(pair.floating, "cat /run/tour").strip() == "tour user data ran"
        network_data = pair.tenant.ssh(pair.floating, "cat /run/md/network_data.json")
        assert pair.tenant.port(pair.first).mac_address in network_data

    def test_the_console_by_api(self, pair):
        output = pair.tenant.sdk.compute.get_server_console_output(pair.first.id)["output"]
        assert f"READY hostname={pair.first.name}" in output

    def test_each_guest_has_its_global_address_from_the_router(self, pair):
        for server in (pair.first, pair.second):
            wanted = pair.tenant.fixed(server, version=6)
            assert wanted.startswith("fd00:20:1:")
            wait_for(
                f"{wanted} in the guest", lambda: wanted in pair.tenant.cloud.console(server.id, 100_000), 60,
                explain=lambda: pair.tenant.cloud.explain(server.id))
        routes = pair.tenant.ssh(pair.floating, "ip -6 route")
        assert "default via fe80:" in routes

    def test_ping6_needs_a_rule(self, pair):
        target = pair.tenant.fixed(pair.second, version=6)

        def answers():
            text = pair.tenant.ssh(pair.floating, f"ping6 -c 3 -W 2 {target}", check=False)
            return int(text.split(" packets received")[0].split()[-1])

        assert answers() == 0
        pair.tenant.allow(pair.closed, "6:ipv6-icmp")
        wait_for("ping6", lambda: answers() == 3, 15, explain=pair.tenant.cloud.explain)
        # The IPv6 rule says nothing of IPv4.
        other = pair.tenant.fixed(pair.second)
        text = pair.tenant.ssh(pair.floating, f"ping -c 2 -W 1 {other}", check=False)
        assert " 0 packets received" in text

    def test_a_rule_by_remote_group_lets_members_in_and_nobody_else(self, pair):
        tenant = pair.tenant
        other = tenant.fixed(pair.second)
        tenant.sdk.network.create_security_group_rule(
            security_group_id=pair.closed.id, direction="ingress", ether_type="IPv4", protocol="icmp",
            remote_group_id=pair.open.id)
        wait_for(
            "ping between members", lambda: " 2 packets received" in tenant.ssh(
                pair.floating, f"ping -c 2 -W 2 {other}", check=False), 15, explain=tenant.cloud.explain)

    def test_groups_are_added_and_removed_by_the_server(self, pair):
        tenant, path = pair.tenant, f"{COMPUTE}/servers/{pair.first.id}/action"
        for action, names in (("addSecurityGroup", {pair.open.name, pair.closed.name}),
            ("removeSecurityGroup", {pair.open.name})):
            assert tenant.api("POST", path, json={action: {"name": pair.closed.name}}).status_code == 202
            assert {g["name"] for g in tenant.sdk.compute.get_server(pair.first.id).security_groups} == names
