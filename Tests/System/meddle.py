"""What a hand may do behind Haneul's back: the finding each deed must cause, and how one sees it put back."""

import hashlib
import os
import re
import signal
import time
from dataclasses import dataclass, field
from datetime import datetime

import hostlib
from cloudlib import ADMIN, COMPUTE
from hostlib import VIRSH, run, wait_for

FOREIGN = "web1-of-somebody"
FOREIGN_BRIDGE = "brsomebody"
FOREIGN_XML = f"""<domain type='qemu'><name>{FOREIGN}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64'>hvm</type></os></domain>"""


@dataclass
class Fault:
    """One hand's deed. `subject` is part of what the finding is about; `repaired` says that the world is as asked."""

    name: str
    field: str
    subject: str
    inject: object
    repaired: object
    undo: object = None
    at: float = 0
    noticed: float = None
    mended: float = None
    finding: dict = field(default_factory=dict)

    def strike(self):
        self.at = time.time()
        self.inject()


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def findings(cloud, token=None, **query):
    """Drift as an administrator sees it, newest first."""
    answer = cloud.api("GET", "/haneul/v1/drift", token or cloud.new_token(ADMIN), params={"limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["drift"]


def record_of(fault, found):
    """The fault's finding among those found; None where none came since."""
    for finding in found:
        if finding["field"] == fault.field and fault.subject in finding["subject"] and (
                seconds(finding["again"]) >= fault.at - 0.01):
            return finding
    return None


def switch_off(tenant, *servers):
    """Stops servers whose guests have no system to obey the button: the button, then the end of their QEMU."""
    for server in servers:
        answer = tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"os-stop": None})
        assert answer.status_code == 202, answer.text
    for server in servers:
        wait_for("the button pressed", lambda: tenant.sdk.compute.get_server(server.id).task_state, 30, every=0.05)
        for process in hostlib.processes("qemu-system", server.id):
            os.kill(process, signal.SIGTERM)
    for server in servers:
        tenant.status(server, "SHUTOFF", timeout=120)


def domain(cloud, server):
    return f"haneul-{cloud.tag}-{server.id}"


def virsh(*words, check=True):
    return run(*VIRSH, *words, check=check).stdout


def state(cloud, server):
    return virsh("domstate", domain(cloud, server), check=False).strip()


def definition(cloud, server):
    return virsh("dumpxml", "--inactive", domain(cloud, server), check=False)


def rules(tag):
    """The cloud's tables as text, without counters and what sets of them have learned, in an order of its own."""
    text = re.sub(r"counter packets \d+ bytes \d+", "counter", hostlib.nft_text(tag))
    return sorted(line.strip() for line in text.splitlines() if line.strip())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Faults:
    """Every deed, for a guest that runs a system (`steady`), light ones that run, and two that are stopped."""

    def __init__(self, tenant, place, steady, running, stopped):
        self.tenant, self.cloud, self.place, self.steady = tenant, tenant.cloud, place, steady
        self.tag, self.node = self.cloud.tag, self.cloud.state / "node"
        self.killed, self.undefined, self.suspended = running
        self.renamed, self.edited = stopped
        self.port = tenant.port(steady)
        short = place.network.id.replace("-", "")[:9]
        self.bridge, self.tap = f"h{self.tag}b{short}", f"h{self.tag}t{self.port.id.replace('-', '')[:9]}"
        self.dhcp = f"haneul-{self.tag}-dhcp-{place.network.id}"
        self.router = f"haneul-{self.tag}-router-{place.router.id}"
        self.leases = self._leases()

    # --- seen on the host

    def pings(self):
        return hostlib.ping(self.steady.floating, count=1, wait=1) == 1

    def is_persistent(self, server):
        return re.search(r"Persistent:\s+yes", virsh("dominfo", domain(self.cloud, server), check=False))

    def dnsmasq(self):
        return hostlib.processes("dnsmasq", self.place.network.id)

    def _leases(self):
        found = [p for p in (self.node / "network").rglob("leases") if self.place.network.id in str(p)]
        assert len(found) == 1, f"files of leases: {found}"
        return found[0]

    def is_link_up(self, name):
        return "UP" in run("ip", "-o", "link", "show", name, check=False).stdout.split(">")[0]

    def serves_dhcp(self):
        """dnsmasq answers: its process is in the namespace and listens there."""
        listening = run("ip", "netns", "exec", self.dhcp, "ss", "-Hlun", "sport = :67", check=False).stdout
        return len(self.dnsmasq()) == 1 and listening.strip()

    def base(self):
        """The file of the base that the light guests stand on."""
        named = re.findall(r"/bases/([0-9a-f]{64})", definition(self.cloud, self.edited))
        if named:
            self.digest = named[0]
        return self.node / "disks" / "bases" / self.digest

    # --- the deeds

    def all(self):
        c, tag = self.cloud, self.tag
        return [
            Fault("domain destroyed", "server.power", self.killed.id,
                lambda: virsh("destroy", domain(c, self.killed)), lambda: state(c, self.killed) == "running"),
            Fault("domain undefined", "server.definition", self.undefined.id,
                lambda: virsh("undefine", domain(c, self.undefined)),
                lambda: self.is_persistent(self.undefined) and state(c, self.undefined) == "running"),
            Fault("domain suspended", "server.pause", self.suspended.id,
                lambda: virsh("suspend", domain(c, self.suspended)), lambda: state(c, self.suspended) == "running"),
            Fault("domain renamed", "server.definition", self.renamed.id,
                lambda: virsh("domrename", domain(c, self.renamed), f"{FOREIGN}-renamed"),
                lambda: domain(c, self.renamed) in hostlib.domains(tag)
                and f"{FOREIGN}-renamed" not in virsh("list", "--all", "--name")),
            Fault("overlay path edited", "server.definition", self.edited.id, self.edit_overlay,
                lambda: self.edited.overlay in definition(c, self.edited)),
            Fault("tap deleted", "port.tap", self.port.id, lambda: run("ip", "link", "del", self.tap), self.pings),
            Fault("bridge set down", "network.bridge", self.place.network.id,
                lambda: run("ip", "link", "set", self.bridge, "down"),
                lambda: self.is_link_up(self.bridge) and self.pings()),
            Fault("tables flushed", "port.rules", "", self.flush, self.rules_again),
            Fault("a rule added to ours", "port.rules", "", self.add_rule, self.rules_again),
            Fault("dnsmasq killed", "network.dhcp_daemon", self.place.network.id,
                lambda: [os.kill(p, signal.SIGKILL) for p in self.dnsmasq()], self.serves_dhcp),
            Fault("DHCP namespace deleted", "network.dhcp_namespace", self.place.network.id,
                lambda: run("ip", "netns", "del", self.dhcp), self.serves_dhcp),
            Fault("router namespace deleted", "router.namespace", self.place.router.id,
                lambda: run("ip", "netns", "del", self.router), self.pings),
            Fault("leases deleted", "network.leases", self.place.network.id, self.leases.unlink,
                lambda: self.leases.exists() and self.serves_dhcp()),
            Fault("base deleted", "server.base_image", self.base().name, self.base().unlink,
                lambda: self.base().exists() and sha256(self.base()) == self.digest),
            Fault("a foreign domain", "host.foreign_domain", FOREIGN, self.define_foreign,
                lambda: FOREIGN in virsh("list", "--all", "--name"), lambda: virsh("undefine", FOREIGN, check=False)),
            Fault("a foreign bridge", "host.foreign_bridge", FOREIGN_BRIDGE,
                lambda: run("ip", "link", "add", FOREIGN_BRIDGE, "type", "bridge"),
                lambda: FOREIGN_BRIDGE in run("ip", "-o", "link").stdout,
                lambda: run("ip", "link", "del", FOREIGN_BRIDGE, check=False)),
        ]

    def edit_overlay(self):
        xml = definition(self.cloud, self.edited)
        self.edited.overlay = re.search(r"source file='([^']*\.qcow2)'", xml).group(1)
        self._define(xml.replace(self.edited.overlay, "/var/tmp/another-overlay.qcow2"))

    def define_foreign(self):
        self._define(FOREIGN_XML)

    def _define(self, xml):
        path = self.cloud.state / "run" / "meddle.xml"
        path.write_text(xml)
        virsh("define", path)
        path.unlink()

    def _tables(self):
        lines = run("nft", "list", "tables").stdout.splitlines()
        return [line.split()[1:] for line in lines if line.endswith(f"haneul_{self.tag}")]

    def flush(self):
        self.rules = rules(self.tag)
        assert self.rules, "no rules were there to begin with"
        for table in self._tables():
            run("nft", "flush", "table", *table)

    def add_rule(self):
        self.rules = rules(self.tag)
        table = next(t for t in self._tables() if t[0] == "inet")
        chain = re.search(r"chain (\S+) \{\s*type filter", run("nft", "list", "table", *table).stdout).group(1)
        run("nft", "insert", "rule", *table, chain, "ip", "saddr", "192.0.2.66", "accept")

    def rules_again(self):
        now = rules(self.tag)
        missing, more = set(self.rules) - set(now), set(now) - set(self.rules)
        assert not missing and not more, f"missing {sorted(missing)[:5]}, more {sorted(more)[:5]}"
        return True
