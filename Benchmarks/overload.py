"""Ten times the load that control can serve: it must keep its full rate, and its memory a bound."""

import re
import subprocess
import threading
import time

from cloud import PORT

FULL, TIMES, SECONDS = 64, 10, 8
# Of the full rate, what must be left; MiB of memory at the most.
SHARE, MEMORY = 0.8, 600


def resident(pid):
    """Resident MiB now and at most."""
    text = open(f"/proc/{pid}/status").read()
    return [int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024 for name in ("VmRSS", "VmHWM")]


def cpu(pid):
    """Seconds of processor the process has used."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def load(url, pid, token, connections, seconds=SECONDS):
    """One run of wrk: answers a second, those that said "later", CPU of each in µs, p50 and p99 in ms, memory."""
    before, peak, done = cpu(pid), [0.0], threading.Event()

    def watch():
        while not done.wait(0.1):
            peak[0] = max(peak[0], resident(pid)[0])
    watcher = threading.Thread(target=watch)
    watcher.start()
    words = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", url]
    words += ["-H", f"X-Auth-Token: {token}"] if token else []
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    done.set()
    watcher.join()
    count = int(re.search(r"(\d+) requests in", text)[1])
    later = int((re.search(r"Non-2xx or 3xx responses: (\d+)", text) or [0, 0])[1])
    broken = [int(n) for n in re.findall(r"(?:connect|read|write|timeout) (\d+)", text)]
    scale = {"us": 0.001, "ms": 1, "s": 1000}
    tail = {p: float(n) * scale[u] for p, n, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", text)}
    return {
        "served": (count - later) / seconds, "later": later / seconds, "broken": sum(broken),
        "cpu": (cpu(pid) - before) / max(1, count) * 1e6, "p50": tail.get("50", 0), "p99": tail.get("99", 0),
        "memory": peak[0]}


def measure(cloud, row):
    cloud.rest()
    pid = cloud.processes()["control"]
    for what, path, token in [
        ("`GET /v3`, no token", "/identity/v3", None), ("`GET /v2.0/networks`", "/network/v2.0/networks", cloud.token),
    ]:
        url = f"http://127.0.0.1:{PORT}{path}"
        load(url, pid, token, FULL, 3)
        full = load(url, pid, token, FULL)
        time.sleep(2)
        over = load(url, pid, token, FULL * TIMES)
        kept = over["served"] / full["served"]
        row(f"{what}, {FULL * TIMES} clients",
            f"{over['served']:.0f}/s served of {full['served']:.0f}/s with {FULL} ({100 * kept:.0f} %), "
            f"{over['later']:.0f}/s told to come later, {over['broken']} broken, p50 {over['p50']:.0f} ms, "
            f"p99 {over['p99']:.0f} ms, {over['cpu']:.0f} µs CPU, memory {over['memory']:.0f} MiB",
            f"≥ {100 * SHARE:.0f} %, ≤ {MEMORY} MiB", kept >= SHARE and over["memory"] <= MEMORY)
