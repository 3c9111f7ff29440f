"""Two projects with the same addresses are apart; a guest that forges gets no packet out."""

import contextlib
import json

import pytest

import frames
import hostlib
from cloudlib import ADMIN, COMPUTE, IMAGES, NETWORK
from conftest import BLOCK
from hostlib import Capture, wait_for

PLACES = ("peer", "dhcp", "router")
CIDR, V6, SAME = "10.40.0.0/24", "fd00:40::/64", "10.40.0.77"


def link_local(mac):
    """The address a Linux guest gives itself (EUI-64)."""
    b = bytearray(frames.mac(mac))
    b[0] ^= 2
    whole = bytes(b[:3]) + b"\xff\xfe" + bytes(b[3:])
    return "fe80::" + ":".join(f"{int.from_bytes(whole[i:i + 2], 'big'):x}" for i in range(0, 8, 2))


class Side:
    """A project with its own network of the same block, and guests with floating IPs."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.network = tenant.network(CIDR, v6=V6)
        self.router = tenant.router(self.network)
        self.group = tenant.group("icmp", "tcp:22", "udp", "6:udp", "6:ipv6-icmp")

    def guest(self, name, **wish):
        return self.tenant.create(
            self.network, self.group, name, networks=[{"uuid": self.network.id, **wish}])

    def reach(self, server):
        self.tenant.status(server, "ACTIVE")
        server.floating = self.tenant.floating(server)
        self.tenant.ready(server)
        self.tenant.await_ssh(server.floating, server)

    def tap(self, server):
        return f"h{self.tenant.cloud.tag}t{self.tenant.port(server).id.replace('-', '')[:9]}"

    def card(self, server):
        mac = self.tenant.port(server).mac_address
        return frames.Guest(mac, self.tenant.fixed(server), self.tenant.fixed(server, 6), link_local(mac))


class Sides:
    def __init__(self, make_tenant):
        self.a, self.b = Side(make_tenant("side-a")), Side(make_tenant("side-b"))
        self.attacker = self.a.guest("attacker")
        self.peer = self.a.guest("peer", fixed_ip="10.40.0.20")
        self.stranger = self.b.guest("stranger", fixed_ip=SAME)
        self.a.reach(self.attacker)
        self.a.reach(self.peer)
        self.b.reach(self.stranger)


@pytest.fixture(scope="module")
def sides(make_tenant):
    sides = Sides(make_tenant)
    yield sides
    sides.a.tenant.destroy()
    sides.b.tenant.destroy()


def received(text):
    return int(text.split(" packets received")[0].split()[-1])


class TestTwoProjectsWithTheSameAddresses:
    def test_a_guest_does_not_reach_the_other_project(self, sides):
        a = sides.a.tenant
        with Capture(sides.b.tap(sides.stranger)) as seen:
            assert received(a.ssh(sides.attacker.floating, f"ping -c 3 -W 1 {SAME}", check=False)) == 0
            assert received(a.ssh(sides.attacker.floating, "ping -c 2 -W 2 10.40.0.20", check=False)) == 2
        mac = frames.mac(a.port(sides.attacker).mac_address)
        assert not seen.count(mac), "frames of the attacker came to the other project's guest"

    def test_the_same_address_twice_is_two_servers(self, sides):
        """Each guest answers by its own floating IP, with its own key and its own data."""
        a, b = sides.a, sides.b
        assert b.tenant.fixed(sides.stranger) == SAME
        for side, server in ((a, sides.attacker), (a, sides.peer), (b, sides.stranger)):
            text = side.tenant.ssh(
                server.floating, "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
            assert json.loads(text)["uuid"] == server.id
        # A's key does not open B's guest.
        with pytest.raises(AssertionError):
            a.tenant.ssh(sides.stranger.floating, "true")

    def test_headers_do_not_make_a_guest_another(self, sides):
        """The guest is known by its network and address alone, whatever its request claims."""
        request = (
            f"GET /openstack/latest/meta_data.json HTTP/1.0\\r\\nHost: 169.254.169.254\\r\\n"
            f"X-Forwarded-For: 10.40.0.20\\r\\nX-Instance-ID: {sides.peer.id}\\r\\n"
            f"X-Tenant-ID: {sides.b.tenant.project.id}\\r\\nX-Real-IP: {SAME}\\r\\n\\r\\n")
        text = sides.a.tenant.ssh(
            sides.attacker.floating, f"(printf '{request}'; sleep 1) | nc -w 5 169.254.169.254 80", check=False)
        assert sides.attacker.id in text and sides.peer.id not in text

    def test_metadata_refuses_what_is_no_request(self, sides):
        ssh, at = sides.a.tenant.ssh, sides.attacker.floating
        def ask(text):
            return ssh(at, f"{text} | timeout 15 nc -w 5 169.254.169.254 80", check=False)
        assert " 200 " not in ask("printf 'GET /openstack/latest/../../../etc/passwd HTTP/1.0\\r\\n\\r\\n'")
        assert " 200 " not in ask("head -c 20000 /dev/zero | tr '\\0' 'A'")
        assert " 200 " not in ask("printf 'POST /openstack/latest HTTP/1.0\\r\\nContent-Length: 1\\r\\n\\r\\nx'")
        # And it still serves.
        assert sides.attacker.id in ssh(at, "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")

    def test_a_guest_reaches_nothing_of_the_host(self, sides, cloud):
        """The API listens on loopback; the external bridge's own address belongs to the host, which answers no guest
        by its tenant bridge."""
        text = sides.a.tenant.ssh(
            sides.attacker.floating, f"timeout 5 nc -w 3 {BLOCK}.1 {cloud.port} </dev/null && echo OPEN", check=False)
        assert "OPEN" not in text

    def test_foreign_ids_are_404(self, sides):
        a, b = sides.a.tenant, sides.b.tenant
        port = b.port(sides.stranger)
        floating = next(b.sdk.network.ips())
        for path in [
            f"{COMPUTE}/servers/{sides.stranger.id}", f"{COMPUTE}/servers/{sides.stranger.id}/metadata",
            f"{COMPUTE}/servers/{sides.stranger.id}/os-interface",
            f"{COMPUTE}/servers/{sides.stranger.id}/os-instance-actions",
            f"{NETWORK}/networks/{sides.b.network.id}", f"{NETWORK}/ports/{port.id}",
            f"{NETWORK}/routers/{sides.b.router.id}",
            f"{NETWORK}/security-groups/{sides.b.group.id}", f"{NETWORK}/floatingips/{floating.id}",
        ]:
            assert a.api("GET", path).status_code == 404, path
            if path.count("/") <= 4:
                assert a.api("DELETE", path).status_code == 404, path
        for action in ({"os-stop": None}, {"reboot": {"type": "HARD"}}, {"os-getConsoleOutput": {}}):
            answer = a.api("POST", f"{COMPUTE}/servers/{sides.stranger.id}/action", json=action)
            assert answer.status_code == 404, action
        # A foreign port or network in a body is as one that is not there.
        for networks in ([{"port": port.id}], [{"uuid": sides.b.network.id}]):
            answer = a.api("POST", f"{COMPUTE}/servers", json={"server": {
                "name": "x", "imageRef": a.image.id, "flavorRef": a.flavor.id, "networks": networks}})
            assert answer.status_code in (400, 404), answer.text
        answer = a.api("POST", f"{NETWORK}/floatingips", json={"floatingip": {
            "floating_network_id": a.external.id, "port_id": port.id}})
        assert answer.status_code == 404
        assert b.api("GET", f"{COMPUTE}/servers/{sides.stranger.id}").json()["server"]["status"] == "ACTIVE"


@pytest.fixture(scope="module")
def injector(sides, tmp_path_factory):
    """A program in the attacker's guest that sends frames as they are."""
    program = tmp_path_factory.mktemp("inject") / "inject"
    hostlib.run("cc", "-static", "-O1", "-s", "-o", program, __file__.replace("test_isolation.py", "inject.c"))
    a = sides.a.tenant
    a.ssh(sides.attacker.floating, "cat > /tmp/inject && chmod 755 /tmp/inject", stdin=program.read_bytes(), timeout=60)

    def send(named):
        lines = "\n".join(frame.hex() for frame in named.values() for _ in range(2)) + "\n"
        text = a.ssh(sides.attacker.floating, "/tmp/inject eth0", stdin=lines.encode(), timeout=60)
        assert text.strip() == f"sent {2 * len(named)}"
    return send


class TestForgery:
    """Frames the guest's kernel never sees, sent as they are; looked for at the peer, at DHCP and at the router."""

    @pytest.fixture
    def cast(self, sides):
        tenant = sides.a.tenant
        router = [p for p in tenant.sdk.network.ports(device_id=sides.a.router.id, network_id=sides.a.network.id)]
        four = next(p for p in router if any(":" not in f["ip_address"] for f in p.fixed_ips))
        six = next(p for p in router if any(":" in f["ip_address"] for f in p.fixed_ips))
        gateway = frames.Guest(
            four.mac_address, "10.40.0.1", next(f["ip_address"] for f in six.fixed_ips if ":" in f["ip_address"]),
            link_local(six.mac_address))
        return sides.a.card(sides.attacker), sides.a.card(sides.peer), gateway

    @pytest.fixture
    def watch(self, sides, cloud):
        """Captures at every place a frame could come out."""
        tag, network = cloud.tag, sides.a.network.id
        dhcp = next(n for n in hostlib.namespaces(tag) if network in n)
        router = next(n for n in hostlib.namespaces(tag) if sides.a.router.id in n)

        @contextlib.contextmanager
        def watch():
            with contextlib.ExitStack() as stack:
                yield [
                    stack.enter_context(Capture(sides.a.tap(sides.peer))), stack.enter_context(Capture("any", dhcp)),
                    stack.enter_context(Capture("any", router))]
        return watch

    def test_honest_frames_pass(self, cast, injector, watch):
        me, peer, _ = cast
        honest = frames.honest(me, peer)
        with watch() as places:
            injector(honest)
        missing = [n for n in honest if not places[0].count(f"HONEST-{n};".encode())]
        assert not missing, f"honest frames that did not come to the peer: {missing}"

    def test_forged_frames_do_not(self, cast, injector, watch):
        forged = frames.forged(*cast)
        with watch() as places:
            injector(forged)
        out = {
            name: [place for place, seen in zip(PLACES, places) if seen.count(f"FORGED-{name};".encode())]
            for name in forged}
        out = {name: places for name, places in out.items() if places}
        assert not out, f"forged frames that got out, and where they came: {out}"

    def test_a_changed_mac_and_address_in_the_guest_reach_nobody(self, sides):
        """The way a user would do it: with `ip`, in the background, back again after some seconds."""
        a, peer = sides.a.tenant, sides.a.tenant.fixed(sides.peer)
        own = a.fixed(sides.attacker)
        script = (
            f"(ip addr del {own}/24 dev eth0; ip addr add 10.40.0.99/24 dev eth0;"
            f"ping -c 3 -W 1 -I 10.40.0.99 {peer} > /tmp/by-address; arping -c 2 -w 3 -U -I eth0 10.40.0.99;"
            f"ip addr del 10.40.0.99/24 dev eth0; ip addr add {own}/24 dev eth0;"
            f"mac=$(cat /sys/class/net/eth0/address); ip link set eth0 down;"
            f"ip link set eth0 address fa:16:3e:66:66:66; ip link set eth0 up; sleep 1;"
            f"ping -c 3 -W 1 {peer} > /tmp/by-mac; ip link set eth0 down;"
            f"ip link set eth0 address $mac; ip link set eth0 up; ip route add default via 10.40.0.1;"
            f"ip route add 169.254.169.254 via 10.40.0.1; touch /tmp/done) </dev/null >/tmp/out 2>&1 &")
        with Capture(sides.a.tap(sides.peer)) as seen:
            a.ssh(sides.attacker.floating, script)
            wait_for("the guest itself", lambda: "done" in a.ssh(sides.attacker.floating, "ls /tmp", timeout=12), 60)
        for way in ("by-address", "by-mac"):
            assert received(a.ssh(sides.attacker.floating, f"cat /tmp/{way}")) == 0, way
        assert not seen.count(frames.ip("10.40.0.99")), "the forged address was seen at the peer"
        assert not seen.count(frames.mac("fa:16:3e:66:66:66")), "the forged MAC was seen at the peer"


    def test_the_same_frames_are_seen_where_the_port_is_not_guarded(self, sides, cast, injector, watch):
        """Shows that the captures above would have seen what they looked for."""
        tenant, forged = sides.a.tenant, frames.forged(*cast)
        port = tenant.port(sides.attacker)
        tenant.sdk.network.update_port(port, is_port_security_enabled=False, security_group_ids=[])
        try:
            wait_for("ssh", lambda: tenant.ssh(sides.attacker.floating, "true") == "", 20)
            with watch() as places:
                injector(forged)
        finally:
            tenant.sdk.network.update_port(port, is_port_security_enabled=True, security_group_ids=[sides.a.group.id])
        seen = {name for name in forged if any(place.count(f"FORGED-{name};".encode()) for place in places)}
        assert {"ipv4-source", "arp-reply-gateway", "arp-other-mac", "dhcp-offer", "router-advert"} <= seen, seen


class TestForeignIDs:
    def test_image_of_another_project(self, sides):
        made = sides.b.tenant.sdk.image.create_image(name="private", disk_format="raw", container_format="bare")
        for method, path in (("GET", ""), ("GET", "/file"), ("DELETE", ""), ("PATCH", "")):
            answer = sides.a.tenant.api(method, f"{IMAGES}/images/{made.id}{path}", **(
                {"data": "[]", "headers": {"Content-Type": "application/openstack-images-v2.1-json-patch"}}
                if method == "PATCH" else {}))
            assert answer.status_code == 404, (method, path, answer.text)
        ids = [i.id for i in sides.a.tenant.sdk.image.images()]
        assert made.id not in ids

    def test_admin_sees_all(self, sides, cloud):
        ids = {s.id for s in cloud.sdk(ADMIN).compute.servers(all_projects=True)}
        assert {sides.attacker.id, sides.peer.id, sides.stranger.id} <= ids
