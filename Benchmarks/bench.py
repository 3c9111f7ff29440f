"""Measures one cloud of its own on this machine and prints a table. usage: bench.py HANEUL IMAGE

Ratios count, not absolute times: the machine is shared. What is compared is measured in the same run, in turn."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HANEUL, IMAGE = sys.argv[1], sys.argv[2]
STATE = tempfile.mkdtemp(prefix="haneul-bench-", dir="/var/tmp")
BASE = "http://127.0.0.1:8795"
ROUNDS = 5
rows = []


def row(what, figure, note=""):
    rows.append((what, figure, note))
    print(f"{what}: {figure} {note}", file=sys.stderr, flush=True)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def pid(role):
    with open(f"{STATE}/run/{role}.lock") as file:
        return int(file.read())


def cpu_seconds(process):
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class API:
    """Speaks to the cloud as one of its two users."""

    def __init__(self, user, password):
        self.login = {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": {"id": "default"}, "password": password}}},
            "scope": {"project": {"name": user, "domain": {"id": "default"}}}}}
        self.token = self.issue()

    def issue(self):
        request = urllib.request.Request(
            BASE + "/identity/v3/auth/tokens", json.dumps(self.login).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return answer.headers["X-Subject-Token"]

    def __call__(self, method, path, body=None, data=None, headers=()):
        bytes_ = data if data is not None else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(BASE + path, bytes_, method=method, headers={
            "X-Auth-Token": self.token, "OpenStack-API-Version": "compute 2.79",
            "Content-Type": "application/octet-stream" if data is not None else "application/json", **dict(headers)})
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def made(answer):
    if answer[0] >= 300:
        sys.exit(f"refused: {answer}")
    return answer[1]


def until(condition, seconds=120, pause=0.002):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    sys.exit("what was waited for did not come")


def passwords():
    text = open(f"{STATE}/clouds.yaml").read()
    return re.findall(r"password: ['\"]?([^\s'\"]+)", text), re.findall(r"username: (\S+)", text)


def running(domain):
    """Whether libvirt has written the QEMU process's id: QEMU runs."""
    return os.path.exists(f"/run/libvirt/qemu/{domain}.pid")


def console(server):
    path = f"{STATE}/node/disks/servers/{server}/console.log"
    return os.path.exists(path) and os.path.getsize(path) > 0


def boot_and_delete(demo, tag, image, network, flavor):
    qemu, line, gone, domain, server = [], [], [], None, None
    for number in range(ROUNDS + 1):
        body = {"server": {"name": f"b{number}", "imageRef": image, "flavorRef": flavor,
                           "networks": [{"uuid": network}]}}
        began = time.monotonic()
        server = made(demo("POST", "/compute/v2.1/servers", body))["server"]["id"]
        domain = f"haneul-{tag}-{server}"
        until(lambda: running(domain))
        first = time.monotonic() - began
        until(lambda: console(server))
        second = time.monotonic() - began
        until(lambda: demo("GET", f"/compute/v2.1/servers/{server}")[1]["server"]["status"] == "ACTIVE", pause=0.02)
        if number > 0:  # the first one fetches the image
            qemu.append(first)
            line.append(second)
        if number == ROUNDS:
            break
        port = made(demo("GET", f"/network/v2.0/ports?device_id={server}"))["ports"][0]["id"]
        tap = f"h{tag}t{port.replace('-', '')[:9]}"
        began = time.monotonic()
        demo("DELETE", f"/compute/v2.1/servers/{server}")
        until(lambda: demo("GET", f"/compute/v2.1/servers/{server}")[0] == 404, pause=0.01)
        until(lambda: not running(domain) and not os.path.exists(f"/sys/class/net/{tap}")
              and not os.path.exists(f"{STATE}/node/disks/servers/{server}"), pause=0.01)
        gone.append(time.monotonic() - began)
    return qemu, line, gone, domain, server


def beside_virsh(domain, server):
    """The same guest, the same disk, by virsh alone: define, start. The cloud's processes are down meanwhile."""
    xml = run("virsh", "dumpxml", "--inactive", domain)
    run("virsh", "destroy", domain)
    path = f"{STATE}/bench.xml"
    open(path, "w").write(xml)
    log = f"{STATE}/node/disks/servers/{server}/console.log"
    qemu, line = [], []
    for _ in range(ROUNDS):
        run("virsh", "undefine", domain)
        until(lambda: not running(domain))
        size = os.path.getsize(log)
        began = time.monotonic()
        run("virsh", "define", path)
        run("virsh", "start", domain)
        until(lambda: running(domain))
        qemu.append(time.monotonic() - began)
        until(lambda: os.path.getsize(log) > size)
        line.append(time.monotonic() - began)
        run("virsh", "destroy", domain)
    return qemu, line


def milliseconds(values):
    return f"{statistics.median(values) * 1000:.0f} ms (min {min(values) * 1000:.0f}, max {max(values) * 1000:.0f})"


def wrk(path, headers, connections=8, seconds=6):
    process = pid("control")
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    before = cpu_seconds(process)
    text = run(*words, BASE + path)
    spent = cpu_seconds(process) - before
    count = int(re.search(r"(\d+) requests in", text).group(1))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if failed:
        sys.exit(f"{path}: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), spent / count


def api_load(admin, demo, image, network):
    process = pid("control")
    before, began = cpu_seconds(process), time.monotonic()
    count = 40
    for _ in range(count):
        demo.issue()
    row("token issue, one client (scrypt N 2^14, r 8, p 1)", f"{count / (time.monotonic() - began):.0f}/s",
        f"{(cpu_seconds(process) - before) / count * 1000:.1f} ms CPU each")
    rate, cost = wrk("/identity/v3/auth/tokens", {"X-Auth-Token": demo.token, "X-Subject-Token": demo.token})
    row("token validation with catalogue, 8 clients", f"{rate:.0f}/s", f"{cost * 1e6:.0f} µs CPU each")
    rate, cost = wrk("/identity/v3/auth/projects", {"X-Auth-Token": demo.token})
    row("GET /auth/projects, 8 clients", f"{rate:.0f}/s", f"{cost * 1e6:.0f} µs CPU each")
    project = made(demo("GET", "/identity/v3/auth/projects"))["projects"][0]["id"]
    made(admin("PUT", f"/compute/v2.1/os-quota-sets/{project}",
               {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}))
    made(admin("PUT", f"/network/v2.0/quotas/{project}", {"quota": {"port": -1}}))
    flavor = made(admin("POST", "/compute/v2.1/flavors", {"flavor": {
        "name": "nowhere", "ram": 8_000_000, "vcpus": 1, "disk": 1}}))["flavor"]["id"]
    have = len(made(demo("GET", "/compute/v2.1/servers?limit=1000"))["servers"])
    while have < 1000:
        number = min(50, 1000 - have)
        made(demo("POST", "/compute/v2.1/servers", {"server": {
            "name": "many", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}],
            "min_count": number, "max_count": number}}))
        have += number
    headers = {"X-Auth-Token": demo.token}
    path = "/compute/v2.1/servers/detail?limit=1000"
    with urllib.request.urlopen(urllib.request.Request(BASE + path, headers=headers)) as answer:
        body = answer.read()
    found = len(json.loads(body)["servers"])
    times = []
    for _ in range(20):
        began = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(BASE + path, headers=headers)) as answer:
            answer.read()
        times.append(time.monotonic() - began)
    rate, cost = wrk(path, headers, connections=4)
    row(f"GET /servers/detail, {found} servers, {len(body) / 1e6:.1f} MB, alone", milliseconds(times))
    row("the same, 4 clients", f"{rate:.1f}/s", f"{cost * 1000:.1f} ms CPU each")
    rate, cost = wrk("/compute/v2.1/servers/detail?limit=50", headers)
    row("GET /servers/detail?limit=50, 8 clients", f"{rate:.0f}/s", f"{cost * 1000:.2f} ms CPU each")


def memory():
    total = 0
    children = [pid("control"), pid("node")]
    children += [int(c) for p in children for c in open(f"/proc/{p}/task/{p}/children").read().split()]
    for process in children:
        with open(f"/proc/{process}/smaps_rollup") as file:
            total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))
    return total / 1024, len(children)


def main():
    run(HANEUL, "up", "--state-dir", STATE, "--listen", "127.0.0.1:8795", "--external-cidr", "203.0.113.128/26")
    secrets, users = passwords()
    users = dict(zip(users, secrets))
    admin, demo = API("admin", users["admin"]), API("demo", users["demo"])
    tag = json.load(open(f"{STATE}/cloud.json"))["cloudID"][:4]
    time.sleep(10)
    used, count = memory()
    row("idle memory (PSS), control, node and metadata child", f"{used:.0f} MiB", f"{count} processes; bar 150")
    image = made(admin("POST", "/image/v2/images", {
        "name": "tiny", "disk_format": "qcow2", "container_format": "bare", "visibility": "public"}))["id"]
    status, text = admin("PUT", f"/image/v2/images/{image}/file", data=open(IMAGE, "rb").read())
    if status != 204:
        sys.exit(text)
    network = made(demo("POST", "/network/v2.0/networks", {"network": {"name": "bench"}}))["network"]["id"]
    made(demo("POST", "/network/v2.0/subnets", {"subnet": {
        "network_id": network, "ip_version": 4, "cidr": "10.40.0.0/20"}}))
    flavors = made(demo("GET", "/compute/v2.1/flavors"))["flavors"]
    flavor = next(f["id"] for f in flavors if f["name"] == "m1.nano")
    qemu, line, gone, domain, server = boot_and_delete(demo, tag, image, network, flavor)
    row("DELETE /servers to nothing left", milliseconds(gone), "bar 3 s")
    run(HANEUL, "down", "--state-dir", STATE)
    virsh_qemu, virsh_line = beside_virsh(domain, server)
    ups = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        run(HANEUL, "up", "--state-dir", STATE)
        ups.append(time.monotonic() - began)
        run(HANEUL, "down", "--state-dir", STATE)
    run(HANEUL, "up", "--state-dir", STATE)
    row("POST /servers to QEMU running", milliseconds(qemu))
    row("virsh define and start to QEMU running, same guest and disk", milliseconds(virsh_qemu))
    own = statistics.median(qemu) - statistics.median(virsh_qemu)
    row("Haneul's own share of it", f"{own * 1000:.0f} ms", "bar 300 ms")
    row("POST /servers to the first console line", milliseconds(line))
    row("the same by virsh", milliseconds(virsh_line), f"ratio {statistics.median(line) / statistics.median(virsh_line):.2f}")
    row("`haneul up` on an existing state, libvirtd running", milliseconds(ups), "bar 2 s")
    admin, demo = API("admin", users["admin"]), API("demo", users["demo"])
    demo("DELETE", f"/compute/v2.1/servers/{server}")
    until(lambda: demo("GET", f"/compute/v2.1/servers/{server}")[0] == 404, pause=0.1)
    api_load(admin, demo, image, network)
    used, count = memory()
    row("memory after the load (PSS)", f"{used:.0f} MiB")
    cpu = next(l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
    print(f"# Measured on {time.strftime('%F')}\n\n{os.cpu_count()} cores of {cpu}, kernel {os.uname().release}, "
          f"guests under TCG; median of {ROUNDS} rounds, the machine shared.\n")
    print("| What | Figure | |\n|---|---|---|")
    for what, figure, note in rows:
        print(f"| {what} | {figure} | {note} |")


try:
    main()
finally:
    subprocess.run([HANEUL, "down", "--clear-host", "--state-dir", STATE], capture_output=True)
    shutil.rmtree(STATE, ignore_errors=True)
