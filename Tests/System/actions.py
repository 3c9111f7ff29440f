"""The actions whose every step is crashed: how each is asked for, and how one sees that it was done, once."""

import os
import re
import signal

import hostlib
from cloudlib import COMPUTE, NETWORK
from hostlib import run, wait_for
from slate import Traces, left_of

END_SECONDS = 60


class Stage:
    """What the actions are done to: a guest that runs a system, light ones that run nothing, two networks."""

    def __init__(self, tenant, place, blank):
        self.tenant, self.cloud, self.place, self.blank = tenant, tenant.cloud, place, blank
        self.steady = tenant.create(place.network, place.group, "steady")
        self.second = tenant.network("10.34.0.0/24", "second")
        self.card = tenant.sdk.network.create_port(network_id=self.second.id)
        self.public = tenant.sdk.network.create_ip(floating_network_id=tenant.external.id)
        self.spare = []
        tenant.ready(self.steady)

    def light(self, image=None):
        """A running server that boots nothing: one that an earlier case left, or a new one."""
        if self.spare:
            return self.spare.pop()
        server = self.tenant.create(self.place.network, self.place.group, "light", image_id=(image or self.blank).id)
        return self.tenant.status(server, "ACTIVE")

    def api(self, method, path, **more):
        return self.tenant.api(method, path, **more)

    def show(self, server_id):
        return self.api("GET", f"{COMPUTE}/servers/{server_id}").json()["server"]

    def asked_for(self, server_id, action):
        """How often an action was accepted, as its server tells."""
        answer = self.api("GET", f"{COMPUTE}/servers/{server_id}/os-instance-actions")
        return len([a for a in answer.json()["instanceActions"] if a["action"] == action])

    def qemu(self, server_id):
        """The process of a guest; None where there is none."""
        found = hostlib.processes("qemu-system", server_id)
        assert len(found) <= 1, f"{server_id} runs {len(found)} times"
        return found[0] if found else None

    def cards(self, server_id):
        """MACs of the cards a running guest has."""
        done = run(*hostlib.VIRSH, "domiflist", f"haneul-{self.cloud.tag}-{server_id}", check=False)
        return set(re.findall(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", done.stdout))


class Action:
    """`prepare` brings about where it starts, `ask` is the one request, `is_asked` whether that was done, `is_done`
    whether the end is reached. `node` are the steps of the node it must pass, with what each says of itself."""

    control = ["handle_request", "send_manifest", "take_report"]
    node = []
    method, path = "POST", ""

    def __init__(self, stage):
        self.stage = stage

    def prepare(self, step):
        pass

    def with_node_down(self, step):
        pass

    def tidy(self):
        pass

    def detail(self, step):
        """What the step says of itself for this action and no other."""
        if step == "handle_request":
            return f"{self.method} {self.path}"
        if step in ("send_manifest", "take_report"):
            return f"server/{self.id}" if self.id else "server/"
        return self.id if step in SERVER_STEPS else ""

    id = None


SERVER_STEPS = {
    "make_disk", "write_config_drive", "define_domain", "start_domain", "resume_domain", "shutdown_domain",
    "destroy_domain", "undefine_domain", "remove_disks", "attach_card", "detach_card", "write_record",
    "look_at_domain"}


class Create(Action):
    node = ["fetch_image", "make_disk", "write_config_drive", "define_domain", "make_devices", "load_rules",
        "cut_flows", "raise_taps", "start_daemons", "start_domain", "write_record", "look_at_domain", "send_report"]
    path = f"{COMPUTE}/servers"
    count = 0

    def prepare(self, step):
        Create.count += 1
        self.id, self.name = None, f"{self.stage.tenant.name}-create-{Create.count}"
        self.image = self.stage.new_image() if step == "fetch_image" else self.stage.blank

    def ask(self):
        answer = self.stage.api("POST", self.path, json={"server": {
            "name": self.name, "imageRef": self.image.id, "flavorRef": self.stage.tenant.flavor.id,
            "config_drive": True, "networks": [{"uuid": self.stage.place.network.id}],
            "security_groups": [{"name": self.stage.place.group.id}]}})
        assert answer.status_code == 202, answer.text
        self.id = answer.json()["server"]["id"]

    def with_node_down(self, step):
        # The network serves already: its daemon must be missing for one to be started.
        if step == "start_daemons":
            for process in hostlib.processes("dnsmasq", str(self.stage.cloud.state)):
                os.kill(process, signal.SIGKILL)

    def is_asked(self):
        found = self.stage.api("GET", f"{COMPUTE}/servers?name={self.name}").json()["servers"]
        assert len(found) <= 1, found
        self.id = found[0]["id"] if found else None
        return bool(found)

    def is_done(self):
        server = self.stage.show(self.id)
        assert server["status"] != "ERROR", server
        if server["status"] != "ACTIVE" or not self.stage.qemu(self.id):
            return False
        return len(self.stage.cards(self.id)) == 1

    def tidy(self):
        server = self.stage.tenant.sdk.compute.get_server(self.id)
        if len(self.stage.spare) < 3:
            self.stage.spare.append(server)
        else:
            self.stage.tenant.delete(server, timeout=END_SECONDS)


class Delete(Action):
    node = ["destroy_domain", "undefine_domain", "remove_disks", "take_down", "load_rules", "cut_flows", "send_report"]
    method = "DELETE"

    def prepare(self, step):
        server = self.stage.light()
        self.id, self.path = server.id, f"{COMPUTE}/servers/{server.id}"
        self.traces = Traces(self.stage.tenant, server)

    def ask(self):
        answer = self.stage.api("DELETE", self.path)
        assert answer.status_code == 204, answer.text

    def is_asked(self):
        answer = self.stage.api("GET", self.path)
        return answer.status_code == 404 or answer.json()["server"]["OS-EXT-STS:task_state"] == "deleting"

    def is_done(self):
        left = left_of(self.stage.cloud, self.stage.tenant, [self.traces])
        assert not left, left
        return True


class Reboot(Action):
    def prepare(self, step):
        self.server = self.choose()
        self.id, self.path = self.server.id, f"{COMPUTE}/servers/{self.server.id}/action"
        self.times = self.stage.asked_for(self.id, "reboot")
        self.life = self.stage.qemu(self.id)

    def ask(self):
        answer = self.stage.api("POST", self.path, json={"reboot": {"type": self.kind}})
        assert answer.status_code == 202, answer.text

    def is_asked(self):
        return self.stage.asked_for(self.id, "reboot") > self.times

    def is_done(self):
        server = self.stage.show(self.id)
        assert server["status"] not in ("ERROR", "SHUTOFF"), server
        life = self.stage.qemu(self.id)
        return server["status"] == "ACTIVE" and not server["OS-EXT-STS:task_state"] and life and life != self.life


class HardReboot(Reboot):
    kind = "HARD"
    node = ["destroy_domain", "make_disk", "define_domain", "start_domain", "write_record", "look_at_domain",
        "send_report"]

    def choose(self):
        return self.stage.light()

    def tidy(self):
        self.stage.spare.append(self.server)


class SoftReboot(Reboot):
    kind = "SOFT"
    node = ["shutdown_domain", "define_domain", "start_domain", "write_record"]
    control = ["take_report"]

    def choose(self):
        return self.stage.steady


class Cards(Action):
    def prepare(self, step):
        self.id = self.stage.steady.id
        self.path = f"{COMPUTE}/servers/{self.id}/os-interface"
        self.bring_about(self.starts_with)

    def has(self):
        """Whether the guest has the card, by libvirt and by both services."""
        port = self.stage.api("GET", f"{NETWORK}/ports/{self.stage.card.id}").json()["port"]
        shown = self.stage.api("GET", f"{COMPUTE}/servers/{self.id}/os-interface").json()["interfaceAttachments"]
        return {self.stage.card.mac_address in self.stage.cards(self.id), bool(port["device_id"]),
            self.stage.card.id in [p["port_id"] for p in shown]}

    def bring_about(self, wanted):
        if self.has() == {wanted}:
            return
        if wanted:
            self.plug()
        else:
            self.unplug()
        wait_for("the card", lambda: self.has() == {wanted}, END_SECONDS, explain=self.stage.cloud.explain)

    def plug(self):
        answer = self.stage.api(
            "POST", f"{COMPUTE}/servers/{self.id}/os-interface",
            json={"interfaceAttachment": {"port_id": self.stage.card.id}})
        assert answer.status_code == 200, answer.text

    def unplug(self):
        answer = self.stage.api("DELETE", f"{COMPUTE}/servers/{self.id}/os-interface/{self.stage.card.id}")
        assert answer.status_code == 202, answer.text


class Attach(Cards):
    node = ["make_devices", "load_rules", "raise_taps", "attach_card", "send_report"]
    control = [*Action.control, "advance_saga"]
    starts_with = False

    def ask(self):
        self.plug()

    def is_asked(self):
        return bool(self.stage.api("GET", f"{NETWORK}/ports/{self.stage.card.id}").json()["port"]["device_id"])

    def is_done(self):
        return self.has() == {True}


class Detach(Cards):
    node = ["detach_card", "take_down", "load_rules", "send_report"]
    control = [*Action.control, "advance_saga"]
    method = "DELETE"
    starts_with = True

    def prepare(self, step):
        super().prepare(step)
        self.path += f"/{self.stage.card.id}"
        self.times = self.stage.asked_for(self.id, "detach_interface")

    def ask(self):
        self.unplug()

    def is_asked(self):
        return self.stage.asked_for(self.id, "detach_interface") > self.times

    def is_done(self):
        return self.has() == {False}


class Associate(Action):
    node = ["load_rules", "make_devices", "send_report"]
    method = "PUT"

    def prepare(self, step):
        self.path = f"{NETWORK}/floatingips/{self.stage.public.id}"
        self.address = self.stage.public.floating_ip_address
        self.id = self.stage.place.router.id
        # The guest may also have the card of `Attach`, on a network without a router.
        self.port = next(iter(self.stage.tenant.sdk.network.ports(
            device_id=self.stage.steady.id, network_id=self.stage.place.network.id))).id
        if self.is_asked():
            answer = self.stage.api("PUT", self.path, json={"floatingip": {"port_id": None}})
            assert answer.status_code == 200, answer.text
        wait_for("the address silent", lambda: hostlib.ping(self.address, count=1, wait=1) == 0, END_SECONDS)

    def detail(self, step):
        of_router = ("send_manifest", "take_report", "load_rules", "make_devices")
        return f"router/{self.id}" if step in of_router else super().detail(step)

    def ask(self):
        answer = self.stage.api("PUT", self.path, json={"floatingip": {"port_id": self.port}})
        assert answer.status_code == 200, answer.text

    def is_asked(self):
        return self.stage.api("GET", self.path).json()["floatingip"]["port_id"] == self.port

    def is_done(self):
        shown = self.stage.api("GET", self.path).json()["floatingip"]
        return shown["status"] == "ACTIVE" and hostlib.ping(self.address, count=1, wait=1) == 1


ACTIONS = {
    "create": Create, "delete": Delete, "hard_reboot": HardReboot, "attach": Attach, "detach": Detach,
    "floating_ip": Associate, "soft_reboot": SoftReboot}
