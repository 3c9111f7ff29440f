"""Control and node are killed at random moments while servers come, reboot and go: every one ends as asked, or in
ERROR with a reason, and nothing is left. SEED=n tells a run again."""

import os
import random
import time

import pytest

import hostlib
from cloudlib import COMPUTE
from daemons import Killer, patient, up
from hostlib import wait_for
from slate import Traces, await_clean, check_ledgers

SEED = int(os.environ.get("SEED", time.time()))
KILLS, SERVERS = 20, 10
END_SECONDS = 90


class Fleet:
    """Ten servers, one of them with a system in it, asked for while nobody may be there to hear it."""

    def __init__(self, tenant, place, blank):
        self.tenant, self.place, self.blank = tenant, place, blank
        self.prefix = f"{tenant.name}-rolling"
        self.ids = {}

    def all(self):
        """The servers there are, by name."""
        answer = patient(lambda: self.tenant.api("GET", f"{COMPUTE}/servers/detail"))
        if answer.status_code != 200:
            return self.all_later(answer)
        return {s["name"]: s for s in answer.json()["servers"] if s["name"].startswith(self.prefix)}

    def all_later(self, answer):
        assert answer.status_code == 503, answer.text
        time.sleep(0.2)
        return self.all()

    def create(self, number):
        """Asks until the server is there. A broken connection says neither that it was made nor that it was not."""
        name = f"{self.prefix}-{number}"
        body = {"server": {
            "name": name, "imageRef": (self.tenant.image if number == 0 else self.blank).id,
            "flavorRef": self.tenant.flavor.id, "key_name": self.tenant.keypair.name,
            "networks": [{"uuid": self.place.network.id}], "security_groups": [{"name": self.place.group.id}]}}

        def ask():
            known = self.all().get(name)
            if known:
                return known["id"]
            answer = self.tenant.api("POST", f"{COMPUTE}/servers", json=body)
            assert answer.status_code in (202, 503), answer.text
            return answer.json()["server"]["id"] if answer.status_code == 202 else None

        self.ids[name] = wait_for(f"{name} asked for", lambda: patient(ask), 60)
        return name

    def act(self, name, body):
        """Asks until the action is accepted. Returns whether it was: a server in ERROR may refuse it."""
        path = f"{COMPUTE}/servers/{self.ids[name]}/action"

        def ask():
            answer = patient(lambda: self.tenant.api("POST", path, json=body))
            assert answer.status_code in (202, 409, 503), answer.text
            if answer.status_code == 202:
                return "accepted"
            return "refused" if self.all()[name]["status"] == "ERROR" else None

        return wait_for(f"{body} of {name}", ask, END_SECONDS, explain=lambda: self.explain(name)) == "accepted"

    def settled(self, name):
        """Waits until nothing is under way any more; the server, ACTIVE or in ERROR with a reason."""
        def look():
            server = self.all()[name]
            if server["OS-EXT-STS:task_state"] is not None or server["status"] not in ("ACTIVE", "ERROR"):
                return None
            return server
        server = wait_for(f"{name} settled", look, END_SECONDS, explain=lambda: self.explain(name))
        if server["status"] == "ERROR":
            assert server["fault"]["message"], f"in ERROR without a reason: {server}"
        return server

    def delete(self, name):
        path = f"{COMPUTE}/servers/{self.ids[name]}"

        def ask():
            answer = patient(lambda: self.tenant.api("DELETE", path))
            assert answer.status_code in (204, 404, 503), answer.text
            return answer.status_code != 503

        wait_for(f"{name} asked to go", ask, 60)

    def explain(self, name):
        return self.tenant.cloud.explain(self.ids[name])


@pytest.fixture(scope="module")
def fleet(tenant, reachable, blank):
    return Fleet(tenant, reachable, blank)


def test_twenty_kills_while_servers_come_and_go(cloud, tenant, fleet):
    print(f"SEED={SEED}")
    source = random.Random(SEED)
    killer = Killer(cloud, random.Random(SEED + 1), KILLS)
    try:
        faults = _roll(fleet, source, killer)
    except BaseException as error:
        raise AssertionError(f"SEED={SEED}, killed so far: {killer.done}") from error
    finally:
        killer.times = 0
        killer.thread.join(120)
        up(cloud)
    print(f"killed: {killer.done}; in ERROR at the end: {faults or 'none'}")


def _roll(fleet, source, killer):
    names = [fleet.create(n) for n in range(SERVERS - 2)]
    # What goes while it is being made goes, too; and makes room for the rest on a host of two cores.
    early = source.sample(names[1:], 2)
    for name in early:
        fleet.delete(name)
    wait_for("two gone", lambda: not set(early) & set(fleet.all()), END_SECONDS, explain=fleet.tenant.cloud.explain)
    names += [fleet.create(n) for n in range(SERVERS - 2, SERVERS)]
    stay = [n for n in names if n not in early]
    for name in stay:
        fleet.settled(name)
    rounds = 0
    while rounds == 0 or not killer.finished:
        rounds += 1
        some = source.sample(stay, 3) if rounds > 1 else stay
        kinds = {name: source.choice(["HARD", "HARD", "SOFT"] if name.endswith("-0") else ["HARD"]) for name in some}
        for name in some:
            fleet.act(name, {"reboot": {"type": kinds[name]}})
        for name in some:
            fleet.settled(name)
    killer.wait()
    ends = {name: fleet.settled(name) for name in stay}
    assert set(fleet.all()) == set(stay), "another set of servers than was asked for"
    running = set(hostlib.domains(fleet.tenant.cloud.tag))
    for name, server in ends.items():
        known = [d for d in running if server["id"] in d]
        assert len(known) == 1 or server["status"] == "ERROR", f"{name}: {known}"
    return {n: s["fault"]["message"] for n, s in ends.items() if s["status"] == "ERROR"}


def test_the_one_with_a_system_can_be_logged_into(cloud, tenant, fleet):
    name = f"{fleet.prefix}-0"
    server = tenant.sdk.compute.get_server(fleet.ids[name])
    assert server.status == "ACTIVE", server.fault
    floating = tenant.floating(server)
    tenant.await_ssh(floating, server, timeout=120)
    check_ledgers(cloud, tenant)


def test_then_nothing_is_left(cloud, tenant, fleet):
    """Two more kills while all of them are deleted; then a clean slate."""
    ids = [tenant.sdk.compute.get_server(s["id"]) for s in fleet.all().values()]
    traces = [Traces(tenant, server) for server in ids]
    killer = Killer(cloud, random.Random(SEED + 2), 3)
    for name in fleet.all():
        fleet.delete(name)
    killer.wait()
    wait_for("all gone", lambda: not fleet.all(), END_SECONDS, explain=cloud.explain)
    await_clean(cloud, tenant, traces)
    for floating in tenant.sdk.network.ips():
        tenant.sdk.network.delete_ip(floating.id)
