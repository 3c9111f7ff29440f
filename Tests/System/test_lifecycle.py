"""One server's life: stop, start, reboots, rename, hot-plug, power-off inside, delete, and nothing left of it."""

import time

import pytest

import hostlib
from cloudlib import ADMIN, COMPUTE, PLACEMENT
from hostlib import wait_for

DELETE_SECONDS = 10


class Life:
    def __init__(self, tenant, place):
        self.tenant, self.place = tenant, place
        self.server = tenant.create(place.network, place.group, "life")
        tenant.status(self.server, "ACTIVE")
        self.floating = tenant.floating(self.server)
        self.boots = 1
        self.up()

    def up(self):
        self.tenant.ready(self.server, self.boots)
        self.tenant.await_ssh(self.floating, self.server)

    def ssh(self, command, **more):
        return self.tenant.ssh(self.floating, command, **more)

    def boot_id(self):
        return self.ssh("cat /proc/sys/kernel/random/boot_id").strip()

    def show(self):
        return self.tenant.sdk.compute.get_server(self.server.id)

    def act(self, body, status=202):
        answer = self.tenant.api("POST", f"{COMPUTE}/servers/{self.server.id}/action", json=body)
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture(scope="module")
def life(tenant, reachable):
    return Life(tenant, reachable)


def test_soft_reboot_boots_the_guest_anew(life):
    before = life.boot_id()
    life.ssh("echo kept > /root/kept; sync")
    life.act({"reboot": {"type": "SOFT"}})
    life.boots += 1
    life.up()
    life.tenant.status(life.server, "ACTIVE")
    assert life.boot_id() != before
    assert life.ssh("cat /root/kept").strip() == "kept"


def test_hard_reboot_boots_the_guest_anew(life):
    before = life.boot_id()
    life.act({"reboot": {"type": "HARD"}})
    life.boots += 1
    life.up()
    life.tenant.status(life.server, "ACTIVE")
    assert life.boot_id() != before
    assert life.ssh("cat /root/kept").strip() == "kept"


def test_stop_and_start(life):
    life.act({"os-stop": None})
    stopped = life.tenant.status(life.server, "SHUTOFF")
    assert stopped.power_state == 4
    assert hostlib.ping(life.floating, count=2, wait=1) == 0
    assert life.act({"os-stop": None}, status=409).json()["conflictingRequest"]["code"] == 409
    life.act({"os-start": None})
    life.boots += 1
    life.up()
    assert life.show().power_state == 1
    assert life.ssh("cat /root/kept").strip() == "kept"
    life.act({"os-start": None}, status=409)


def test_console_log_has_every_boot(life):
    output = life.act({"os-getConsoleOutput": {}}, status=200).json()["output"]
    assert output.count("tiny: READY") == life.boots
    few = life.act({"os-getConsoleOutput": {"length": 3}}, status=200).json()["output"]
    assert len(few.splitlines()) <= 3 and few.strip() in output


def test_rename_and_metadata_reach_the_guest(life):
    sdk = life.tenant.sdk.compute
    sdk.update_server(life.server.id, name="renamed")
    sdk.set_server_metadata(life.server.id, colour="blue", shape="round")
    sdk.delete_server_metadata(life.server.id, ["shape"])
    shown = life.show()
    assert shown.name == "renamed" and shown.metadata == {"colour": "blue"}

    def meta():
        text = life.ssh("wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
        return '"blue"' in text and '"round"' not in text and '"renamed"' in text

    wait_for("metadata in the guest", meta, 15, explain=life.tenant.cloud.explain)


def test_a_card_is_plugged_and_unplugged_while_the_guest_runs(life):
    tenant, network = life.tenant, life.tenant.network("10.31.0.0/24", "second")
    cards = "ls /sys/class/net | grep -c eth"
    assert life.ssh(cards).strip() == "1"
    made = tenant.sdk.compute.create_server_interface(life.server.id, net_id=network.id)
    address = made.fixed_ips[0]["ip_address"]
    wait_for(
        f"{address} in the guest", lambda: address in life.ssh("ip -4 addr"), 40,
        explain=lambda: tenant.cloud.explain(life.server.id))
    assert made.mac_addr in life.ssh("cat /sys/class/net/eth1/address")
    assert {p.port_id for p in tenant.sdk.compute.server_interfaces(life.server.id)} >= {made.port_id}
    tenant.sdk.compute.delete_server_interface(made.port_id, server=life.server.id)
    wait_for("the card gone", lambda: life.ssh(cards).strip() == "1", 30,
        explain=lambda: tenant.cloud.explain(life.server.id))
    wait_for("the port gone", lambda: tenant.api("GET", f"/network/v2.0/ports/{made.port_id}").status_code == 404, 15)
    # The first card did not notice.
    assert hostlib.ping(life.floating, count=2) == 2
    tenant.sdk.network.delete_network(network.id)


def test_poweroff_inside_the_guest_is_adopted(life):
    life.ssh("poweroff", check=False)
    life.tenant.status(life.server, "SHUTOFF", timeout=40)
    time.sleep(5)
    assert life.show().status == "SHUTOFF", "a guest that powered itself off was started again"
    life.act({"os-start": None})
    life.boots += 1
    life.up()


def test_instance_actions_tell_what_was_done(life):
    names = [a.action for a in life.tenant.sdk.compute.server_actions(life.server.id)]
    assert names[-1] == "create"
    assert {"stop", "start", "reboot", "attach_interface", "detach_interface"} <= set(names)


def test_delete_leaves_nothing(life):
    tenant, cloud, server = life.tenant, life.tenant.cloud, life.server
    port = tenant.port(server)
    address, tag = tenant.fixed(server), cloud.tag
    tap = f"h{tag}t{port.id.replace('-', '')[:9]}"
    assert tap in hostlib.links(tag) and f"haneul-{tag}-{server.id}" in hostlib.domains(tag)
    assert tap in hostlib.nft_text(tag)
    assert hostlib.files_mentioning(cloud.state / "node", port.mac_address), "no DHCP entry was there to begin with"
    admin = cloud.new_token(ADMIN)
    claim = f"{PLACEMENT}/allocations/{server.id}"
    assert cloud.api("GET", claim, admin).json()["allocations"]
    assert life.tenant.sdk.get_compute_limits()["total_instances_used"] == 1

    began = time.monotonic()
    answer = tenant.api("DELETE", f"{COMPUTE}/servers/{server.id}")
    assert answer.status_code == 204 and not answer.content

    def left():
        found = {
            "server": tenant.api("GET", f"{COMPUTE}/servers/{server.id}").status_code != 404,
            "port": tenant.api("GET", f"/network/v2.0/ports/{port.id}").status_code != 404,
            "domain": f"haneul-{tag}-{server.id}" in hostlib.domains(tag),
            "tap": tap in hostlib.links(tag),
            "rules": tap in hostlib.nft_text(tag) or f"{address} " in hostlib.nft_text(tag),
            "files": [f for f in hostlib.files_mentioning(cloud.state / "node", server.id) if "journal" not in f],
            "lease": hostlib.files_mentioning(cloud.state / "node", port.mac_address, but=("journal",)),
            "claim": bool(cloud.api("GET", claim, admin).json()["allocations"]),
            "quota": tenant.sdk.get_compute_limits()["total_instances_used"] != 0,
            "flows": address in hostlib.run("conntrack", "-L", check=False).stdout,
        }
        return {what: value for what, value in found.items() if value}

    last = {}

    def nothing():
        last.clear()
        last.update(left())
        return not last

    wait_for("nothing left of the server", nothing, DELETE_SECONDS, every=0.1,
        explain=lambda: f"{last}\n{cloud.explain()}")
    print(f"delete to nothing left: {time.monotonic() - began:.2f} s (the looking included)")
    # The floating IP is the project's own and stays, pointing at nothing.
    floating = next(tenant.sdk.network.ips())
    assert floating.port_id is None and floating.status == "DOWN"


def test_the_network_goes_with_its_last_user(life):
    tenant, tag = life.tenant, life.tenant.cloud.tag
    network, router = life.place.network, life.place.router
    bridge = f"h{tag}b{network.id.replace('-', '')[:9]}"
    assert bridge in hostlib.links(tag)
    for subnet in tenant.sdk.network.subnets(network_id=network.id):
        tenant.sdk.network.remove_interface_from_router(router, subnet=subnet.id)
    for floating in tenant.sdk.network.ips():
        tenant.sdk.network.delete_ip(floating.id)
    tenant.sdk.network.delete_router(router.id)
    tenant.sdk.network.delete_network(network.id)

    def gone():
        return (
            not [n for n in hostlib.namespaces(tag) if network.id in n or router.id in n]
            and bridge not in hostlib.links(tag) and not hostlib.processes("dnsmasq", network.id))

    wait_for("bridge, namespaces and dnsmasq gone", gone, 15, explain=tenant.cloud.explain)
