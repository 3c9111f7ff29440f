"""Every figure that SPECIFICATION.md names a bound for.
usage: bench.py BINARY IMAGE RESULT PROGRAMS [PART,PART…]    (parts: host reads writes fleet overload client identity; all without)"""

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import client
import faults
import fleet
import identity
import overload
import reads
import writes
from cloud import Cloud, run, timed, wait_until
from load import Programs

VIRSH = ["virsh", "-q", "-c", "qemu:///system"]
ROUNDS = 5
SERVERS = 1000
SIMULATED = 500
ROWS = []


def row(what, figure, bound="", kept=None):
    ROWS.append((what, figure, bound, "" if kept is None else "kept" if kept else "**not kept**"))
    print(f"{what:66s} {figure:>26s}  {bound:14s} {ROWS[-1][3]}", flush=True)


def seconds(values):
    return f"{statistics.median(values):.3f} s ({min(values):.3f}–{max(values):.3f})"


def start(cloud):
    row("`haneul up`, new cloud", f"{cloud.up():.2f} s")
    again = []
    for _ in range(3):
        cloud.down()
        again.append(cloud.up())
    row("`haneul up` on existing state, libvirtd running", seconds(again), "≤ 2 s", statistics.median(again) <= 2)
    row("`haneul up` with everything up", f"{cloud.up():.3f} s")


def memory(cloud, when):
    time.sleep(5)
    found = cloud.pss_mib()
    total = sum(found.values())
    detail = ", ".join(f"{name.split()[0]} {mib:.0f}" for name, mib in found.items())
    row(f"memory of both processes (PSS), {when}", f"{total:.0f} MiB ({detail})", "≤ 150 MB", total * 1.048576 <= 150)


class Boot:
    """A guest by Haneul, and then the same disk by virsh, one pair after the other."""

    def __init__(self, cloud, image):
        self.cloud, self.image = cloud, image
        self.networks = [{"uuid": cloud.network()}]
        self.flavor = cloud.flavor("bench", 128)
        self.running, self.printing, self.virsh_running, self.virsh_printing, self.gone = [], [], [], [], []

    def pid_file(self, domain):
        return Path(f"/run/libvirt/qemu/{domain}.pid")

    def console(self, server):
        return next((p for p in (self.cloud.state / "node").rglob("*console*") if server in str(p) and p.is_file()),
            None)

    def wait_console(self, path, size=0):
        return wait_until("the first console line", lambda: path.stat().st_size > size)

    def keep_base(self):
        """A stopped server that stands on the base, so that it stays cached while others come and go."""
        cloud = self.cloud
        server = cloud.create(self.image, self.flavor, "none")
        wait_until("READY", lambda: self.console(server) and b"READY" in self.console(server).read_bytes(), every=0.1)
        cloud.api("POST", f"/compute/v2.1/servers/{server}/action", {"os-stop": None})
        wait_until("SHUTOFF", lambda: cloud.status(server) == "SHUTOFF", every=0.1)

    def one(self):
        cloud = self.cloud
        began = time.perf_counter()
        server = cloud.create(self.image, self.flavor, self.networks)
        domain = cloud.domain(server)
        self.running.append(wait_until("QEMU", self.pid_file(domain).exists) - began)
        wait_until("the console's file", lambda: self.console(server))
        self.printing.append(self.wait_console(self.console(server)) - began)
        wait_until("ACTIVE", lambda: cloud.status(server) == "ACTIVE", every=0.05)
        xml = run(*VIRSH, "dumpxml", "--inactive", domain)
        self.gone.append(self.delete(server, domain))
        self.by_virsh(xml)

    def by_virsh(self, xml):
        """A copy of the domain on a fresh overlay of the same base, defined and started by hand."""
        folder = Path(f"/var/tmp/haneul-bench-virsh-{os.getpid()}")
        folder.mkdir(mode=0o711)
        tap, name, log = "hbenchtap0", f"haneul-bench-{os.getpid()}", folder / "console.log"
        overlay = re.search(r"<source file='([^']+\.qcow2)'", xml).group(1)
        base = re.search(r"<backingStore.*?<source file='([^']+)'", xml, re.S).group(1)
        disk = folder / "disk.qcow2"
        for old, new in [
            (r"<name>.*?</name>", f"<name>{name}</name>"), (r"<uuid>.*?</uuid>", ""), (re.escape(overlay), str(disk)),
            (r"<metadata>.*?</metadata>", ""), (r"<log file='[^']+'", f"<log file='{log}'"),
            (r"<target dev='h[^']+'", f"<target dev='{tap}'"), (r"<entry name='(serial|uuid)'>.*?</entry>", ""),
        ]:
            xml = re.sub(old, lambda _: new, xml, flags=re.S)
        owner = re.search(r"<label>\+(\d+):\+(\d+)</label>", xml)
        (folder / "domain.xml").write_text(xml)
        log.touch()
        try:
            run("ip", "tuntap", "add", "dev", tap, "mode", "tap")
            run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, disk, "1G")
            for path in (folder, disk, log):
                os.chown(path, int(owner.group(1)), int(owner.group(2)))
            began = time.perf_counter()
            run(*VIRSH, "define", folder / "domain.xml")
            starting = subprocess.Popen([*VIRSH, "start", name], stdout=subprocess.DEVNULL)
            self.virsh_running.append(wait_until("QEMU", self.pid_file(name).exists) - began)
            self.virsh_printing.append(self.wait_console(log) - began)
            starting.wait()
        finally:
            run(*VIRSH, "destroy", name, check=False)
            run(*VIRSH, "undefine", name, check=False)
            run("ip", "link", "del", tap, check=False)
            shutil.rmtree(folder)

    def delete(self, server, domain):
        cloud = self.cloud
        port = cloud.api("GET", f"/network/v2.0/ports?device_id={server}")["ports"][0]["id"]
        tap = f"h{cloud.tag}t{port.replace('-', '')[:9]}"
        folder = self.console(server)
        began = time.perf_counter()
        cloud.api("DELETE", f"/compute/v2.1/servers/{server}")

        def nothing():
            return (
                not self.pid_file(domain).exists() and not Path(f"/sys/class/net/{tap}").exists()
                    and not folder.exists()
                and cloud.request("GET", f"/compute/v2.1/servers/{server}", token=cloud.token)[0].status == 404
                and not Path(f"/etc/libvirt/qemu/{domain}.xml").exists())

        return wait_until("nothing left", nothing, every=0.01) - began

    def tell(self):
        share = [a - b for a, b in zip(self.running, self.virsh_running)]
        row("`POST /servers` → QEMU running (base cached)", seconds(self.running))
        row("the same disk by `virsh define`, `virsh start`", seconds(self.virsh_running))
        row("Haneul's own share", seconds(share), "≤ 0.300 s", statistics.median(share) <= 0.3)
        row("`POST /servers` → first console line", seconds(self.printing))
        row("the same by `virsh`", seconds(self.virsh_printing))
        row("server delete → nothing left", seconds(self.gone), "≤ 3 s", max(self.gone) <= 3)


def two_truths(cloud, image, without):
    """Some guests on one network: what idling costs, what faults cost, what explaining costs."""
    network, flavor = cloud.network("bench-drift", "10.91.0.0/24"), cloud.flavor("bench-drift", 80)
    servers = [cloud.create(image, flavor, [{"uuid": network}]) for _ in range(faults.GUESTS)]
    wait_until("all ACTIVE", lambda: all(cloud.status(s) == "ACTIVE" for s in servers), 300, every=0.5)
    # Booting under TCG takes both cores: the guests come to rest first.
    time.sleep(60)
    having = faults.idle(cloud, row, f"{faults.GUESTS} servers", bound=1)
    faults.comparison(row, without, having, faults.GUESTS)
    port = cloud.api("GET", f"/network/v2.0/ports?device_id={servers[0]}")["ports"][0]["id"]
    for what, id in [("a server", servers[0]), ("a port, with every hop", port), ("a network", network)]:
        faults.explain(cloud, row, what, id)
    faults.Faults(cloud, servers[0], network, row).measure()
    for server in servers:
        cloud.api("DELETE", f"/compute/v2.1/servers/{server}")
    wait_until("all gone", lambda: not cloud.api("GET", "/compute/v2.1/servers?name=bench-drift")["servers"], every=0.2)


def simulated(cloud, image, program):
    """Many servers on a node in memory: what control and the agent cost by themselves."""
    node = faults.SimulatedNode(cloud, program)
    try:
        flavor = cloud.flavor("bench-simulated", 64)
        for _ in range(SIMULATED // 100):
            cloud.create(image, flavor, "none", min_count=100, max_count=100)
        wait_until("all ACTIVE", lambda: cloud.active() >= SIMULATED, 120, every=0.5)
        time.sleep(10)
        node.idle(row, SIMULATED)
    finally:
        node.end()


def many_servers(cloud, image):
    """A thousand rows by the API itself, of a flavor that fits no host: they end in ERROR and take nothing."""
    flavor = cloud.flavor("bench-huge", 1_000_000)
    cloud.api("PUT", f"/compute/v2.1/os-quota-sets/{cloud.project}", {"quota_set": {
        "ram": -1, "instances": -1, "cores": -1}})

    def create():
        for _ in range(SERVERS // 100):
            cloud.create(image, flavor, "none", min_count=100, max_count=100)
    row(f"{SERVERS} servers that fit no host: accepted", f"{timed(create):.2f} s")
    wait_until("all in ERROR", lambda: not cloud.api("GET", "/compute/v2.1/servers?status=BUILD&limit=1")["servers"],
        every=0.2)
    cloud.sample = cloud.api("GET", "/compute/v2.1/servers?limit=1")["servers"][0]["id"]


def rates(cloud):
    def tell(what, figures, bound="", kept=None):
        row(what, f"{figures['per_second']:.1f}/s, {figures['cpu_ms']:.2f} ms CPU, p50 {figures['p50_ms']:.1f} ms",
            bound, kept)
    for connections in (1, 8):
        with_c = f"{connections} client{'s' if connections > 1 else ''}"
        tell(f"`POST /v3/auth/tokens`, scrypt N 2^14 r 8 p 1, {with_c}", cloud.wrk(
            "/identity/v3/auth/tokens", method="POST", body=cloud.login_body(), connections=connections))
        tell(f"`GET /v3/auth/tokens` (validate), {with_c}",
            cloud.wrk("/identity/v3/auth/tokens", connections=connections))
        found = cloud.wrk(f"/compute/v2.1/servers/detail?limit={SERVERS}", connections=connections)
        tell(f"`GET /servers/detail` of {SERVERS} ({found['bytes'] / found['requests'] / 1e6:.1f} MB), {with_c}", found)
        tell(f"`GET /servers/{{id}}`, {with_c}",
            cloud.wrk(f"/compute/v2.1/servers/{cloud.sample}", connections=connections))
        tell(f"`GET /v2.0/networks`, {with_c}", cloud.wrk("/network/v2.0/networks", connections=connections))
        tell(f"`GET /v2/images`, {with_c}", cloud.wrk("/image/v2/images", connections=connections))
        tell(f"`GET /compute/` (no token needed), {with_c}", cloud.wrk("/compute/", connections=connections))


def write(path):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = found.group(1) if found else platform.machine()
    qemu = run("qemu-system-x86_64", "--version").splitlines()[0]
    lines = [
        f"# Figures of {time.strftime('%F')}", "",
        f"Commit {commit}, {os.cpu_count()} cores ({cpu}), kernel {platform.release()}, {qemu}. "
        f"Load before: {LOAD:.1f}. CPU is that of the control process. Rates and even loads: the best of "
        f"three runs; what shows a range: the median of {ROUNDS} (smallest–largest). The load generators run on the same "
        f"cores. Made by `Benchmarks/run.sh {' '.join(SHOWN)}`.", "",
        "| What | Figure | Bound | |", "|---|---|---|---|", *(f"| {' | '.join(cells)} |" for cells in ROWS), ""]
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("\n".join(lines))
    print("\n" + "\n".join(lines))


LOAD = os.getloadavg()[0]
SHOWN = [f"{Path(sys.argv[1]).parent.parent}"] + (["--only", sys.argv[5]] if len(sys.argv) > 5 else [])


def host(binary, image_path, programs):
    cloud = Cloud(binary)
    try:
        start(cloud)
        cloud.login()
        memory(cloud, "fresh")
        without = faults.idle(cloud, row, "no server")
        image = cloud.upload(image_path)
        boot = Boot(cloud, image)
        boot.keep_base()
        for _ in range(ROUNDS):
            boot.one()
        boot.tell()
        two_truths(cloud, image, without)
        many_servers(cloud, image)
        rates(cloud)
        memory(cloud, "after load, with 1,000 servers")
        simulated(cloud, image, programs["simulated-node"])
    finally:
        if cloud.state.exists():
            cloud.remove()


def on_a_cloud(binary, measure):
    """Measures on a cloud of its own."""
    cloud = Cloud(binary)
    try:
        cloud.up()
        cloud.login()
        measure(cloud)
    finally:
        if cloud.state.exists():
            cloud.remove()


def main():
    binary, image, result, folder = sys.argv[1:5]
    programs = Programs(folder)
    parts = {
        "host": lambda: host(binary, image, programs),
        "reads": lambda: on_a_cloud(binary, lambda cloud: reads.measure(cloud, cloud.upload(image), programs, row)),
        "writes": lambda: on_a_cloud(binary, lambda cloud: writes.measure(binary, image, programs, row, cloud)),
        "fleet": lambda: on_a_cloud(binary, lambda cloud: fleet.measure(cloud, programs, row)),
        "overload": lambda: on_a_cloud(binary, lambda cloud: overload.measure(cloud, row)),
        "client": lambda: on_a_cloud(binary, lambda cloud: client.measure(cloud, cloud.upload(image), row)),
        "identity": lambda: on_a_cloud(binary, lambda cloud: identity.measure(cloud, row)),
    }
    wanted = sys.argv[5].split(",") if len(sys.argv) > 5 else list(parts)
    for name in wanted:
        parts[name]()
    write(result)


main()
