"""Deletes win, whatever is under way, twice and by two at once; after each, quota and claims equal reality."""

import threading
import time

import pytest

import hostlib
from cloudlib import ADMIN, COMPUTE, IMAGES, NETWORK
from hostlib import wait_for
from slate import Traces, await_clean, check_ledgers

GONE_SECONDS = 60
FETCH_MIB = 1024


@pytest.fixture(scope="module")
def place(tenant, blank):
    class Place:
        network = tenant.network("10.38.0.0/24")
        group = tenant.group("icmp")
    return Place


@pytest.fixture
def make(tenant, place, blank):
    def make(name, wait=True, **more):
        more.setdefault("image_id", blank.id)
        server = tenant.create(place.network, place.group, name, **more)
        return tenant.status(server, "ACTIVE") if wait else server
    return make


def path(server):
    return f"{COMPUTE}/servers/{server.id}"


def delete(tenant, server, times=1):
    """Asks `times` clients at once to delete it; each hears that it is done or that it is gone."""
    answers = []

    def ask():
        answers.append(tenant.cloud.api("DELETE", path(server), tenant.token).status_code)

    threads = [threading.Thread(target=ask) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(answers) == times and set(answers) <= {204, 404} and 204 in answers, answers
    return answers


def gone(tenant, server, traces):
    wait_for(
        "gone", lambda: tenant.api("GET", path(server)).status_code == 404, GONE_SECONDS, every=0.05,
        explain=lambda: tenant.cloud.explain(server.id))
    await_clean(tenant.cloud, tenant, [traces])


@pytest.mark.parametrize("pause", [0, 0.15, 0.4, 0.8])
def test_during_build(tenant, make, pause):
    server = make("build", wait=False)
    traces = Traces(tenant, server)
    time.sleep(pause)
    delete(tenant, server)
    gone(tenant, server, traces)


@pytest.mark.parametrize("pause", [0, 0.3])
def test_during_reboot(tenant, make, pause):
    server = make("reboot")
    traces = Traces(tenant, server)
    assert tenant.api("POST", f"{path(server)}/action", json={"reboot": {"type": "HARD"}}).status_code == 202
    time.sleep(pause)
    delete(tenant, server)
    gone(tenant, server, traces)


def test_during_a_soft_reboot_that_nobody_obeys(tenant, make):
    """The light guest has no system: it would be waited for until the limit, if the delete did not win."""
    server = make("soft")
    traces = Traces(tenant, server)
    assert tenant.api("POST", f"{path(server)}/action", json={"reboot": {"type": "SOFT"}}).status_code == 202
    wait_for("rebooting", lambda: tenant.api("GET", path(server)).json()["server"]["OS-EXT-STS:task_state"], 30)
    delete(tenant, server)
    gone(tenant, server, traces)


def test_during_a_stop_that_nobody_obeys(tenant, make):
    server = make("stop")
    traces = Traces(tenant, server)
    assert tenant.api("POST", f"{path(server)}/action", json={"os-stop": None}).status_code == 202
    delete(tenant, server)
    gone(tenant, server, traces)


def test_during_the_attach_of_a_card(tenant, make, place):
    """A card on its way is taken back: its port is free again, or gone where the attach had made it."""
    server = make("attach")
    port = tenant.sdk.network.create_port(network_id=place.network.id)
    traces = Traces(tenant, server)
    body = {"interfaceAttachment": {"port_id": port.id}}
    plug = threading.Thread(target=lambda: tenant.cloud.api("POST", f"{path(server)}/os-interface", tenant.token,
        json=body))
    plug.start()
    delete(tenant, server)
    plug.join(60)
    gone(tenant, server, traces)

    def free():
        shown = tenant.api("GET", f"{NETWORK}/ports/{port.id}").json()["port"]
        tap = f"h{tenant.cloud.tag}t{port.id.replace('-', '')[:9]}"
        return not shown["device_id"] and tap not in hostlib.links(tenant.cloud.tag)

    wait_for("the port free", free, 30, explain=tenant.cloud.explain)
    tenant.sdk.network.delete_port(port.id)
    check_ledgers(tenant.cloud, tenant)


def test_during_the_fetch_of_its_image(cloud, tenant, make, tmp_path):
    """Its image is large: the node is still fetching it when the delete comes, and nothing half is left."""
    big = tmp_path / "big.raw"
    with open(big, "wb") as file:
        file.truncate(FETCH_MIB << 20)
    # Another last byte, so that no earlier run's bytes are met.
        file.seek((FETCH_MIB << 20) - 16)
        file.write(time.time_ns().to_bytes(16, "big"))
    answer = tenant.api("POST", f"{IMAGES}/images", json={
        "name": "big", "disk_format": "raw", "container_format": "bare"})
    image = answer.json()["id"]
    with open(big, "rb") as file:
        answer = tenant.cloud.api(
            "PUT", f"{IMAGES}/images/{image}/file", tenant.token, data=file,
            headers={"Content-Type": "application/octet-stream"}, timeout=300)
    assert answer.status_code == 204, answer.text
    server = make("fetch", wait=False, image_id=image)
    traces = Traces(tenant, server)
    bases = cloud.state / "node" / "disks" / "bases"
    wait_for("fetching", lambda: list(bases.glob(".new-*")), 30, every=0.01, explain=cloud.explain)
    delete(tenant, server)
    whole = [b for b in bases.iterdir() if not b.name.startswith(".") and b.stat().st_size == FETCH_MIB << 20]
    assert not whole, "the fetch was over before the delete: the image is too small for this test"
    gone(tenant, server, traces)
    assert tenant.api("DELETE", f"{IMAGES}/images/{image}").status_code == 204
    wait_for("nothing half fetched", lambda: not list(bases.glob(".new-*")), 120, explain=cloud.explain)


def test_where_there_is_no_host(cloud, tenant, make):
    """More memory than any host has: ERROR with a reason, no claim; and the delete takes it away."""
    admin = cloud.sdk(ADMIN)
    huge = admin.compute.create_flavor(name=f"{tenant.name}-huge", ram=100_000_000, vcpus=1, disk=1)
    token = cloud.new_token(ADMIN)
    answer = cloud.api("PUT", f"{COMPUTE}/os-quota-sets/{tenant.project.id}", token, json={"quota_set": {"ram": -1}})
    assert answer.status_code == 200, answer.text
    server = make("huge", wait=False, flavor_id=huge.id)
    failed = tenant.status(server, "ERROR")
    assert "host" in failed.fault["message"].lower(), failed.fault
    assert failed.fault["code"] == 500
    check_ledgers(cloud, tenant)
    traces = Traces(tenant, server)
    delete(tenant, server)
    gone(tenant, server, traces)
    cloud.api("DELETE", f"{COMPUTE}/os-quota-sets/{tenant.project.id}", token)
    admin.compute.delete_flavor(huge.id)


def test_twice_and_by_many_at_once(tenant, make):
    servers = [make(f"many-{n}") for n in range(2)]
    traces = [Traces(tenant, s) for s in servers]
    delete(tenant, servers[0], times=6)
    again = tenant.api("DELETE", path(servers[0])).status_code
    assert again in (204, 404)
    delete(tenant, servers[1])
    for server, trace in zip(servers, traces):
        gone(tenant, server, trace)
    assert tenant.api("DELETE", path(servers[0])).status_code == 404


def test_while_the_node_is_away(cloud, tenant, make):
    """Asked twice with nobody to do it: done once the node is back."""
    server = make("away")
    traces = Traces(tenant, server)
    cloud.kill("node")
    delete(tenant, server, times=2)
    cloud.up()
    gone(tenant, server, traces)


def test_creates_and_deletes_race_against_the_quota(cloud, tenant, place, blank):
    """Many at once by many clients: never more than the quota lets in, and the count is right at the end."""
    token = cloud.new_token(ADMIN)
    quota = f"{COMPUTE}/os-quota-sets/{tenant.project.id}"
    assert cloud.api("PUT", quota, token, json={"quota_set": {"instances": 3}}).status_code == 200
    body = {"server": {"name": "race", "imageRef": blank.id, "flavorRef": tenant.flavor.id,
        "networks": [{"uuid": place.network.id}]}}
    made, answers = [], []

    def race():
        for _ in range(3):
            answer = cloud.api("POST", f"{COMPUTE}/servers", tenant.token, json=body)
            answers.append(answer.status_code)
            if answer.status_code == 202:
                made.append(answer.json()["server"]["id"])
                cloud.api("DELETE", f"{COMPUTE}/servers/{made[-1]}", tenant.token)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    most = 0
    while any(t.is_alive() for t in threads):
        most = max(most, len(tenant.api("GET", f"{COMPUTE}/servers").json()["servers"]))
    assert set(answers) <= {202, 403} and 202 in answers, answers
    assert most <= 3, f"{most} servers at once, the quota is 3"
    wait_for("all gone", lambda: not tenant.api("GET", f"{COMPUTE}/servers").json()["servers"], GONE_SECONDS,
        explain=cloud.explain)
    check_ledgers(cloud, tenant)
    assert not [d for d in hostlib.domains(cloud.tag) if any(i in d for i in made)]
    cloud.api("DELETE", quota, token)
