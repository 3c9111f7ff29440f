"""What a rate is compared with and told by: the bare HTTP server, the raw engines, and an even load."""

import http.client
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from cloud import PORT, run, wait_until

BARE_PORT, POSTGRES_PORT = PORT + 1, PORT + 2


# Other guests of the same host take these cores away for seconds at a time, which only ever lowers a rate and raises a
# latency: each figure is the best of so many runs, ours and what it is compared with alike.
RUNS = 3


def best(run, by, highest=True):
    """The run with the highest (or lowest) `by` of `RUNS`."""
    return (max if highest else min)((run() for _ in range(RUNS)), key=by)


class Programs:
    """The benchmark's own, beside one another."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __getitem__(self, name):
        return str(self.folder / name)


class Bare:
    """What the HTTP server alone does with answers of the same size, once for each size."""

    def __init__(self, programs, cloud):
        self.programs, self.cloud, self.known = programs, cloud, {}

    @contextmanager
    def running(self, size):
        server = subprocess.Popen([self.programs["bare-http"], str(BARE_PORT), str(size)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until("the bare server", lambda: answers(BARE_PORT, "/bare"), 20, every=0.05)
            yield
        finally:
            server.terminate()
            server.wait(10)

    def per_second(self, size, connections):
        known = (max(64, size // 256 * 256), connections)
        if known not in self.known:
            with self.running(known[0]):
                self.known[known] = best(lambda: self.rate(connections), float)
        return self.known[known]

    def rate(self, connections, seconds=3):
        out = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", "wrk.lua", f"http://127.0.0.1:{BARE_PORT}/bare"],
            env={**os.environ, "METHOD": "GET", "TOKEN": ""}, capture_output=True, text=True, check=True).stdout
        found = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
        return found["requests"] / found["seconds"]

    def paced(self, per_second):
        with self.running(1024):
            return best(lambda: paced(self.programs, BARE_PORT, "/bare", {}, per_second), worst, highest=False)


def answers(port, path):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False


def worst(found):
    return found["p99_ms"]


def spread(found):
    return found["p99_ms"] / found["p50_ms"]


def paced(programs, port, path, headers, per_second, seconds=5, connections=32):
    """Latency of GET under an even load, counted from the moment each request was due. The pacer comes before everything
    else on these cores: else its own waiting for one would be told as the server's."""
    head = "".join([f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", *(f"{k}: {v}\r\n" for k, v in headers.items())])
    out = subprocess.run(
        ["chrt", "-f", "1", programs["pacer"], str(port), str(connections), f"{per_second:.0f}", str(seconds)],
        input=head + "\r\n", capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def raw(programs, engine, where, batch=64, seconds=3):
    def rate():
        place = f"{where}-{secrets.token_hex(2)}" if engine == "sqlite" else where
        return json.loads(run(programs["raw-store"], engine, place, batch, seconds))["per_second"]
    return best(rate, float)


@contextmanager
def postgres():
    """A PostgreSQL of the benchmark's own, as Debian makes it but for its place. Yields the address of a database."""
    folder = Path(f"/var/tmp/haneul-bench-postgres-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    shutil.chown(folder, "postgres", "postgres")
    server = shutil.which("postgres") or next(iter(Path("/usr/lib/postgresql").glob("*/bin/postgres")))
    tools = Path(server).resolve().parent
    us = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    run(*us, tools / "initdb", "-D", folder / "data", "-A", "trust", "-U", "haneul", "--no-sync")
    flags = f"-c listen_addresses=127.0.0.1 -p {POSTGRES_PORT} -c unix_socket_directories={folder} -c fsync=on"
    control = [*us, tools / "pg_ctl", "-D", folder / "data", "-w", "-t", "60"]
    run(*control, "-l", folder / "log", "-o", flags, "start")
    try:
        run("psql", "-h", "127.0.0.1", "-p", POSTGRES_PORT, "-U", "haneul", "-d", "postgres", "-c",
            "CREATE DATABASE haneul")
        yield f"postgres://haneul@127.0.0.1:{POSTGRES_PORT}/haneul"
    finally:
        run(*control, "-m", "fast", "stop", check=False)
        shutil.rmtree(folder)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
