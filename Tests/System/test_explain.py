"""Everything explains itself: each kind's story in text and in JSON, what a text stands for, where a packet is dropped,
what the doctor sees, and faults that one can act on."""

import json
import subprocess

import pytest

import hostlib
from cloudlib import ADMIN, COMPUTE, MEMBER
from hostlib import wait_for

WAIT = 30


class Scene:
    def __init__(self, tenant, place):
        self.tenant, self.place, self.cloud = tenant, place, tenant.cloud
        self.server = tenant.create(place.network, place.group, "told")
        tenant.status(self.server, "ACTIVE")
        self.floating = tenant.sdk.network.create_ip(
            floating_network_id=tenant.external.id, port_id=tenant.port(self.server).id)
        self.address = self.floating.floating_ip_address
        tenant.ready(self.server)
        tenant.await_ssh(self.address, self.server)
        self.port = tenant.port(self.server)
        self.tap = f"h{self.cloud.tag}t{self.port.id.replace('-', '')[:9]}"
        self.host = self.cloud.sdk(ADMIN).compute.get_server(self.server.id).hypervisor_hostname
        self.ids = {
            "server": self.server.id, "port": self.port.id, "network": place.network.id, "router": place.router.id,
            "floating_ip": self.floating.id, "image": tenant.image.id, "host": self.host}

    def ask(self, verb, *words, check=True):
        return self.cloud.haneul(verb, *words, "--state-dir", self.cloud.state, check=check)

    def path(self):
        answer = self.cloud.api("GET", f"/haneul/v1/explain/{self.port.id}", self.cloud.new_token(ADMIN))
        assert answer.status_code == 200, answer.text
        path = answer.json()["explain"]["packet_path"]
        assert path["problem"] is None, path
        return path

    def drops(self, kind):
        """Packets dropped at a kind of hop, by reason."""
        found = {}
        for hop in self.path()["hops"]:
            for text in hop["drops"] if hop["kind"] == kind else ():
                reason, _, count = text.rpartition(":")
                found[reason] = found.get(reason, 0) + int(count)
        return found


@pytest.fixture(scope="module")
def scene(tenant, reachable):
    return Scene(tenant, reachable)


KINDS = ["server", "port", "network", "router", "floating_ip", "image", "host"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_story(scene, kind):
    story = json.loads(scene.ask("explain", scene.ids[kind], "--kind", kind, "--json").stdout)["explain"]
    assert story["kind"] == kind and not story["gone"] and story["summary"] and story["status"], story
    assert story["asked"]["facts"] and story["observed"], story
    assert story["missing"] == [] and story["fault"] is None, story
    text = scene.ask("explain", scene.ids[kind], "--kind", kind).stdout
    assert story["summary"].split(".")[0] in " ".join(text.split()), text
    assert len(text.splitlines()) > 5 and "{" not in text.splitlines()[0], text


def test_a_servers_story_tells_who_and_each_step(scene):
    story = json.loads(scene.ask("explain", scene.server.id, "--json").stdout)["explain"]
    assert story["asked"]["by"]["user_name"] == scene.tenant.name
    request = story["asked"]["request_id"]
    assert request.startswith("req-") and story["asked"]["request"] == f"POST {COMPUTE}/servers"
    steps = [s["step"] for s in story["steps"]]
    assert {"make_disk", "define_domain", "start_domain"} <= set(steps), steps
    node = [s for s in story["steps"] if s["where"] == "node"]
    assert all(s["duration_ms"] >= 0 and s["error"] is None for s in node)
    assert any(s["request_id"] == request for s in node), "no step of the node carries the request"
    assert any(h["ready"] for h in story["observed"]["hosts"]), story["observed"]
    assert {"port", "image", "host"} <= {r["kind"] for r in story["related"]}, story["related"]


def test_by_name_and_by_address(scene):
    for text in (scene.server.name, scene.server.id[:13]):
        assert scene.server.id in scene.ask("explain", text).stdout
    assert scene.port.id in scene.ask("explain", scene.tenant.fixed(scene.server)).stdout


def test_what_is_not_there_is_said(scene):
    done = scene.ask("explain", "no-such-thing", check=False)
    assert done.returncode != 0 and "no-such-thing" in done.stdout + done.stderr


def test_a_stranger_hears_nothing(scene, make_tenant):
    other = make_tenant("stranger")
    try:
        for kind in ("server", "port", "network", "router", "floating_ip"):
            assert other.api("GET", f"/haneul/v1/explain/{scene.ids[kind]}").status_code == 404, kind
            assert other.api("GET", f"/haneul/v1/whatis/{scene.ids[kind]}").status_code == 404, kind
        for text in (scene.port.mac_address, scene.address, scene.tap):
            assert other.api("GET", f"/haneul/v1/whatis/{text}").status_code == 404, text
    finally:
        other.destroy()


def test_a_member_sees_no_host(scene):
    """The owner hears his server's story, without names of hosts and devices."""
    for kind in ("server", "port"):
        text = scene.tenant.api("GET", f"/haneul/v1/explain/{scene.ids[kind]}").text
        assert scene.tap not in text and scene.host not in text and "/var/" not in text, text[:3000]


def test_whatis(scene):
    request = json.loads(scene.ask("explain", scene.server.id, "--json").stdout)["explain"]["asked"]["request_id"]
    for text, wanted in [
            (scene.server.id, scene.server.id), (scene.port.id, scene.port.id), (scene.address, scene.floating.id),
            (scene.tenant.fixed(scene.server), scene.port.id), (scene.port.mac_address, scene.port.id),
            (scene.tap, scene.port.id), (request, scene.server.id), (scene.server.name, scene.server.id),
            (f"haneul-{scene.cloud.tag}-{scene.server.id}", scene.server.id)]:
        found = json.loads(scene.ask("whatis", text, "--json").stdout)["whatis"]
        assert wanted in [f["id"] for f in found] or wanted in json.dumps(found), (text, found)
        assert wanted in scene.ask("whatis", text).stdout, text
    assert scene.ask("whatis", "00:00:00:00:00:99", check=False).returncode != 0


class TestThePacketPath:
    def test_every_hop_is_named_and_passes(self, scene):
        path = scene.path()
        kinds = [h["kind"] for h in path["hops"]]
        wanted = {"bridge", "anti-spoofing", "security group", "router", "floating ip"}
        assert kinds[0] == "tap" and wanted <= set(kinds), kinds
        assert all(h["passes"] for h in path["hops"]), path
        assert path["hops"][0]["name"] == scene.tap and path["hops"][0]["packets"] > 0

    def test_counters_move(self, scene):
        def packets():
            return scene.path()["hops"][0]["packets"]
        before = packets()
        assert hostlib.ping(scene.address, count=5) == 5
        wait_for("the tap's counter", lambda: packets() >= before + 5, WAIT)

    def test_a_packet_no_rule_allows_is_dropped_at_the_group(self, scene):
        before = sum(scene.drops("security group").values())
        assert hostlib.tcp_answers(scene.address, 81) == "silent"
        wait_for(
            "the drop", lambda: sum(scene.drops("security group").values()) > before, WAIT,
            explain=lambda: json.dumps(scene.path(), indent=1))
        assert "security group" in scene.ask("explain", scene.port.id).stdout

    def test_a_forged_source_is_dropped_at_anti_spoofing(self, scene):
        before = sum(scene.drops("anti-spoofing").values())
        scene.tenant.ssh(
            scene.address, "ip addr add 10.30.0.250/32 dev eth0; ping -c 2 -W 1 -I 10.30.0.250 10.30.0.1; "
            "ip addr del 10.30.0.250/32 dev eth0", check=False)
        wait_for(
            "the drop", lambda: sum(scene.drops("anti-spoofing").values()) > before, WAIT,
            explain=lambda: json.dumps(scene.path(), indent=1))
        text = scene.ask("explain", scene.port.id).stdout
        assert "anti-spoofing" in text and "drop" in text.lower(), text

    def test_a_port_set_down_shows_where(self, scene):
        scene.tenant.sdk.network.update_port(scene.port.id, admin_state_up=False)
        try:
            wait_for("a hop that lets nothing pass", lambda: scene.path()["blocked_at"], WAIT)
        finally:
            scene.tenant.sdk.network.update_port(scene.port.id, admin_state_up=True)
        wait_for("all pass", lambda: all(h["passes"] for h in scene.path()["hops"]), WAIT)
        wait_for("ping", lambda: hostlib.ping(scene.address, count=1) == 1, WAIT)


def test_what_is_missing_and_what_comes_next(cloud, scene):
    """With the node away, the story of a new server says what it waits for."""
    cloud.kill("node")
    try:
        server = scene.tenant.create(scene.place.network, scene.place.group, "waiting")
        story = json.loads(scene.ask("explain", server.id, "--json").stdout)["explain"]
        assert story["missing"] and all(m["why"] and m["next"] for m in story["missing"]), story
        path = cloud.api("GET", f"/haneul/v1/explain/{scene.port.id}", cloud.new_token(ADMIN)).json()["explain"]
        assert path["packet_path"]["hops"] == [] and path["packet_path"]["problem"], path
    finally:
        cloud.up()
    scene.tenant.status(server, "ACTIVE")
    scene.tenant.delete(server)
    # What is gone is told from its records.
    gone = json.loads(scene.ask("explain", server.id, "--json").stdout)["explain"]
    assert gone["gone"] and any("DELETE" in h["what"] or "delete" in h["what"] for h in gone["history"]), gone


def test_a_fault_tells_what_to_do(scene, cloud):
    """A guest's name may be anything, but no reason is `Unknown` or the inside of a driver."""
    admin = cloud.sdk(ADMIN)
    huge = admin.compute.create_flavor(name=f"{scene.tenant.name}-huge", ram=40_000, vcpus=1, disk=1)
    server = scene.tenant.create(scene.place.network, scene.place.group, "huge", flavor_id=huge.id)
    failed = scene.tenant.status(server, "ERROR")
    message = failed.fault["message"]
    assert len(message.split()) > 5 and "host" in message.lower(), message
    story = json.loads(scene.ask("explain", server.id, "--json").stdout)["explain"]
    assert message in story["fault"]["message"] and story["next"], story
    text = scene.ask("explain", server.id).stdout
    assert message in " ".join(text.split()), text
    scene.tenant.delete(server)
    admin.compute.delete_flavor(huge.id)


def test_the_doctor(cloud, scene):
    done = scene.ask("doctor", check=False)
    text = done.stdout.lower()
    assert done.returncode in (0, 1), done
    for word in ("libvirt", "disk", "kernel", "time", "mtu"):
        assert word in text, f"the doctor says nothing of {word}:\n{done.stdout}{done.stderr}"
    subprocess.run(["ip", "link", "add", f"h{cloud.tag}b000000000", "type", "bridge"], check=True)
    try:
        left = scene.ask("doctor", check=False).stdout
        assert f"h{cloud.tag}b000000000" in left, f"a leftover is not seen:\n{left}"
    finally:
        subprocess.run(["ip", "link", "del", f"h{cloud.tag}b000000000"], check=False)


def test_the_member_may_ask_by_the_verb(scene):
    """`--cloud haneul` asks as the first user, who is in another project: nothing of this one is told."""
    done = scene.ask("explain", scene.server.id, "--cloud", MEMBER, check=False)
    assert done.returncode != 0
