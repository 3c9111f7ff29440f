"""Killing control or node touches no guest and no packet; `haneul up` brings back what is missing."""

import contextlib
import os
import signal
import time
import uuid

import pytest

import daemons
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


# --- without control, without the node, after the host's own restart


def dnsmasqs(cloud):
    return sorted(hostlib.processes("dnsmasq", str(cloud.state)))


def test_dnsmasq_outlives_the_node(cloud, tenant, guest):
    """With the node dead a guest still gets its lease; the next node takes the same process up again."""
    # A server that has just gone gives its lease back, and dnsmasq starts anew for that: let it come to rest.
    seen = []

    def at_rest():
        seen.append(dnsmasqs(cloud))
        return len(seen) > 30 and all(s == seen[-1] for s in seen[-30:])
    wait_for("dnsmasq at rest", at_rest, 60, every=0.1)
    before = dnsmasqs(cloud)
    assert before
    cloud.kill("node")
    assert dnsmasqs(cloud) == before
    told = tenant.ssh(guest.floating, "udhcpc -n -q -t 5 -i eth0 -s /bin/true 2>&1")
    assert "lease of" in told, told
    up(cloud)
    assert dnsmasqs(cloud) == before, "dnsmasq was started anew"
    other = tenant.network("10.33.0.0/24", "served")
    tenant.sdk.network.create_port(network_id=other.id)
    wait_for("dnsmasq of a new network, beside the old ones", lambda: set(before) <= set(dnsmasqs(cloud)), 30)


def booted(cloud, server):
    return cloud.console(server.id, 300_000).count("tiny: READY")


def test_a_guest_boots_while_control_is_down(cloud, tenant, reachable, guest):
    """Started a moment before control died, and rebooted from inside after: each time address and metadata come."""
    server = tenant.create(reachable.network, reachable.group, "alone")
    tenant.ready(server)
    floating = tenant.floating(server)
    tenant.await_ssh(floating, server)
    tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"os-stop": None})
    tenant.status(server, "SHUTOFF", timeout=120)
    assert tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"os-start": None}).status_code == 202
    wait_for("its process", lambda: hostlib.processes("qemu-system", server.id), 60, every=0.02, explain=cloud.explain)
    cloud.kill("control")
    try:
        wait_for("READY without control", lambda: booted(cloud, server) == 2, 120,
            explain=lambda: cloud.explain(server.id))
        tenant.await_ssh(floating, server)
        tenant.ssh(floating, "reboot", check=False)
        wait_for("READY again without control", lambda: booted(cloud, server) == 3, 120,
            explain=lambda: cloud.explain(server.id))
        tenant.await_ssh(floating, server)
        meta = tenant.ssh(floating, "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
        assert server.id in meta
        assert cloud.console(server.id, 300_000).count("metadata from http") == 3
        # Its node may die as well, and come back alone.
        cloud.kill("node")
        daemons.start(cloud, "node")
        wait_for("the node", lambda: cloud.process("node"), 30)
        assert server.id in tenant.ssh(floating, "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
    finally:
        up(cloud)
    tenant.status(server, "ACTIVE")
    tenant.delete(server)


@pytest.fixture
def fallen(cloud, tenant, reachable, guest):
    """This cloud after the host's own restart, as far as one cloud can have that: nothing of it runs, no device, no
    rule, no namespace of it is there; what was on the disk is. Returns a server that was stopped before."""
    stopped = tenant.create(reachable.network, reachable.group, "stopped")
    tenant.status(stopped, "ACTIVE")
    tenant.api("POST", f"{COMPUTE}/servers/{stopped.id}/action", json={"os-stop": None})
    tenant.status(stopped, "SHUTOFF", timeout=120)
    for role in daemons.ROLES:
        cloud.kill(role)
    for process in [*hostlib.processes("qemu-system", f"haneul-{cloud.tag}-"), *hostlib.processes(str(cloud.state))]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for namespace in hostlib.namespaces(cloud.tag):
        hostlib.run("ip", "netns", "del", namespace)
    for link in hostlib.links(cloud.tag):
        hostlib.run("ip", "link", "del", link, check=False)
    for table in hostlib.run("nft", "list", "tables").stdout.splitlines():
        if table.endswith(f"haneul_{cloud.tag}"):
            hostlib.run("nft", "delete", *table.split())
    (cloud.state / "run" / "node.ready").unlink(missing_ok=True)
    yield stopped
    # The kernel's own boot id again.
    if cloud.process("node"):
        cloud.kill("node")
    up(cloud)
    tenant.delete(stopped)


def test_the_host_restarts_without_control(cloud, tenant, guest, fallen, tmp_path):
    """The node alone, in what it takes for a new boot: what ran runs, what was stopped stays so, packets pass."""
    left = cloud.leftovers()
    assert not left["links"] and not left["namespaces"] and not left["tables"] and not left["processes"], left
    boots = booted(cloud, guest)
    boot_id = tmp_path / "boot_id"
    boot_id.write_text(f"{uuid.uuid4()}\n")
    # In a mount namespace of its own the node reads another boot id; namespaces it makes are seen by all.
    script = f"mount --make-private /proc && mount --bind {boot_id} /proc/sys/kernel/random/boot_id && exec \"$@\""
    daemons.start(cloud, "node", wrap=["unshare", "-m", "--propagation", "unchanged", "sh", "-c", script, "sh"])
    wait_for("booted again", lambda: booted(cloud, guest) == boots + 1, 120, explain=lambda: cloud.explain(guest.id))
    assert cloud.process("control") is None
    wait_for("ping", lambda: hostlib.ping(guest.floating, count=2) == 2, 60, explain=cloud.explain)
    tenant.await_ssh(guest.floating, guest)
    assert not hostlib.processes("qemu-system", fallen.id), "what was stopped was started"
    up(cloud)
    tenant.status(guest, "ACTIVE")
    tenant.status(fallen, "SHUTOFF")
