"""Twenty thousand servers on a thousand nodes in memory: what control does with them."""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from cloud import Cloud, run, timed, wait_until
from load import percentile

NODES = int(os.environ.get("NODES", "1000"))
SERVERS = int(os.environ.get("SERVERS", "20000"))
CLIENTS = 4
PER_REQUEST = 20
RATE, PAGE_MS, MEMORY_MB = 100, 20, 1000


class Counter:
    """Counts rows of control's store beside it: the API's own lists would be part of the load."""

    def __init__(self, cloud):
        self.store = sqlite3.connect(f"file:{cloud.state}/control/store.sqlite?mode=ro", uri=True)

    def __call__(self, sql):
        return self.store.execute(sql).fetchone()[0]


def rss_mb(cloud):
    text = Path(f"/proc/{cloud.processes()['control']}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def create(cloud, image, flavor):
    """All servers, by a few clients at once. Returns how long each answer took."""
    times, left, lock = [], [SERVERS // PER_REQUEST], threading.Lock()

    def client():
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            times.append(timed(lambda: cloud.create(
                image, flavor, "none", min_count=PER_REQUEST, max_count=PER_REQUEST)))
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    return threads, times


def measure(cloud, programs, row):
    cloud.unlimited()
    # A blank image: what a thousand nodes fetch is small.
    blank = cloud.state / "blank.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", blank, "1M")
    image, flavor = cloud.upload(blank), cloud.flavor("bench-fleet", 512)
    os.kill(cloud.processes()["node"], signal.SIGTERM)
    wait_until("the node's end", lambda: not cloud.alive("node"), 20)
    nodes = subprocess.Popen([programs["simulated-node"], str(cloud.state), str(NODES)],
        stdout=subprocess.DEVNULL, stderr=(cloud.state / "simulated.log").open("wb"))
    count = Counter(cloud)
    try:
        began = time.perf_counter()
        wait_until("all nodes", lambda: count("SELECT count(*) FROM node WHERE up = 1") >= NODES, 600, every=0.5)
        row(f"{NODES} simulated nodes connected", f"{time.perf_counter() - began:.0f} s")
        cpu, began = cloud.cpu_seconds(), time.perf_counter()
        threads, times = create(cloud, image, flavor)
        active = "SELECT count(*) FROM server WHERE status = 'ACTIVE'"
        wait_until("all ACTIVE", lambda: count(active) >= SERVERS, 3600, every=0.5)
        took = time.perf_counter() - began
        for thread in threads:
            thread.join()
        row(f"{SERVERS} servers on {NODES} nodes, from the first request to all observed ACTIVE",
            f"{SERVERS / took:.0f}/s, {1000 * (cloud.cpu_seconds() - cpu) / SERVERS:.1f} ms CPU each, accepted (of "
            f"{PER_REQUEST}) p50 {1000 * percentile(times, 0.5):.0f} ms, p95 {1000 * percentile(times, 0.95):.0f} ms",
            f"≥ {RATE}/s", SERVERS / took >= RATE)
        spread = count("SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM server GROUP BY node_id)")
        row("most servers on a node less the fewest", f"{spread}")
        pages(cloud, row)
        idle(cloud, row)
        row("memory of control, its peak (RSS)", f"{rss_mb(cloud):.0f} MB", f"< {MEMORY_MB} MB", rss_mb(cloud) < MEMORY_MB)
    finally:
        nodes.terminate()
        nodes.wait(60)
        run("rm", "-rf", f"/dev/shm/haneul-simulated-{nodes.pid}")


def pages(cloud, row):
    for what, path in [
        ("`GET /servers?limit=100`", "/compute/v2.1/servers?limit=100"),
        ("`GET /servers?limit=100&all_tenants=1`", "/compute/v2.1/servers?limit=100&all_tenants=1"),
    ]:
        found = cloud.wrk(path, connections=8)
        row(f"{what} of {SERVERS}, 8 clients",
            f"p50 {found['p50_ms']:.1f} ms, p95 {found['p95_ms']:.1f} ms, {found['cpu_ms']:.2f} ms CPU, "
            f"{found['per_second']:.0f}/s", f"p95 < {PAGE_MS} ms", found["p95_ms"] < PAGE_MS)
    times, marker = [], ""
    while True:
        began = time.perf_counter()
        page = cloud.api("GET", f"/compute/v2.1/servers?limit=100{marker}")["servers"]
        times.append(time.perf_counter() - began)
        if len(page) < 100:
            break
        marker = f"&marker={page[-1]['id']}"
    row(f"all {len(times)} pages of 100, one after the other",
        f"p50 {1000 * percentile(times, 0.5):.1f} ms, p95 {1000 * percentile(times, 0.95):.1f} ms", f"p95 < {PAGE_MS} ms",
        1000 * percentile(times, 0.95) < PAGE_MS)


def idle(cloud, row):
    before = cloud.cpu_seconds()
    time.sleep(60)
    row(f"idle CPU of control, {SERVERS} servers on {NODES} nodes", f"{100 * (cloud.cpu_seconds() - before) / 60:.1f} %")
