"""Two clouds on one machine: an overlap is refused before anything is touched; side by side they do not meet."""

import re
import shutil

import pytest

import hostlib
from cloudlib import ADMIN, IMAGE, Cloud, bring_up
from conftest import BLOCK, FLAVOR, OTHER_EXTERNAL, OTHER_PORT, PORT, running
from hostlib import Pinger, wait_for
from tenant import Tenant


@pytest.mark.parametrize("port,cidr,named", [
    (PORT, OTHER_EXTERNAL, str(PORT)), (OTHER_PORT, f"{BLOCK}.64/26", BLOCK), (OTHER_PORT, f"{BLOCK}.0/24", BLOCK),
], ids=["port", "block-inside", "block-around"])
def test_an_overlap_is_refused_and_touches_nothing(cloud, port, cidr, named):
    # What an earlier file deleted may still be going.
    seen = []

    def at_rest():
        seen.append({kind: sorted(found) for kind, found in cloud.leftovers().items()})
        return len(seen) > 10 and all(s == seen[-1] for s in seen[-10:])
    wait_for("the host at rest", at_rest, 60, every=0.2)
    before = seen[-1]
    other = Cloud(port, cidr)
    done = other.first_up(check=False)
    assert done.returncode != 0 and named in done.stderr + done.stdout, done
    assert not (other.state / "cloud.json").exists()
    assert {kind: sorted(found) for kind, found in cloud.leftovers().items()} == before
    assert not hostlib.processes(str(other.state))
    shutil.rmtree(other.state, ignore_errors=True)


@pytest.mark.parametrize("flags,named", [
    (["--listen", "0.0.0.0:8795"], "loopback"), (["--listen", "127.0.0.1:0"], "ADDR:PORT"),
    (["--listen", "nonsense"], "ADDR:PORT"),
    (["--external-cidr", BLOCK], "block"), (["--external-cidr", "fd00::/64"], "block"),
    (["--no-such-flag"], "no-such-flag"),
])
def test_wrong_flags_are_refused_with_a_reason(host, flags, named, tmp_path):
    done = Cloud(1, "", state=tmp_path / "state").up(*flags, check=False)
    assert done.returncode != 0 and named in done.stderr + done.stdout, done
    assert not (tmp_path / "state").exists()


def test_help_everywhere(host):
    cloud = Cloud(1, "")
    verbs = re.findall(r"^  ([a-z][a-z-]*)  ", cloud.haneul("--help").stdout.split("SUBCOMMANDS:")[1], re.M)
    assert {"up", "down", "status", "doctor", "backup", "restore", "check", "audit", "control", "node"} <= set(verbs)
    for verb in verbs:
        assert f"USAGE: haneul {verb}" in cloud.haneul(verb, "--help").stdout


def test_a_settled_block_is_not_changed_by_a_flag(cloud):
    done = cloud.up("--external-cidr", f"{BLOCK}.0/26", check=False)
    assert done.returncode != 0 and f"{BLOCK}.0/25" in done.stderr + done.stdout


@pytest.fixture(scope="module")
def guest(tenant, reachable):
    server = tenant.create(reachable.network, reachable.group, "neighbour")
    tenant.status(server, "ACTIVE")
    server.floating = tenant.floating(server)
    tenant.ready(server)
    wait_for("ping", lambda: hostlib.ping(server.floating, count=1) == 1, 20, explain=tenant.cloud.explain)
    return server


def test_side_by_side(cloud, guest, tmp_path_factory):
    """A second cloud comes up, makes a network, a router and a server, and goes; the first one's guest pings on."""
    pinger = Pinger(guest.floating)
    other = None
    try:
        other = bring_up(OTHER_PORT, OTHER_EXTERNAL)
        running.append(other)
        assert other.tag != cloud.tag
        _use(other, tmp_path_factory.mktemp("other"))
        before = cloud.leftovers()
        done = other.down("--clear-host")
        left = {kind: found for kind, found in other.leftovers().items() if found}
        assert not left, f"left of the second cloud: {left}\n{done.stdout}"
        assert {k: sorted(v) for k, v in cloud.leftovers().items() if k != "tables"} == {
            k: sorted(v) for k, v in before.items() if k != "tables"}
    finally:
        sent, lost = pinger.stop()
        if other:
            running.remove(other)
            other.down("--clear-host", check=False)
            shutil.rmtree(other.state, ignore_errors=True)
    assert not lost, f"{len(lost)} of {sent} pings of the first cloud's guest were lost: {lost[:20]}"


def _use(other, folder):
    admin = other.sdk(ADMIN)
    image = admin.image.create_image(
        "tiny", filename=IMAGE, disk_format="qcow2", container_format="bare", visibility="public", wait=True,
        timeout=60)
    tenant = Tenant(other, folder, image, admin.compute.find_flavor(FLAVOR, ignore_missing=False), "other")
    network = tenant.network("10.30.0.0/24")
    tenant.router(network)
    server = tenant.create(network, tenant.group("icmp"))
    tenant.status(server, "ACTIVE")
    floating = tenant.floating(server)
    assert floating.startswith(f"{BLOCK}.") and int(floating.split(".")[3]) > 128
    assert any(server.id in d for d in hostlib.domains(other.tag))
