"""A disk that is full, hangs, is slow or read-only, and a clock that is stepped: errors are clear, nothing is
corrupted, and all goes on when the cause is gone. On a second cloud, whose state stands on a small disk of its own; the
false clock is seen by its two processes only."""

import contextlib
import os
import secrets
import shutil
import sqlite3
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

import daemons
import hostlib
from cloudlib import ADMIN, COMPUTE
from conftest import FLAVOR, another_cloud, upload
from faults import INSIDE
from hostlib import run, wait_for
from meddle import seconds
from slate import check_ledgers
from tenant import Tenant

# The image store leaves one GiB free.
DISK_MIB = 6000
END_SECONDS = 90


class Disk:
    """A small ext4 in a file."""

    def __init__(self):
        name = f"/var/tmp/haneul-disk-{secrets.token_hex(4)}"
        self.file, self.mount = Path(name + ".img"), Path(name)
        self.mount.mkdir()
        with open(self.file, "wb") as file:
            file.truncate(DISK_MIB << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", self.file)
        self.attach()

    def attach(self):
        run("mount", "-o", "loop,errors=remount-ro", self.file, self.mount)
        self.device = run("findmnt", "-no", "SOURCE", self.mount).stdout.strip().removeprefix("/dev/")

    def detach(self):
        wait_for("unmounted", lambda: run("umount", self.mount, check=False).returncode == 0, 30,
            explain=lambda: run("fuser", "-vm", self.mount, check=False).stderr[:2000])

    @contextlib.contextmanager
    def full(self):
        """Not one more byte."""
        filler = self.mount / "filler"
        file = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            space = os.statvfs(self.mount)
            os.posix_fallocate(file, 0, max(1, space.f_bavail * space.f_frsize - (1 << 20)))
            with contextlib.suppress(OSError):
                while True:
                    os.write(file, bytes(4096))
            yield
        finally:
            os.close(file)
            filler.unlink()

    @contextlib.contextmanager
    def frozen(self):
        """Whoever writes waits."""
        run("fsfreeze", "-f", self.mount)
        try:
            yield
        finally:
            run("fsfreeze", "-u", self.mount)

    def break_it(self):
        """An error of the file system, after which the kernel lets nobody write."""
        Path(f"/sys/fs/ext4/{self.device}/trigger_fs_error").write_text("1")


class Place:
    def __init__(self, cloud, disk, blank_file, folder):
        self.cloud, self.disk = cloud, disk
        image = upload(cloud, blank_file, "blank")
        flavor = cloud.sdk(ADMIN).compute.find_flavor(FLAVOR, ignore_missing=False)
        self.tenant = Tenant(cloud, folder, image, flavor, "disk")
        self.network = self.tenant.network("10.39.0.0/24")
        self.light = self.make("light")
        self.writes = 0

    def make(self, name):
        return self.tenant.status(self.tenant.create(self.network, None, name), "ACTIVE", timeout=END_SECONDS)

    def write(self):
        """One small write of the API."""
        self.writes += 1
        return self.cloud.api(
            "PUT", f"{COMPUTE}/servers/{self.light.id}", self.tenant.token, timeout=60,
            json={"server": {"name": f"light-{self.writes}"}})

    def reads(self):
        answer = self.tenant.api("GET", f"{COMPUTE}/servers/detail")
        return answer.status_code == 200 and answer.json()["servers"]

    def qemu(self):
        return hostlib.processes("qemu-system", self.light.id)

    def goes_on(self):
        """Writes are taken, a server comes and goes, and the ledgers are right."""
        wait_for("writes", lambda: self.write().status_code == 200, END_SECONDS, explain=self.cloud.explain)
        self.tenant.delete(self.make("afterwards"), timeout=END_SECONDS)
        check_ledgers(self.cloud, self.tenant)
        store = self.cloud.state / "control" / "store.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as found:
            assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def is_refused(self, answer):
        """A refusal that says what is wrong, in the service's own words."""
        assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
        message = next(iter(answer.json().values()))["message"]
        assert len(message) > 20 and not INSIDE.search(message), message
        return message


@pytest.fixture(scope="module")
def place(cloud, blank_file, tmp_path_factory):
    disk = Disk()
    try:
        with another_cloud(str(disk.mount / "state")) as other:
            yield Place(other, disk, blank_file, tmp_path_factory.mktemp("disk"))
    finally:
        disk.detach()
        disk.file.unlink()
        disk.mount.rmdir()


def test_a_full_disk(place):
    """The store takes no more: 503 with words; reads go on, guests run on, and freed space is enough to go on."""
    life = place.qemu()
    with place.disk.full():
        answers = []
        while not answers or answers[-1].status_code == 200:
            assert len(answers) < 3000, "the disk is full and every write is taken"
            answers.append(place.write())
        place.is_refused(answers[-1])
        assert place.reads()
        # A restart of both on the full disk comes back, or says why not; it damages nothing.
        for role in daemons.ROLES:
            place.cloud.kill(role)
        done = place.cloud.up(check=False)
        assert done.returncode == 0 or len(done.stderr) > 20, done
        assert place.qemu() == life
    daemons.up(place.cloud)
    place.goes_on()
    assert place.qemu() == life


def test_a_full_disk_under_the_node(place):
    """A server asked for just before the disk was full: it waits, with a reason, and comes when there is room."""
    place.cloud.kill("node")
    asked = place.tenant.create(place.network, None, "cramped")
    with place.disk.full():
        daemons.start(place.cloud, "node")
        time.sleep(5)
        assert place.tenant.sdk.compute.get_server(asked.id).status in ("BUILD", "ERROR")
    daemons.up(place.cloud)
    server = wait_for(
        "made or refused", lambda: (s := place.tenant.sdk.compute.get_server(asked.id)).status != "BUILD" and s,
        200, explain=lambda: place.cloud.explain(asked.id))
    assert server.status == "ACTIVE" or server.fault["message"], server
    place.tenant.delete(asked)
    place.goes_on()


def test_a_disk_that_hangs(place):
    """Frozen for some seconds, with the file system's own means, which hold even SQLite's readers: whoever asked has
    his answer or a refusal once it thaws, and all goes on after."""
    life, answers = place.qemu(), []

    def ask(how):
        try:
            answers.append(how().status_code)
        except requests.Timeout:
            answers.append("timeout")

    def read():
        return place.tenant.api("GET", f"{COMPUTE}/servers/detail")

    with place.disk.frozen():
        askers = [threading.Thread(target=ask, args=[how]) for how in (place.write, read) * 3]
        for asker in askers:
            asker.start()
        time.sleep(8)
    for asker in askers:
        asker.join(90)
    assert set(answers) <= {200, 503}, answers
    place.goes_on()
    assert place.qemu() == life


def test_a_slow_disk(place):
    """It stands still more than it works: servers come and go all the same."""
    over = threading.Event()

    def brake():
        while not over.is_set():
            with place.disk.frozen():
                time.sleep(0.3)
            time.sleep(0.15)

    braking = threading.Thread(target=brake)
    braking.start()
    try:
        server = place.make("slow")
        place.tenant.delete(server, timeout=END_SECONDS)
    finally:
        over.set()
        braking.join(30)
    place.goes_on()


def test_a_read_only_disk_at_the_start(place):
    """`haneul up` says what is wrong, and touches nothing."""
    cloud, life = place.cloud, place.qemu()
    for server in list(place.tenant.sdk.compute.servers()):
        place.tenant.delete(server)
    assert life and not place.qemu()
    cloud.down()
    stop_everything(cloud)
    run("mount", "-o", "remount,ro", place.disk.mount)
    try:
        done = cloud.up(check=False)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert "read-only" in said.lower() or "cannot write" in said.lower(), said
    finally:
        run("mount", "-o", "remount,rw", place.disk.mount)
    daemons.up(cloud)
    place.light = place.make("light")
    place.goes_on()


def test_a_disk_that_becomes_read_only(place):
    """The kernel lets nobody write any more: reads go on, writes are refused with words. After a repair of the file
    system, which takes everything off it, all is as it was."""
    place.disk.break_it()
    try:
        refused = wait_for("a refusal", lambda: [a for a in [place.write()] if a.status_code != 200], 30)
        place.is_refused(refused[0])
        assert place.reads()
    finally:
        for role in daemons.ROLES:
            place.cloud.kill(role)
        stop_everything(place.cloud)
        place.disk.detach()
        mended = run("e2fsck", "-fy", place.disk.file, check=False)
        place.disk.attach()
        daemons.up(place.cloud)
    assert mended.returncode in (0, 1), mended.stdout
    wait_for("the guest again", place.qemu, END_SECONDS, explain=place.cloud.explain)
    place.tenant.status(place.light, "ACTIVE", timeout=END_SECONDS)
    place.goes_on()


def stop_everything(cloud):
    """Ends the guests and daemons of a cloud that keep files of its disk open."""
    for process in [*hostlib.processes("qemu-system", f"haneul-{cloud.tag}-"), *hostlib.processes(str(cloud.state))]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, 9)


# --- the clock


class Clock:
    """A clock that both processes of a cloud go by, and nobody else."""

    def __init__(self, cloud, folder):
        self.file = folder / "clock"
        shim = folder / "clock.so"
        run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", shim, Path(__file__).with_name("clock.c"))
        self.file.write_bytes(bytes(8))
        self.file.chmod(0o644)
        env = {"LD_PRELOAD": str(shim), "STEPPED_CLOCK": str(self.file)}
        for role in daemons.ROLES:
            cloud.kill(role)
        daemons.start(cloud, "control", env)
        daemons.await_api(cloud)
        daemons.start(cloud, "node", env)
        daemons.await_node(cloud)

    def set(self, seconds):
        with open(self.file, "r+b", buffering=0) as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


@pytest.fixture
def clock(place):
    folder = Path(f"/var/tmp/haneul-clock-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o755)
    yield Clock(place.cloud, folder)
    for role in daemons.ROLES:
        if place.cloud.process(role):
            place.cloud.kill(role)
    daemons.up(place.cloud)
    shutil.rmtree(folder)


def drift_is_repaired(place):
    life = place.qemu()
    run(*hostlib.VIRSH, "destroy", f"haneul-{place.cloud.tag}-{place.light.id}")
    wait_for("booted again", lambda: place.qemu() not in ([], life), END_SECONDS, explain=place.cloud.explain)
    place.tenant.status(place.light, "ACTIVE", timeout=END_SECONDS)


def node_is_up(place, token):
    def state():
        services = place.cloud.api("GET", f"{COMPUTE}/os-services", token).json()["services"]
        return services and all(s["state"] == "up" for s in services)
    wait_for("the host up", state, END_SECONDS, explain=place.cloud.explain)


@pytest.mark.parametrize("step", [3600, -3600], ids=["an hour forward", "an hour back"])
def test_the_clock_is_stepped(place, clock, step):
    """Logins, new servers, reboots and the repair of drift go on at once, not in an hour; then it is stepped back."""
    assert place.reads()
    life, before = place.qemu(), time.time()
    underway = place.tenant.create(place.network, None, "underway")
    for at in (step, 0):
        clock.set(at)
        # An old token may be over by the new clock; a new login may not fail.
        place.tenant.token = place.cloud.new_token(place.tenant.auth)
        token = place.tenant.api("GET", "/identity/v3/auth/tokens", headers={"X-Subject-Token": place.tenant.token})
        assert abs(seconds(token.json()["token"]["issued_at"]) - before - at) < 1800, "control has another clock"
        place.cloud.connections.clear()
        place.tenant.sdk = place.cloud.connect(**place.tenant.auth)
        assert place.reads()
        node_is_up(place, place.cloud.new_token(ADMIN))
        assert place.qemu() == life, "the step ended a guest"
        drift_is_repaired(place)
        life = place.qemu()
        place.goes_on()
        server = place.tenant.sdk.compute.get_server(underway.id)
        assert server.status == "ACTIVE" or (server.status == "ERROR" and server.fault["message"]), server
    place.tenant.delete(underway)
