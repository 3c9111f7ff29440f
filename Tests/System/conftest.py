"""Fixtures: one cloud for all tests, with the tiny image in it; a project for each file that asks for one."""

import contextlib
import ipaddress
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

from cloudlib import ADMIN, BINARY, IMAGE, bring_up  # noqa: E402
from hostlib import run, wait_for  # noqa: E402
from tenant import Tenant  # noqa: E402

# Whoever has a cloud of his own up on 203.0.113.0/24 gives another /24: BLOCK=198.51.100 (RFC 5737, too).
BLOCK = os.environ.get("BLOCK", "203.0.113")
EXTERNAL, OTHER_EXTERNAL = f"{BLOCK}.0/25", f"{BLOCK}.128/25"
PORT, OTHER_PORT = 8790, 8791
FLAVOR = "m1.nano"

running = []
# Times that tests took of the cloud's doings, told at the end of a run: never judged.
measured = []


@pytest.fixture(scope="session", autouse=True)
def host():
    """The host has what the tests need, and nothing of a cloud is in their way."""
    for path in (BINARY, IMAGE):
        if not Path(path).exists():
            pytest.exit(f"{path} is missing: run `make test`, or set HANEUL and IMAGE.", 2)
    block = ipaddress.ip_network(f"{BLOCK}.0/24")
    for link in json.loads(run("ip", "-j", "address").stdout):
        for address in link["addr_info"]:
            if address["family"] == "inet" and ipaddress.ip_address(address["local"]) in block:
                pytest.exit(
                    f"Interface {link['ifname']} has {address['local']}: a cloud of yours is up on {block}. "
                    "Take it down (haneul down --clear-host), or give these tests another block: BLOCK=198.51.100", 2)


@pytest.fixture(scope="session")
def cloud(host):
    cloud = bring_up(PORT, EXTERNAL)
    running.append(cloud)
    yield cloud
    running.remove(cloud)
    tear_down(cloud)


def tear_down(cloud):
    """Deletes what tests left, takes the cloud down and checks that the host is as before."""
    admin = cloud.sdk(ADMIN)
    cloud.up()
    for server in list(admin.compute.servers(all_projects=True)):
        admin.compute.delete_server(server.id)
    wait_for("all servers gone", lambda: not list(admin.compute.servers(all_projects=True)), 60, explain=cloud.explain)
    wait_for("all domains gone", lambda: not cloud.leftovers()["domains"], 20, explain=cloud.explain)
    done = cloud.down("--clear-host")
    left = {kind: found for kind, found in cloud.leftovers().items() if found}
    assert not left, f"left on the host after `down --clear-host`: {left}\n{done.stdout}"
    shutil.rmtree(cloud.state)


@contextlib.contextmanager
def another_cloud(state=None, more=()):
    """A second cloud beside the first, for what would hurt that one; nothing of it is left afterwards."""
    cloud = bring_up(OTHER_PORT, OTHER_EXTERNAL, state, more)
    running.append(cloud)
    try:
        yield cloud
    finally:
        running.remove(cloud)
        done = cloud.down("--clear-host", check=False)
        left = {kind: found for kind, found in cloud.leftovers().items() if found}
        shutil.rmtree(cloud.state, ignore_errors=True)
    assert not left, f"left on the host after `down --clear-host`: {left}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def image(cloud):
    """The tiny guest, public, uploaded once by openstacksdk."""
    admin = cloud.sdk(ADMIN)
    made = admin.image.create_image(
        "tiny", filename=IMAGE, disk_format="qcow2", container_format="bare", visibility="public", min_ram=80,
        wait=True,
        timeout=60)
    image = admin.image.get_image(made.id)
    assert image.status == "active"
    return image


@pytest.fixture(scope="session")
def blank_file(tmp_path_factory):
    """An empty disk: its guest runs, boots nothing and costs no processor. For tests that need no login."""
    path = tmp_path_factory.mktemp("blank") / "blank.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", path, "32M")
    return path


@pytest.fixture(scope="session")
def blank(cloud, image, blank_file):
    return upload(cloud, blank_file, "blank")


def upload(cloud, path, name):
    """A public image of a qcow2 file."""
    admin = cloud.sdk(ADMIN)
    made = admin.image.create_image(
        name, filename=str(path), disk_format="qcow2", container_format="bare", visibility="public", wait=True,
        timeout=60)
    return admin.image.get_image(made.id)


@pytest.fixture(scope="session")
def flavor(cloud):
    return cloud.sdk(ADMIN).compute.find_flavor(FLAVOR, ignore_missing=False)


@pytest.fixture(scope="session")
def make_tenant(cloud, image, flavor, tmp_path_factory):
    """Makes a project with a user; the caller destroys it."""
    def make(name, **more):
        return Tenant(cloud, tmp_path_factory.mktemp(name), image, flavor, name, **more)
    return make


@pytest.fixture(scope="module")
def tenant(make_tenant, request):
    """A project for one file, taken back after it."""
    tenant = make_tenant(request.module.__name__.removeprefix("test_").replace("_", "-"))
    yield tenant
    tenant.destroy()


@pytest.fixture(scope="module")
def reachable(tenant):
    """The file's network with a router, and a group that lets icmp and ssh in."""
    class Place:
        network = tenant.network("10.30.0.0/24")
        router = tenant.router(network)
        group = tenant.group("icmp", "tcp:22")
    return Place


# --- when a test fails, what the cloud logged meanwhile is shown


def logs():
    return [(role, cloud.state / "log" / f"{role}.log") for cloud in running for role in ("control", "node")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.log_starts = {path: path.stat().st_size for _, path in logs() if path.exists()}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    for role, path in logs():
        if path.exists():
            text = path.read_bytes()[getattr(item, "log_starts", {}).get(path, 0):][-4000:].decode(errors="replace")
            report.sections.append((f"{role}.log meanwhile", text))


def pytest_terminal_summary(terminalreporter):
    if measured:
        terminalreporter.section("measured")
        for line in measured:
            terminalreporter.write_line(line)
