"""One cloud under test: brought up by the real program, spoken to by OpenStack's own clients."""

import contextlib
import fcntl
import json
import os
import secrets
import shlex
import signal
import time
from pathlib import Path

import openstack
import requests
import yaml

import hostlib
from hostlib import run, wait_for

BINARY = os.environ.get("HANEUL", "/usr/local/bin/haneul")
IMAGE = os.environ.get("IMAGE", "/var/cache/haneul/tiny.qcow2")
ADMIN, MEMBER = "haneul-admin", "haneul"
COMPUTE = "/compute/v2.1"
NETWORK = "/network/v2.0"
IMAGES = "/image/v2"
IDENTITY = "/identity/v3"
PLACEMENT = "/placement"


class Cloud:
    """A state directory and the two processes that serve it."""

    def __init__(self, port, cidr, state=None):
        self.state = Path(state or f"/var/tmp/haneul-system-{secrets.token_hex(4)}")
        self.port, self.cidr = port, cidr
        self.url = f"http://127.0.0.1:{port}"
        self.connections = {}
        self.http = requests.Session()
        self.http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))

    # --- the program

    def haneul(self, *words, check=True, timeout=120):
        return run(BINARY, *words, check=check, timeout=timeout)

    def up(self, *more, check=True):
        return self.haneul("up", "--state-dir", self.state, *more, check=check)

    def first_up(self, *more, check=True):
        return self.up("--listen", f"127.0.0.1:{self.port}", "--external-cidr", self.cidr, *more, check=check)

    def down(self, *flags, check=True):
        return self.haneul("down", "--state-dir", self.state, *flags, check=check)

    def status(self):
        return self.haneul("status", "--state-dir", self.state, check=False)

    @property
    def settings(self):
        return json.loads((self.state / "cloud.json").read_text())

    @property
    def tag(self):
        return self.settings["cloudID"].replace("-", "")[:4]

    def process(self, role):
        """Id of the running process of a role, by its lock; None where it is down."""
        path = self.state / "run" / f"{role}.lock"
        with contextlib.suppress(FileNotFoundError), open(path) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
        return None

    def kill(self, role):
        """kill -9, and waits until it is gone."""
        process = self.process(role)
        assert process, f"{role} does not run"
        os.kill(process, signal.SIGKILL)
        wait_for(f"{role} gone", lambda: self.process(role) is None, 5, every=0.02)

    # --- the clients

    @property
    def clouds_yaml(self):
        return self.state / "clouds.yaml"

    def openstack(self, command, cloud=MEMBER, check=True, parse=True, timeout=90):
        """Runs an `openstack` command, written as a user types it, and returns its JSON."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
        env = {**clean, "OS_CLIENT_CONFIG_FILE": str(self.clouds_yaml), "OS_CLOUD": cloud}
        words = ["openstack", *shlex.split(command), *(["-f", "json"] if parse else [])]
        done = run(*words, env=env, check=check, timeout=timeout)
        return json.loads(done.stdout) if parse and done.returncode == 0 else done

    def login(self, cloud):
        return yaml.safe_load(self.clouds_yaml.read_text())["clouds"][cloud]["auth"]

    def sdk(self, cloud=ADMIN):
        if cloud not in self.connections:
            self.connections[cloud] = self.connect(**self.login(cloud))
        return self.connections[cloud]

    def connect(self, **auth):
        return openstack.connect(
            load_yaml_config=False, load_envvars=False, region_name="RegionOne", identity_api_version="3", auth=auth)

    def password_body(self, auth, scope=True):
        domain = {"name": auth["user_domain_name"]}
        body = {"auth": {"identity": {"methods": ["password"], "password": {
            "user": {"name": auth["username"], "domain": domain, "password": auth["password"]}}}}}
        if scope:
            body["auth"]["scope"] = {"project": {"name": auth["project_name"], "domain": domain}}
        return body

    def new_token(self, auth):
        """A fresh token for a login as in clouds.yaml, or by a cloud's name."""
        auth = self.login(auth) if isinstance(auth, str) else auth
        answer = self.api("POST", f"{IDENTITY}/auth/tokens", json=self.password_body(auth))
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def api(self, method, path, token=None, json=None, data=None, headers=None, version=None, timeout=60, **more):
        """One HTTP request as it is; `version` is a microversion of compute or placement."""
        headers = dict(headers or {})
        if token:
            headers["X-Auth-Token"] = token
        if version:
            headers["OpenStack-API-Version"] = f"{'placement' if path.startswith(PLACEMENT) else 'compute'} {version}"
        return self.http.request(
            method, self.url + path, json=json, data=data, headers=headers, timeout=timeout, allow_redirects=False,
            **more)

    # --- looking on

    def log(self, role, bytes_max=6000):
        path = self.state / "log" / f"{role}.log"
        with contextlib.suppress(OSError), open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - bytes_max))
            return file.read().decode(errors="replace")
        return ""

    def console(self, server_id, bytes_max=3000):
        """The tail of a server's console, from the node's own file."""
        for path in (self.state / "node").rglob("*console*"):
            if server_id in str(path) and path.is_file():
                return path.read_bytes()[-bytes_max:].decode(errors="replace")
        return "(no console log)"

    def explain(self, server_id=None):
        """What helps to see why something did not come."""
        text = ""
        if server_id:
            with contextlib.suppress(Exception):
                answer = self.api("GET", f"{COMPUTE}/servers/{server_id}", self.new_token(ADMIN)).text
                text += f"--- server\n{answer[:3000]}\n"
            text += f"--- console of {server_id}\n{self.console(server_id)}\n"
        for role in ("control", "node"):
            text += f"--- {role}.log\n{self.log(role)}\n"
        return text

    def leftovers(self):
        """Everything on the host that carries the cloud's tag, or a process that serves its state directory."""
        tag = self.tag
        return {
            "domains": hostlib.domains(tag), "links": hostlib.links(tag), "namespaces": hostlib.namespaces(tag),
            "tables": [t for t in [hostlib.nft_text(tag)[:200]] if t],
            "processes": hostlib.processes(str(self.state)),
        }


def bring_up(port, cidr, state=None, more=()):
    """A cloud of its own, up, with the external block free before; `more` is said to its first `haneul up`."""
    cloud = Cloud(port, cidr, state)
    began = time.monotonic()
    done = cloud.first_up(*more, check=False)
    if done.returncode != 0:
        raise AssertionError(f"`haneul up` failed:\n{done.stdout}{done.stderr}\n{cloud.explain()}")
    cloud.up_seconds = time.monotonic() - began
    return cloud
