"""A backup while the cloud runs; a server after it; the restore: nothing of a host is deleted, and the cloud can move
to PostgreSQL with everything it has."""

import shutil

import pytest

import daemons
import hostlib
from cloudlib import ADMIN
from conftest import FLAVOR, another_cloud, upload
from hostlib import wait_for
from pgserver import Postgres
from tenant import Tenant


class Place:
    def __init__(self, cloud, blank_file, folder):
        self.cloud, self.folder, self.file = cloud, folder, folder / "cloud.backup"
        self.blank = upload(cloud, blank_file, "blank")
        flavor = cloud.sdk(ADMIN).compute.find_flavor(FLAVOR, ignore_missing=False)
        self.tenant = Tenant(cloud, folder, self.blank, flavor, "backup")
        self.network = self.tenant.network("10.39.0.0/24")
        self.old = self.make("old")

    def make(self, name):
        return self.tenant.status(self.tenant.create(self.network, None, name), "ACTIVE")

    def verb(self, verb, *words, check=True):
        return self.cloud.haneul(verb, *words, "--state-dir", self.cloud.state, check=check)

    def guests(self, *servers):
        return {s.id: hostlib.processes("qemu-system", s.id) for s in servers}

    def quarantined(self):
        answer = self.cloud.api("GET", "/haneul/v1/quarantine", self.cloud.new_token(ADMIN))
        return {entry["subject"] for entry in answer.json()["quarantine"]}

    def known(self):
        return {s.id for s in self.cloud.sdk(ADMIN).compute.servers(all_projects=True)}


@pytest.fixture(scope="module")
def place(blank_file, tmp_path_factory):
    with another_cloud() as cloud:
        yield Place(cloud, blank_file, tmp_path_factory.mktemp("backup"))


def test_check_finds_a_living_cloud_sound(place):
    assert "invariants hold" in place.verb("check").stdout
    assert "compute.claims: " in place.verb("check", "--list").stdout


def test_a_backup_is_made_while_everything_runs(place):
    done = place.verb("backup", place.file, "--with-images")
    assert "holds this cloud" in done.stdout
    assert place.file.stat().st_mode & 0o777 == 0o600
    assert not list(place.folder.glob("*.part"))


def test_a_damaged_backup_changes_nothing(place):
    """With control stopped, which is the first thing a restore looks for, and for each way a file gets damaged."""
    place.cloud.down()
    store = place.cloud.state / "control" / "store.sqlite"
    before = store.read_bytes()
    whole, damaged = place.file.read_bytes(), place.folder / "damaged"
    for spot in (0, 1000, len(whole) // 2, len(whole) - 3):
        damaged.write_bytes(whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1:])
        done = place.verb("restore", damaged, check=False)
        assert done.returncode != 0 and "Nothing was changed" in done.stderr, done.stderr
    damaged.write_bytes(whole[:-100])
    assert place.verb("restore", damaged, check=False).returncode != 0
    assert store.read_bytes() == before
    daemons.up(place.cloud)
    assert place.known() == {place.old.id}


def test_a_restore_deletes_nothing(place):
    later = place.make("later")
    guests = place.guests(place.old, later)
    assert place.verb("restore", place.file, check=False).returncode != 0, "control runs"
    place.cloud.down()
    done = place.verb("restore", place.file)
    assert "epoch 2 begins" in done.stdout
    assert (place.cloud.state / "control" / "store.sqlite.before-restore").exists()
    daemons.up(place.cloud)
    place.cloud.connections.clear()
    wait_for("in quarantine", lambda: f"server/{later.id}" in place.quarantined(), 60, explain=place.cloud.explain)
    assert place.guests(place.old, later) == guests, "a guest was touched"
    assert place.known() == {place.old.id}
    assert "invariants hold" in place.verb("check").stdout
    # The one it knows is governed as ever.
    place.tenant.sdk = place.cloud.connect(**place.tenant.auth)
    place.tenant.token = place.cloud.new_token(place.tenant.auth)
    fresh = place.make("fresh")
    place.tenant.delete(fresh)


def test_the_cloud_moves_to_postgresql(place):
    guests = place.guests(place.old)
    server = Postgres()
    try:
        place.verb("backup", place.file)
        place.cloud.down()
        done = place.verb("restore", place.file, "--store", server.url)
        assert "epoch 3 begins" in done.stdout, done.stdout
        done = place.cloud.up("--controls", "2", check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{place.cloud.explain()}"
        place.cloud.connections.clear()
        assert place.known() == {place.old.id} and place.guests(place.old) == guests
        assert server.psql("SELECT count(*) FROM server") == "1"
        place.tenant.sdk = place.cloud.connect(**place.tenant.auth)
        place.tenant.token = place.cloud.new_token(place.tenant.auth)
        fresh = place.make("fresh")
        place.tenant.delete(fresh)
        # One control alone again.
        assert place.cloud.up("--controls", "1").returncode == 0
        assert place.cloud.process("control-2") is None
        place.cloud.down("--clear-host")
    finally:
        place.cloud.down(check=False)
        server.remove()
        shutil.rmtree(server.folder, ignore_errors=True)
