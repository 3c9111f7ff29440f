"""The edge of a real control process: TLS, proxies, slow and greedy clients, ten times too much work, and its end."""

import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest
import requests

from cloudlib import ADMIN, COMPUTE, IDENTITY, IMAGES, MEMBER, Cloud
from conftest import OTHER_EXTERNAL, OTHER_PORT, measured, running
from hostlib import run, wait_for

PROXY = "127.0.0.9"
# Resident memory of a control process that is asked for ten times what it can do, in MiB: a debug build too.
MEMORY_MAX = 600


class Edge(Cloud):
    """A cloud with the built-in authority, and a proxy that it trusts."""

    def __init__(self):
        super().__init__(OTHER_PORT, OTHER_EXTERNAL)
        self.url = f"https://127.0.0.1:{self.port}"
        self.http.verify = str(self.ca)
        self.http.trust_env = False  # whatever else the environment trusts

    @property
    def ca(self):
        return self.state / "ca.pem"

    def connect_tls(self, protocols=("http/1.1",), source=None):
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(
            ("127.0.0.1", self.port), timeout=60, source_address=source and (source, 0))
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def memory(self):
        """Resident MiB of control, and the most it ever was."""
        text = open(f"/proc/{self.process('control')}/status").read()
        return [int(re.search(rf"{name}:\s+(\d+)", text)[1]) // 1024 for name in ("VmRSS", "VmHWM")]


@pytest.fixture(scope="module")
def edge(host):
    cloud = Edge()
    done = cloud.up(
        "--listen", f"127.0.0.1:{cloud.port}", "--external-cidr", cloud.cidr, "--tls", "--trusted-proxy", PROXY,
        check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{cloud.explain()}"
    running.append(cloud)
    yield cloud
    running.remove(cloud)
    cloud.down("--clear-host", check=False)
    shutil.rmtree(cloud.state, ignore_errors=True)


def read_all(wire):
    """What comes until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := wire.recv(65536):
            data += piece
    return data


class TestTLS:
    def test_clients_trust_the_built_in_authority(self, edge):
        assert edge.openstack("token issue")["id"]
        assert edge.openstack("catalog list", ADMIN)
        assert edge.haneul("status", "--state-dir", edge.state).returncode == 0
        url = edge.url + IDENTITY
        assert run("curl", "-sSf", "--cacert", edge.ca, url).returncode == 0
        assert run("curl", "-sS", url, check=False).returncode == 60

    def test_versions_of_tls(self, edge):
        def shake(*flags):
            return run(
                "openssl", "s_client", "-connect", f"127.0.0.1:{edge.port}", "-CAfile", edge.ca, "-verify_return_error",
                "-verify_ip", "127.0.0.1", *flags, check=False, input="")
        for flag in ("-tls1_2", "-tls1_3"):
            done = shake(flag)
            assert "Verify return code: 0 (ok)" in done.stdout, done.stdout + done.stderr
        assert shake("-tls1_1", "-cipher", "ALL:@SECLEVEL=0").returncode != 0

    def test_keys_are_controls_own(self, edge):
        folder = edge.state / "control" / "tls"
        user = (edge.state / "control").stat().st_uid
        for name in ("ca.key", "server.key"):
            facts = (folder / name).stat()
            assert (facts.st_mode & 0o777, facts.st_uid) == (0o600, user)
        assert edge.ca.stat().st_mode & 0o777 == 0o644
        assert "PRIVATE" not in edge.ca.read_text()

    def test_http2_is_spoken_where_it_is_asked_for(self, edge):
        for flag, version in (("--http2", "2"), ("--http1.1", "1.1")):
            done = run(
                "curl", "-sS", "--cacert", edge.ca, flag, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                edge.url + IDENTITY)
            assert done.stdout == f"{version} 200"
        token = edge.new_token(MEMBER)
        done = run(
            "curl", "-sSi", "--cacert", edge.ca, "--http2", "-H", f"X-Auth-Token: {token}", "-H",
            "Content-Type: application/json", "-d", '{"keypair": {"name": "edge"}}',
            edge.url + COMPUTE + "/os-keypairs")
        assert "HTTP/2 200" in done.stdout and "private_key" in done.stdout, done.stdout
        large = run(
            "curl", "-sSi", "--cacert", edge.ca, "--http2", "-H", f"X-Auth-Token: {token}", "--data-binary", "@-",
            edge.url + COMPUTE + "/os-keypairs", input="x" * 400_000)
        assert "HTTP/2 413" in large.stdout and "overLimit" in large.stdout, large.stdout

    def test_without_tls_nothing_is_answered(self, edge):
        with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as wire:
            wire.sendall(b"GET /identity/v3 HTTP/1.1\r\nHost: c\r\n\r\n")
            assert b"HTTP/" not in read_all(wire)

    def test_a_certificate_is_renewed_under_open_connections(self, edge):
        def serial():
            with edge.connect_tls() as wire:
                return wire.getpeercert()["serialNumber"]
        before = serial()
        request = b"GET /identity/v3 HTTP/1.1\r\nHost: c\r\n"
        with edge.connect_tls() as old:
            old.sendall(request + b"\r\n")
            assert old.recv(65536).startswith(b"HTTP/1.1 200 ")
            (edge.state / "control" / "tls" / "server.pem").unlink()
            wait_for("a new certificate", lambda: serial() != before, 60, explain=edge.explain)
            old.sendall(request + b"Connection: close\r\n\r\n")
            assert read_all(old).startswith(b"HTTP/1.1 200 ")


class TestReach:
    def where(self, edge, source):
        with edge.connect_tls(source=source) as wire:
            wire.sendall(
                b"GET /identity/v3 HTTP/1.1\r\nHost: inner:1\r\nX-Forwarded-Proto: http\r\n"
                b"X-Forwarded-Host: outer:2\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n")
            return re.search(rb'"href":"(.*?)/identity', read_all(wire))[1]

    def test_only_the_trusted_proxy_says_where_we_are(self, edge):
        assert self.where(edge, PROXY) == b"http://outer:2"
        assert self.where(edge, "127.0.0.1") == b"https://inner:1"

    def test_without_tls_only_loopback_is_listened_on(self, edge):
        done = edge.up("--no-tls", "--listen", "192.0.2.1:8799", check=False)
        assert done.returncode != 0 and "loopback" in done.stdout + done.stderr

    def test_probes(self, edge):
        assert edge.api("GET", "/healthz").status_code == 200
        assert wait_for("ready", lambda: edge.api("GET", "/readyz").status_code == 200, 30)

    def test_options_head_and_slash(self, edge):
        answer = edge.api("OPTIONS", IDENTITY)
        assert answer.status_code == 200 and "GET" in answer.headers["Allow"]
        whole, head = edge.api("GET", IDENTITY + "/"), edge.api("HEAD", IDENTITY)
        assert head.content == b"" and head.headers["Content-Length"] == str(len(whole.content))


class TestSlowAndGreedy:
    def test_half_said_requests_keep_nobody_out(self, edge):
        """Slowloris: many heads that never end; others are served, and the slow ones are cut."""
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(edge.connect_tls()) for _ in range(200)]
            for wire in wires:
                wire.sendall(b"GET /identity/v3 HTTP/1.1\r\nHost: ")
            for _ in range(20):
                assert edge.api("GET", IDENTITY).status_code == 200
            for wire in wires[:10]:
                assert b"408 " in read_all(wire)

    def test_a_slow_body_is_given_up(self, edge):
        token = edge.new_token(MEMBER).encode()
        with edge.connect_tls() as wire:
            wire.sendall(
                b"POST /compute/v2.1/os-keypairs HTTP/1.1\r\nHost: c\r\nX-Auth-Token: " + token
                + b"\r\nContent-Length: 1000\r\n\r\n{")
            answer = read_all(wire)
        assert b" 408 " in answer and b"requestTimeout" in answer

    def test_more_connections_than_there_are(self, edge):
        """Far more than fit: old idle ones make room, and whoever speaks is heard."""
        wires = []
        try:
            for _ in range(2500):
                with contextlib.suppress(OSError):
                    wires.append(socket.create_connection(("127.0.0.1", edge.port), timeout=60))
            assert edge.memory()[0] < MEMORY_MAX
            wait_for("the API answers", lambda: listens(edge), 30)
        finally:
            for wire in wires:
                wire.close()

    def test_ten_times_too_much(self, edge):
        """It keeps working at its rate: everybody gets an answer or is told to come later, in bounded memory."""
        token = edge.new_token(MEMBER)
        path = f"{COMPUTE}/servers/detail"
        assert edge.api("GET", path, token).status_code == 200
        answers = []

        def knock(stop):
            while not stop.is_set():
                answers.append(edge.api("GET", path, token, timeout=60).status_code)
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            patient = pool.submit(knock, stop)
            done = run(
                "wrk", "-t2", "-c1000", "-d10s", "--timeout", "30s", "-H", f"X-Auth-Token: {token}", edge.url + path,
                timeout=120)
            stop.set()
            patient.result(timeout=90)
        served = int(re.search(r"(\d+) requests in", done.stdout)[1])
        refused = int((re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout) or [0, 0])[1])
        resident, most = edge.memory()
        measured.append(f"edge: {served} answers in 10 s to 1,000 clients, {refused} told to come later; "
                        f"control {resident} MiB, at most {most} MiB")
        assert served - refused > 0, done.stdout
        assert not re.search(r"read [1-9]|write [1-9]", done.stdout), done.stdout
        assert answers and set(answers) <= {200, 503}
        assert most < MEMORY_MAX
        assert edge.api("GET", path, token).status_code == 200


class TestTheEnd:
    def test_what_was_begun_is_finished(self, edge):
        """SIGTERM in the middle of an upload: it is taken whole and acknowledged, then control ends."""
        token = edge.new_token(ADMIN)
        made = edge.api("POST", f"{IMAGES}/images", token, json={
            "name": "edge", "disk_format": "raw", "container_format": "bare"}).json()["id"]
        process = edge.process("control")
        with edge.connect_tls() as wire, edge.connect_tls() as idle:
            wire.sendall(
                f"PUT {IMAGES}/images/{made}/file HTTP/1.1\r\nHost: c\r\nX-Auth-Token: {token}\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 2000000\r\n\r\n".encode())
            wire.sendall(b"\0" * 1_000_000)
            wait_for("it is taken", lambda: edge.api("GET", f"{IMAGES}/images/{made}", token).json()["status"]
                     == "saving", 30)
            os.kill(process, signal.SIGTERM)
            wait_for("nobody else is let in", lambda: not listens(edge), 30)
            wire.sendall(b"\0" * 1_000_000)
            answer = read_all(wire)
            assert answer.startswith(b"HTTP/1.1 204 "), answer
            assert b"Connection: close" in answer
            assert read_all(idle) == b""
        wait_for("control has ended", lambda: edge.process("control") != process, 30)
        edge.up()
        wait_for("it is there", lambda: edge.api(
            "GET", f"{IMAGES}/images/{made}", edge.new_token(ADMIN)).json()["status"] == "active", 30)


def listens(edge):
    try:
        requests.get(edge.url + IDENTITY, verify=str(edge.ca), timeout=10)
        return True
    except requests.ConnectionError:
        return False
