"""A cloud of the benchmark's own: brought up by the program, spoken to over plain HTTP."""

import http.client
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path

# BLOCK=198.51.100 where a cloud of your own is up on 203.0.113.0/24, BENCH_PORT where something listens on 8792.
PORT, CIDR = int(os.environ.get("BENCH_PORT", "8792")), os.environ.get("BLOCK", "203.0.113") + ".0/25"
TICKS = os.sysconf("SC_CLK_TCK")


def run(*words, check=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def wait_until(what, probe, timeout=120, every=0.002):
    """Polls, and returns the moment at which the probe was true."""
    deadline = time.perf_counter() + timeout
    while not probe():
        if time.perf_counter() > deadline:
            raise SystemExit(f"{what} did not come within {timeout} s")
        time.sleep(every)
    return time.perf_counter()


class Cloud:
    def __init__(self, binary, store=None):
        """`store`: postgres://…; without it a SQLite file."""
        self.binary, self.state, self.store = binary, Path(f"/var/tmp/haneul-bench-{secrets.token_hex(4)}"), store

    def up(self):
        flags = ["--store", self.store] if self.store and not self.state.exists() else []
        return timed(lambda: run(
            self.binary, "up", "--state-dir", self.state, "--listen", f"127.0.0.1:{PORT}", "--external-cidr", CIDR,
            *flags))

    def down(self, *flags):
        return timed(lambda: run(self.binary, "down", "--state-dir", self.state, *flags))

    def remove(self):
        self.down("--clear-host")
        shutil.rmtree(self.state)

    @property
    def tag(self):
        return json.loads((self.state / "cloud.json").read_text())["cloudID"][:4]

    def domain(self, server):
        return f"haneul-{self.tag}-{server}"

    def processes(self):
        """The ids of control, of node, and of what they started that serves beside them."""
        roots = {role: int((self.state / f"run/{role}.lock").read_text()) for role in ("control", "node")}
        found = dict(roots)
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    if parent in roots.values() and b"haneul" in (folder / "cmdline").read_bytes().split(b"\0")[0]:
                        found[f"child {folder.name}"] = int(folder.name)
                except (OSError, IndexError):
                    pass
        return found

    def alive(self, role):
        return Path(f"/proc/{(self.state / f'run/{role}.lock').read_text().strip()}").exists()

    def cpu_seconds(self, role="control"):
        words = Path(f"/proc/{self.processes()[role]}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def rest(self, timeout=60):
        """Waits until control has done what it had begun by itself."""
        def resting():
            before = self.cpu_seconds()
            time.sleep(1)
            return self.cpu_seconds() - before <= 0.05
        wait_until("control at rest", resting, timeout)

    def pss_mib(self):
        def pss(process):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) / 1024
        return {name: pss(process) for name, process in self.processes().items()}

    # --- the API

    def request(self, method, path, body=None, token=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "OpenStack-API-Version": "compute 2.79", **(headers or {})}
        if token:
            headers["X-Auth-Token"] = token
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, json.loads(text) if text.startswith((b"{", b"[")) else text

    def api(self, method, path, body=None, headers=None):
        answer, found = self.request(method, path, body, self.token, headers)
        if answer.status >= 400:
            raise SystemExit(f"{method} {path} → {answer.status} {found}")
        return found

    def login_body(self):
        text = (self.state / "clouds.yaml").read_text()
        # Ours is the only writer of this file: two clouds, each with its password on a line.
        admin = text[text.index("haneul-admin:"):]
        password = re.search(r"password: *['\"]?([^'\"\s]+)", admin).group(1)
        domain = {"id": "default"}
        return {"auth": {
            "identity": {"methods": ["password"],
                "password": {"user": {"name": "admin", "domain": domain, "password": password}}},
            "scope": {"project": {"name": "admin", "domain": domain}}}}

    def login(self):
        answer, body = self.request("POST", "/identity/v3/auth/tokens", self.login_body())
        self.token, self.project = answer.headers["X-Subject-Token"], body["token"]["project"]["id"]

    def upload(self, path):
        image = self.api("POST", "/image/v2/images", {
            "name": "bench", "disk_format": "qcow2", "container_format": "bare"})["id"]
        self.api("PUT", f"/image/v2/images/{image}/file", Path(path).read_bytes(),
            {"Content-Type": "application/octet-stream"})
        return image

    def active(self):
        return len(self.api("GET", "/compute/v2.1/servers?status=ACTIVE&limit=1000")["servers"])

    def network(self, name="bench", cidr="10.90.0.0/24"):
        network = self.api("POST", "/network/v2.0/networks", {"network": {"name": name}})["network"]["id"]
        self.api("POST", "/network/v2.0/subnets", {"subnet": {
            "network_id": network, "ip_version": 4, "cidr": cidr}})
        return network

    def flavor(self, name, ram):
        return self.api("POST", "/compute/v2.1/flavors", {"flavor": {
            "name": name, "ram": ram, "vcpus": 1, "disk": 1}})["flavor"]["id"]

    def create(self, image, flavor, networks, **more):
        return self.api("POST", "/compute/v2.1/servers", {"server": {
            "name": "bench", "imageRef": image, "flavorRef": flavor, "networks": networks, **more}})["server"]["id"]

    def status(self, server):
        return self.api("GET", f"/compute/v2.1/servers/{server}")["server"]["status"]

    def unlimited(self):
        """No quota bounds the administrator's project."""
        self.api("PUT", f"/compute/v2.1/os-quota-sets/{self.project}", {"quota_set": {
            "ram": -1, "instances": -1, "cores": -1, "key_pairs": -1, "metadata_items": -1}})
        self.api("PUT", f"/network/v2.0/quotas/{self.project}", {"quota": {"port": -1}})

    def wrk(self, path, seconds=6, connections=8, method="GET", body=None, subject=None, token=None, script="wrk.lua",
            more=None):
        """Requests a second, latency, and CPU of control for each request. `token`: another than the administrator's;
        empty for none."""
        token = self.token if token is None else token
        env = {**os.environ, "METHOD": method, "TOKEN": token, "SUBJECT": subject or token, **(more or {})}
        if body:
            env["BODY"] = json.dumps(body)
        before = self.cpu_seconds()
        out = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script,
             f"http://127.0.0.1:{PORT}{path}"], env=env, capture_output=True, text=True, check=True).stdout
        figures = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
        figures["cpu_ms"] = (self.cpu_seconds() - before) * 1000 / max(1, figures["requests"])
        figures["per_second"] = figures["requests"] / figures["seconds"]
        if figures["wrong"]:
            raise SystemExit(f"{figures['wrong']} of {figures['requests']} requests to {path} went wrong")
        return figures
