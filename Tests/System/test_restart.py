"""Killing control or node touches no guest and no packet; `haneul up` brings back what is missing."""

import os
import signal
import time

import pytest

import hostlib
from cloudlib import COMPUTE
from hostlib import Pinger, wait_for

SECOND_UP_SECONDS = 5


@pytest.fixture(scope="module")
def guest(tenant, reachable):
    server = tenant.create(reachable.network, reachable.group, "steady")
    tenant.status(server, "ACTIVE")
    server.floating = tenant.floating(server)
    tenant.ready(server)
    tenant.await_ssh(server.floating, server)
    server.boot = tenant.ssh(server.floating, "cat /proc/sys/kernel/random/boot_id")
    return server


def up(cloud):
    began = time.monotonic()
    done = cloud.up(check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{cloud.explain()}"
    return time.monotonic() - began


def test_a_second_up_changes_nothing(cloud):
    before = {role: cloud.process(role) for role in ("control", "node")}
    assert up(cloud) < SECOND_UP_SECONDS
    assert {role: cloud.process(role) for role in ("control", "node")} == before
    assert cloud.status().returncode == 0


@pytest.mark.parametrize("roles", [("control",), ("node",), ("control", "node")], ids="+".join)
def test_killing_loses_no_ping(cloud, tenant, guest, roles):
    pinger = Pinger(guest.floating)
    try:
        time.sleep(1)
        for role in roles:
            cloud.kill(role)
        assert cloud.status().returncode == 1
        time.sleep(2)
        seconds = up(cloud)
        time.sleep(2)
    finally:
        sent, lost = pinger.stop()
    assert sent > 40 and not lost, f"{len(lost)} of {sent} pings lost while {' and '.join(roles)} was down: {lost[:20]}"
    assert seconds < 20
    assert cloud.status().returncode == 0
    assert tenant.sdk.compute.get_server(guest.id).status == "ACTIVE"
    assert tenant.ssh(guest.floating, "cat /proc/sys/kernel/random/boot_id") == guest.boot


def test_what_is_taken_away_on_the_host_comes_back(cloud, guest):
    """Rules, bridges, gateways, namespaces and daemons are derived: the node makes them again."""
    tag = cloud.tag

    def tables():
        return {t for t in hostlib.run("nft", "list", "tables").stdout.splitlines() if t.endswith(f"haneul_{tag}")}

    def daemons():
        return len(hostlib.processes("dnsmasq", str(cloud.state)))

    links, namespaces, rules, serving = hostlib.links(tag), hostlib.namespaces(tag), tables(), daemons()
    for table in rules:
        hostlib.run("nft", "delete", *table.split())
        wait_for(f"{table} again", lambda: tables() == rules, 10, explain=cloud.explain)
    for link in [n for n in links if n[5] in "bg"]:
        hostlib.run("ip", "link", "del", link)
        wait_for(f"{link} again", lambda: set(links) <= set(hostlib.links(tag)), 10, explain=cloud.explain)
    for namespace in [n for n in namespaces if "router" in n]:
        hostlib.run("ip", "netns", "del", namespace)
        wait_for("the router again", lambda: namespace in hostlib.namespaces(tag), 10, explain=cloud.explain)
    for process in hostlib.processes("dnsmasq", str(cloud.state)):
        os.kill(process, signal.SIGKILL)
    wait_for("dnsmasq again", lambda: daemons() == serving, 10, explain=cloud.explain)
    wait_for("ping", lambda: hostlib.ping(guest.floating, count=2) == 2, 15, explain=cloud.explain)


def test_down_and_up_touch_no_guest(cloud, tenant, guest):
    pinger = Pinger(guest.floating)
    try:
        time.sleep(0.5)
        cloud.down()
        assert cloud.process("control") is None and cloud.process("node") is None
        time.sleep(1)
        up(cloud)
    finally:
        sent, lost = pinger.stop()
    assert not lost, f"{len(lost)} of {sent} pings lost: {lost[:20]}"
    assert tenant.ssh(guest.floating, "cat /proc/sys/kernel/random/boot_id") == guest.boot


def test_what_was_asked_while_the_node_was_down_is_done_after(cloud, tenant, reachable, guest):
    cloud.kill("node")
    server = tenant.create(reachable.network, reachable.group, "late")
    rule = tenant.allow(reachable.group, "tcp:80")
    time.sleep(1)
    assert tenant.sdk.compute.get_server(server.id).status == "BUILD"
    up(cloud)
    tenant.ready(server)
    tenant.sdk.network.delete_security_group_rule(rule.id)
    # A delete asked while it is down is done after, too.
    cloud.kill("node")
    assert tenant.api("DELETE", f"{COMPUTE}/servers/{server.id}").status_code == 204
    up(cloud)
    wait_for(
        "the server gone", lambda: tenant.api("GET", f"{COMPUTE}/servers/{server.id}").status_code == 404, 30,
        explain=cloud.explain)
    assert not any(server.id in name for name in cloud.leftovers()["domains"])


def test_kill_in_the_middle_of_a_create(cloud, tenant, reachable):
    """Whatever step the node had come to, the server is there in the end, once."""
    server = tenant.create(reachable.network, reachable.group, "interrupted")
    time.sleep(0.3)
    cloud.kill("node")
    cloud.kill("control")
    up(cloud)
    tenant.ready(server)
    assert len([d for d in cloud.leftovers()["domains"] if server.id in d]) == 1
    tenant.delete(server)
