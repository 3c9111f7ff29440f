"""A store from an hour ago, an empty store, another cloud's store: no guest is deleted; what control does not know
stands in quarantine, listed, until somebody decides."""

import shutil

import pytest

import daemons
import hostlib
from cloudlib import ADMIN, COMPUTE
from conftest import FLAVOR, another_cloud, upload
from hostlib import wait_for
from tenant import Tenant

LISTED_SECONDS = 60


class Spare:
    """A second cloud with a server from before its backup and one from after."""

    def __init__(self, cloud, blank_file, folder):
        self.cloud, self.folder = cloud, folder
        admin = cloud.sdk(ADMIN)
        self.blank = upload(cloud, blank_file, "blank")
        flavor = admin.compute.find_flavor(FLAVOR, ignore_missing=False)
        self.tenant = Tenant(cloud, folder, self.blank, flavor, "stores")
        self.network = self.tenant.network("10.36.0.0/24")
        self.old = self.make("old")
        self.backup = folder / "backup"
        self.save(cloud, self.backup)
        self.later = self.tenant.network("10.37.0.0/24", "later")
        self.new = [self.make(f"new-{n}", self.later) for n in range(2)]

    def make(self, name, network=None):
        server = self.tenant.create(network or self.network, None, name)
        return self.tenant.status(server, "ACTIVE")

    @property
    def servers(self):
        return [self.old, *self.new]

    @staticmethod
    def files(cloud):
        return sorted((cloud.state / "control").glob("store.sqlite*"))

    @classmethod
    def save(cls, cloud, folder):
        """A copy of the store as it is, with control stopped for a moment."""
        cloud.kill("control")
        folder.mkdir()
        for path in cls.files(cloud):
            shutil.copy(path, folder / path.name)
        daemons.up(cloud)

    def put(self, folder=None):
        """Control's store becomes another one (none: an empty one), and control is started if it will."""
        self.cloud.kill("control")
        for path in self.files(self.cloud):
            path.unlink()
        for path in folder.iterdir() if folder else ():
            there = self.cloud.state / "control" / path.name
            shutil.copy(path, there)
            shutil.chown(there, "haneul", "haneul")
            there.chmod(0o600)
        self.cloud.connections.clear()
        return self.cloud.up(check=False)

    def guests(self):
        """The QEMU process of each server."""
        return {s.name: hostlib.processes("qemu-system", s.id) for s in self.servers}

    def quarantine(self):
        answer = self.cloud.api("GET", "/haneul/v1/quarantine", self.cloud.new_token(ADMIN))
        assert answer.status_code == 200, answer.text
        return {e["subject"]: e for e in answer.json()["quarantine"]}

    def await_listed(self, *servers):
        wanted = {f"server/{s.id}" for s in servers}
        return wait_for(
            "in quarantine", lambda: wanted <= set(self.quarantine()) and self.quarantine(), LISTED_SECONDS,
            explain=self.cloud.explain)

    def remove(self, server, entry):
        """The operator decides: this one goes."""
        done = self.cloud.haneul(
            "quarantine", "--remove", f"server/{server.id}", "--node", entry["node"], "--state-dir", self.cloud.state)
        assert server.id in done.stdout
        wait_for(
            "the removed one gone", lambda: not hostlib.processes("qemu-system", server.id)
            and not [d for d in hostlib.domains(self.cloud.tag) if server.id in d]
            and not list((self.cloud.state / "node" / "disks").rglob(f"{server.id}*"))
            and f"server/{server.id}" not in self.quarantine(), LISTED_SECONDS, explain=self.cloud.explain)


@pytest.fixture(scope="module")
def spare(cloud, blank_file, tmp_path_factory):
    with another_cloud() as other:
        yield Spare(other, blank_file, tmp_path_factory.mktemp("stores"))


def test_the_store_of_another_cloud_is_refused(cloud, spare):
    other = spare.folder / "other"
    spare.save(cloud, other)
    own = spare.folder / "own"
    spare.save(spare.cloud, own)
    before, guests = spare.cloud.leftovers(), spare.guests()
    kept = {p.name: p.read_bytes() for p in other.iterdir() if p.name == "store.sqlite"}
    done = spare.put(other)
    assert done.returncode != 0
    said = done.stdout + done.stderr + spare.cloud.log("control")
    assert "another cloud" in said and cloud.settings["cloudID"] in said, said[-2000:]
    assert {p.name: p.read_bytes() for p in spare.files(spare.cloud) if p.name in kept} == kept, "the store was changed"
    assert spare.cloud.process("control") is None
    assert spare.guests() == guests
    after = spare.cloud.leftovers()
    assert {k: sorted(after[k]) for k in ("domains", "links", "namespaces")} == {
        k: sorted(before[k]) for k in ("domains", "links", "namespaces")}
    for path in spare.files(spare.cloud):
        path.unlink()
    for path in own.iterdir():
        shutil.copy(path, spare.cloud.state / "control" / path.name)
        shutil.chown(spare.cloud.state / "control" / path.name, "haneul", "haneul")
    daemons.up(spare.cloud)
    assert {s.id for s in spare.servers} == {
        s.id for s in spare.cloud.sdk(ADMIN).compute.servers(all_projects=True, status="ACTIVE")}


def test_a_store_from_before_deletes_nothing(spare):
    guests = spare.guests()
    done = spare.put(spare.backup)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{spare.cloud.explain()}"
    listed = spare.await_listed(*spare.new)
    assert f"server/{spare.old.id}" not in listed
    assert f"network/{spare.later.id}" in listed, listed.keys()
    assert spare.guests() == guests, "a guest was touched"
    text = spare.cloud.haneul("quarantine", "--state-dir", spare.cloud.state).stdout
    for server in spare.new:
        assert server.id in text and "known" not in listed[f"server/{server.id}"]["done"]
    assert [s.id for s in spare.cloud.sdk(ADMIN).compute.servers(all_projects=True)] == [spare.old.id]


def test_what_is_known_works_on_after_the_restore(spare):
    """The server from before is rebooted, and one that is made now does not meet what stands in quarantine."""
    life = spare.guests()[spare.old.name]
    answer = spare.tenant.api("POST", f"{COMPUTE}/servers/{spare.old.id}/action", json={"reboot": {"type": "HARD"}})
    assert answer.status_code == 202, answer.text
    wait_for(
        "rebooted", lambda: spare.guests()[spare.old.name] not in ([], life), 60, explain=spare.cloud.explain)
    spare.tenant.status(spare.old, "ACTIVE")
    fresh = spare.tenant.create(spare.network, None, "fresh")
    spare.tenant.status(fresh, "ACTIVE")
    spare.tenant.delete(fresh)


def test_quarantine_outlives_a_restart_of_both(spare):
    guests = spare.guests()
    for role in daemons.ROLES:
        spare.cloud.kill(role)
    daemons.up(spare.cloud)
    spare.await_listed(*spare.new)
    assert spare.guests() == guests


def test_the_operator_has_one_removed(spare):
    entry = spare.await_listed(*spare.new)[f"server/{spare.new[0].id}"]
    others = {name: found for name, found in spare.guests().items() if name != spare.new[0].name}
    spare.remove(spare.new[0], entry)
    assert {name: found for name, found in spare.guests().items() if name != spare.new[0].name} == others
    assert f"server/{spare.new[1].id}" in spare.quarantine()
    spare.new.pop(0)


def test_an_empty_store_deletes_nothing(spare):
    guests = spare.guests()
    done = spare.put(None)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{spare.cloud.explain()}"
    listed = spare.await_listed(spare.old, *spare.new)
    assert spare.guests() == guests, "a guest was touched"
    assert list(spare.cloud.sdk(ADMIN).compute.servers(all_projects=True)) == []
    spare.remove(spare.old, listed[f"server/{spare.old.id}"])
    assert spare.guests()[spare.new[0].name] == guests[spare.new[0].name]
    # A delete of something unknown is no way around the operator's word.
    answer = spare.cloud.api("DELETE", f"{COMPUTE}/servers/{spare.new[0].id}", spare.cloud.new_token(ADMIN))
    assert answer.status_code == 404


def test_only_an_administrator_decides(spare):
    token = spare.cloud.new_token("haneul")
    entry = spare.quarantine()[f"server/{spare.new[0].id}"]
    path = f"/haneul/v1/quarantine/{entry['node']}/server/{spare.new[0].id}"
    assert spare.cloud.api("GET", "/haneul/v1/quarantine", token).status_code == 403
    assert spare.cloud.api("POST", path, token, json={"action": "remove"}).status_code == 403
    admin = spare.cloud.new_token(ADMIN)
    assert spare.cloud.api("POST", path, admin, json={"action": "burn"}).status_code == 400
    assert spare.cloud.api("POST", path.replace(entry["node"], "nobody"), admin, json={
        "action": "remove"}).status_code == 404
    assert hostlib.processes("qemu-system", spare.new[0].id)
