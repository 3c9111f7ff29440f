"""A cloud on PostgreSQL with two control processes: the main job, one of them killed, the server restarted or gone."""

import contextlib
import threading
import time
import uuid

import pytest
import requests

import daemons
import hostlib
from cloudlib import ADMIN, COMPUTE, IDENTITY, IMAGE
from conftest import FLAVOR, OTHER_PORT, another_cloud, measured, upload
from hostlib import wait_for
from pgserver import Postgres
from tenant import Tenant

CARRY_ON_SECONDS = 10
GONE_SECONDS = 30
CONTROLS = {"control": OTHER_PORT, "control-2": OTHER_PORT + 1}


class Place:
    """A cloud with two controls, and a guest that answers ssh."""

    def __init__(self, cloud, server, folder):
        self.cloud, self.server = cloud, server
        admin = cloud.sdk(ADMIN)
        flavor = admin.compute.find_flavor(FLAVOR, ignore_missing=False)
        self.tenant = Tenant(cloud, folder, upload(cloud, IMAGE, "tiny"), flavor, "postgres")
        self.token = cloud.new_token(ADMIN)
        self.network = self.tenant.network("10.38.0.0/24")
        self.tenant.router(self.network)
        self.group = self.tenant.group("icmp", "tcp:22")
        self.guest = self.tenant.create(self.network, self.group, "guest")
        self.tenant.status(self.guest, "ACTIVE")
        self.floating = self.tenant.floating(self.guest)
        self.tenant.ready(self.guest)
        self.tenant.await_ssh(self.floating, self.guest)

    def request(self, control, method, path, timeout=30, **more):
        """One request to the control of that name."""
        headers = {"X-Auth-Token": self.token}
        return requests.request(
            method, f"http://127.0.0.1:{CONTROLS[control]}{path}", headers=headers, timeout=timeout, **more)

    def lease(self):
        """The control that runs the convergers; empty where nobody does."""
        holder = self.server.psql("SELECT holder FROM lease WHERE name = 'convergers'").rpartition("/")[2]
        return {"": "", "1": "control"}.get(holder, f"control-{holder}")

    def life(self):
        """What must not change: the guest's process, and its boot."""
        boot = self.tenant.ssh(self.floating, "cat /proc/sys/kernel/random/boot_id")
        return hostlib.processes("qemu-system", self.guest.id), boot.strip()

    def console(self, control):
        return self.request(
            control, "POST", f"{COMPUTE}/servers/{self.guest.id}/action", json={"os-getConsoleOutput": {}})

    def works(self):
        """Both controls serve, one runs the convergers, the node speaks to one, and a server can be made and deleted."""
        daemons.await_node(self.cloud)
        for control in CONTROLS:
            wait_for(
                f"the console by {control}", lambda: self.console(control).status_code == 200, 60,
                explain=self.cloud.explain)
        fresh = self.tenant.create(self.network, None, "fresh")
        self.tenant.status(fresh, "ACTIVE")
        self.tenant.delete(fresh)
        done = self.cloud.haneul("check", "--state-dir", self.cloud.state, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class Writers:
    """Clients that make projects at both controls all the time, and remember which were acknowledged."""

    def __init__(self, place, count=4):
        self.place, self.stopped = place, threading.Event()
        self.acknowledged, self.refused, self.lock = {}, [], threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        names = list(CONTROLS)
        while not self.stopped.is_set():
            number += 1
            control, name = names[number % len(names)], f"w-{uuid.uuid4()}"
            try:
                answer = self.place.request(
                    control, "POST", f"{IDENTITY}/projects", json={"project": {"name": name}}, timeout=60)
            except requests.RequestException:
                time.sleep(0.05)
                continue
            with self.lock:
                if answer.status_code == 201:
                    self.acknowledged[answer.json()["project"]["id"]] = (control, time.monotonic())
                else:
                    self.refused.append((answer.status_code, answer.headers.get("Retry-After")))
            if answer.status_code != 201:
                time.sleep(0.1)

    def since(self, moment, control=None):
        with self.lock:
            return [t for c, t in self.acknowledged.values() if t > moment and control in (None, c)]

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(90)

    def lost(self):
        """Acknowledged projects that are not there."""
        answer = self.place.request("control", "GET", f"{IDENTITY}/projects", timeout=60)
        assert answer.status_code == 200, answer.text
        return set(self.acknowledged) - {p["id"] for p in answer.json()["projects"]}

    def remove(self):
        for project in list(self.acknowledged):
            self.place.request("control", "DELETE", f"{IDENTITY}/projects/{project}")


@contextlib.contextmanager
def writing(place):
    writers = Writers(place)
    try:
        wait_for("writes at both", lambda: all(writers.since(0, c) for c in CONTROLS), 30)
        yield writers
    finally:
        writers.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    server = Postgres()
    try:
        with another_cloud(more=("--store", server.url, "--controls", "2")) as cloud:
            yield Place(cloud, server, tmp_path_factory.mktemp("postgres"))
    finally:
        server.remove()


def test_any_control_serves_the_main_job(place):
    """The server with network, floating IP and ssh is there already; both controls tell of it alike."""
    said = [place.request(c, "GET", f"{COMPUTE}/servers/{place.guest.id}").json()["server"] for c in CONTROLS]
    for server in said:
        server.pop("links"), server["flavor"].pop("links", None), server["image"].pop("links", None)
    assert said[0] == said[1]
    # What one made the other changes and deletes at once, and tokens of either hold at both.
    made = place.request("control", "POST", f"{IDENTITY}/projects", json={"project": {"name": "both"}}).json()["project"]
    path = f"{IDENTITY}/projects/{made['id']}"
    assert place.request("control-2", "PATCH", path, json={"project": {"description": "x"}}).status_code == 200
    assert place.request("control", "GET", path).json()["project"]["description"] == "x"
    assert place.request("control-2", "DELETE", path).status_code == 204
    assert place.request("control", "GET", path).status_code == 404
    place.works()


def test_status_and_doctor_know_both(place):
    done = place.cloud.status()
    assert done.returncode == 0, done.stdout
    for control, port in CONTROLS.items():
        assert control in done.stdout and f"http://127.0.0.1:{port} answers" in done.stdout
    assert "runs the convergers" in done.stdout and "epoch    1" in done.stdout
    assert place.cloud.haneul("doctor", "--state-dir", place.cloud.state, check=False).returncode in (0, 1)


def test_the_password_is_shown_nowhere(place):
    secret, state = place.server.password, place.cloud.state
    assert (state / "control" / "store.url").stat().st_mode & 0o777 == 0o600
    assert not hostlib.processes(secret)
    assert secret not in (state / "cloud.json").read_text()
    assert not [p for p in (state / "log").rglob("*") if p.is_file() and secret in p.read_text(errors="replace")]
    for verb in ("status", "doctor", "check"):
        done = place.cloud.haneul(verb, "--state-dir", state, check=False)
        assert secret not in done.stdout + done.stderr


def test_a_store_is_not_exchanged_by_the_way(place, tmp_path):
    done = place.cloud.up("--store", place.server.url + "&application_name=x", check=False)
    assert done.returncode != 0 and "haneul down" in done.stderr, done.stderr


@pytest.mark.parametrize("victim", ["holder", "other"])
def test_one_is_killed_and_the_other_carries_on(place, victim):
    wait_for("somebody holds the lease", place.lease, 30)
    holder = place.lease()
    killed = holder if victim == "holder" else next(c for c in CONTROLS if c != holder)
    left = next(c for c in CONTROLS if c != killed)
    life = place.life()
    with writing(place) as writers:
        # Work that only convergers and the node's stream bring to its end.
        doomed = place.tenant.create(place.network, None, "doomed")
        place.cloud.kill(killed)
        moment = time.monotonic()
        wait_for("writes at the one that is left", lambda: writers.since(moment, left), CARRY_ON_SECONDS, every=0.02)
        wait_for("the lease", lambda: place.lease() == left, CARRY_ON_SECONDS, every=0.05, explain=place.cloud.explain)
        measured.append(f"PostgreSQL: {killed} ({victim}) killed, {left} has the lease after "
                        f"{time.monotonic() - moment:.1f} s")
        wait_for(
            "the node at the one that is left", lambda: place.console(left).status_code == 200, CARRY_ON_SECONDS,
            explain=place.cloud.explain)

        def active():
            answer = place.request(left, "GET", f"{COMPUTE}/servers/{doomed.id}")
            return answer.json()["server"]["status"] == "ACTIVE"
        wait_for("the server that was asked for", active, 60, explain=place.cloud.explain)
        assert place.cloud.status().returncode == 1
        daemons.up(place.cloud)
    assert len(writers.acknowledged) > 20
    assert writers.lost() == set()
    assert place.life() == life, "the guest was touched"
    place.tenant.delete(doomed)
    writers.remove()
    place.works()


def test_a_clean_shutdown_hands_the_lease_over_at_once(place):
    wait_for("somebody holds the lease", place.lease, 30)
    holder = place.lease()
    left = next(c for c in CONTROLS if c != holder)
    hostlib.run("kill", "-TERM", place.cloud.process(holder))
    wait_for("the lease", lambda: place.lease() == left, CARRY_ON_SECONDS, every=0.02, explain=place.cloud.explain)
    daemons.up(place.cloud)


@pytest.mark.parametrize("how", ["restarted", "crashed", "gone"])
def test_postgresql_goes_and_comes_back(place, how):
    life, began = place.life(), time.monotonic()
    with writing(place) as writers:
        place.server.stop("fast" if how == "restarted" else "immediate")
        if how == "gone":
            for control in CONTROLS:
                for method, path, body in (
                    ("GET", f"{COMPUTE}/servers", None),
                    ("POST", f"{IDENTITY}/projects", {"project": {"name": f"never-{uuid.uuid4()}"}}),
                ):
                    answer = place.request(control, method, path, json=body)
                    assert answer.status_code == 503, f"{control} {method}: {answer.status_code} {answer.text}"
                    assert int(answer.headers["Retry-After"]) > 0
            time.sleep(GONE_SECONDS)
            assert hostlib.ping(place.floating, count=2) == 2
        place.server.start()
        back = time.monotonic()
        for control in CONTROLS:
            wait_for(f"writes at {control}", lambda: writers.since(back, control), 30, explain=place.cloud.explain)
        measured.append(f"PostgreSQL {how}: writes again {time.monotonic() - back:.1f} s after it answered")
    assert {status for status, _ in writers.refused} <= {503}
    assert all(retry for _, retry in writers.refused)
    assert writers.lost() == set()
    assert place.life() == life, "the guest was touched"
    wait_for("somebody holds the lease", place.lease, 30)
    node = place.server.psql("SELECT up FROM node")
    assert node == "1", "the node was declared down for what was the store's"
    assert {c: place.cloud.process(c) is not None for c in CONTROLS} == dict.fromkeys(CONTROLS, True)
    writers.remove()
    place.works()
    print(f"{how}: {time.monotonic() - began:.1f} s")


def test_a_backup_of_both_is_restored(place, tmp_path):
    file = tmp_path / "cloud.backup"
    place.cloud.haneul("backup", file, "--state-dir", place.cloud.state)
    later = place.tenant.create(place.network, None, "later")
    place.tenant.status(later, "ACTIVE")
    life = place.life()
    refused = place.cloud.haneul("restore", file, "--state-dir", place.cloud.state, check=False)
    assert refused.returncode != 0 and "haneul down" in refused.stderr
    place.cloud.down()
    done = place.cloud.haneul("restore", file, "--state-dir", place.cloud.state)
    assert "epoch 2" in done.stdout, done.stdout
    daemons.up(place.cloud)
    listed = wait_for(
        "in quarantine",
        lambda: f"server/{later.id}" in place.request("control", "GET", "/haneul/v1/quarantine").text, 60,
        explain=place.cloud.explain)
    assert listed and place.life() == life
    assert hostlib.processes("qemu-system", later.id)
    place.works()
