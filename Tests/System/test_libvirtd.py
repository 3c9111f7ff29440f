"""libvirtd restarted, killed, hung for a minute: guests and the API go on, the stream of events is made anew, and
everything is compared."""

import os
import signal
import threading
import time

import pytest

import hostlib
from cloudlib import COMPUTE
from conftest import measured
from hostlib import Pinger, run, wait_for
from meddle import domain, virsh

HANG_SECONDS = 60
BACK_SECONDS = 120


def libvirtd():
    """The daemon's process; None where it is down."""
    found = [p for p in hostlib.processes("libvirtd") if comm(p) == "libvirtd"]
    return found[0] if found else None


def comm(process):
    try:
        with open(f"/proc/{process}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def ends(process, seconds):
    """Whether it is gone within a time."""
    try:
        return wait_for("libvirtd gone", lambda: libvirtd() != process, seconds, every=0.05)
    except AssertionError:
        return False


def start_libvirtd():
    """As a service manager would, where the node was not faster. Returns when it answers."""
    if libvirtd() is None:
        run("libvirtd", "-d", check=False)
    wait_for("libvirtd", lambda: libvirtd() and run(*hostlib.VIRSH, "version", check=False, timeout=30).returncode == 0,
        60)


@pytest.fixture(scope="module")
def guests(tenant, reachable, blank):
    class Guests:
        steady = tenant.create(reachable.network, reachable.group, "steady")
        light = tenant.create(reachable.network, reachable.group, "light", image_id=blank.id)
    tenant.status(Guests.steady, "ACTIVE")
    Guests.floating = tenant.floating(Guests.steady)
    tenant.status(Guests.light, "ACTIVE")
    tenant.ready(Guests.steady)
    tenant.await_ssh(Guests.floating, Guests.steady)
    yield Guests
    start_libvirtd()


def qemu(server):
    return hostlib.processes("qemu-system", server.id)


def comes_back(cloud, tenant, server, life):
    """The guest that was ended from outside is booted again, and its server is ACTIVE."""
    wait_for(
        "booted again", lambda: qemu(server) and qemu(server) != life, BACK_SECONDS,
        explain=lambda: cloud.explain(server.id))
    tenant.status(server, "ACTIVE", timeout=BACK_SECONDS)


def events_work(cloud, tenant, server):
    """A guest destroyed by hand is seen and booted again, without a word from us."""
    life = qemu(server)
    began = time.monotonic()
    virsh("destroy", domain(cloud, server))
    comes_back(cloud, tenant, server, life)
    return time.monotonic() - began


def is_there(cloud, tenant, server):
    answer = tenant.api("GET", f"{COMPUTE}/servers/{server.id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["server"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_libvirtd_goes_and_comes(cloud, tenant, guests, how):
    """What happened while it was away is found by comparing, what happens after it by events."""
    node, life = cloud.process("node"), qemu(guests.steady)
    pinger = Pinger(guests.floating)
    try:
        old = libvirtd()
        os.kill(old, how)
        if how == signal.SIGTERM and not ends(old, 10):
            os.kill(old, signal.SIGKILL)  # as a service manager does with one that does not obey
        assert ends(old, 30)
        # A guest dies, and a hard reboot is asked, while nobody is told of either.
        for process in qemu(guests.light):
            os.kill(process, signal.SIGKILL)
        assert is_there(cloud, tenant, guests.steady)["status"] == "ACTIVE"
        dead = qemu(guests.light)
        start_libvirtd()
        comes_back(cloud, tenant, guests.light, dead)
        took = events_work(cloud, tenant, guests.light)
    finally:
        start_libvirtd()
        sent, lost = pinger.stop()
    measured.append(f"libvirtd {how.name}: a destroyed guest runs again {took:.2f} s after, by events")
    assert not lost, f"{len(lost)} of {sent} pings lost: {lost[:20]}"
    assert cloud.process("node") == node, "the node did not survive libvirtd's end"
    assert qemu(guests.steady) == life
    assert cloud.console(guests.steady.id, 200_000).count("tiny: READY") == 1


def test_a_hang_of_a_minute(cloud, tenant, guests, reachable, blank):
    """Stopped, not dead: whatever asks it waits. The API does not, and everything is done once it answers again."""
    hung, life = libvirtd(), qemu(guests.steady)
    pinger = Pinger(guests.floating)
    wake = threading.Timer(HANG_SECONDS, os.kill, (hung, signal.SIGCONT))
    os.kill(hung, signal.SIGSTOP)
    wake.start()
    try:
        made = tenant.create(reachable.network, reachable.group, "meanwhile", image_id=blank.id)
        path = f"{COMPUTE}/servers/{guests.light.id}/action"
        assert tenant.api("POST", path, json={"reboot": {"type": "HARD"}}).status_code == 202
        before = qemu(guests.light)
        rule = tenant.allow(reachable.group, "tcp:8080")
        answered = []
        while wake.is_alive():
            began = time.monotonic()
            assert is_there(cloud, tenant, guests.steady)["status"] == "ACTIVE"
            assert is_there(cloud, tenant, made)["status"] == "BUILD"
            answered.append(time.monotonic() - began)
            time.sleep(1)
        # Rules need no libvirt: they were loaded during the hang.
        tenant.sdk.network.delete_security_group_rule(rule.id)
        comes_back(cloud, tenant, guests.light, before)
        tenant.status(made, "ACTIVE", timeout=BACK_SECONDS)
        took = events_work(cloud, tenant, guests.light)
    finally:
        wake.cancel()
        os.kill(hung, signal.SIGCONT)
        sent, lost = pinger.stop()
    measured.append(
        f"libvirtd hung {HANG_SECONDS} s: two GETs took at most {max(answered):.2f} s meanwhile; a destroyed guest "
        f"runs again {took:.2f} s after, by events")
    assert not lost, f"{len(lost)} of {sent} pings lost: {lost[:20]}"
    assert qemu(guests.steady) == life
    assert len([d for d in hostlib.domains(cloud.tag) if made.id in d]) == 1
    tenant.delete(made)
