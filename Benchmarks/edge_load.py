"""Ten times the load that control can serve: it must keep its full rate, and its memory a bound.
usage: edge_load.py URL PID [TOKEN]     (needs wrk; the URL of one small route, PID of control)"""

import re
import subprocess
import sys
import threading
import time

FULL, TIMES, SECONDS = 64, 10, 10


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


def overload(url, pid, token=None):
    """The full rate, then `TIMES` as many clients: both runs."""
    load(url, pid, token, FULL, 3)
    full = load(url, pid, token, FULL)
    time.sleep(2)
    return full, load(url, pid, token, FULL * TIMES)


def main():
    url, pid = sys.argv[1], int(sys.argv[2])
    token = sys.argv[3] if len(sys.argv) > 3 else None
    for clients, run in zip((FULL, FULL * TIMES), overload(url, pid, token)):
        print(
            f"{clients:4d} clients: {run['served']:8.0f} answers/s, {run['later']:6.0f} told to come later, "
            f"{run['broken']} broken, {run['cpu']:.1f} µs CPU each, p50 {run['p50']:.1f} ms, p99 {run['p99']:.1f} ms, "
            f"memory at most {run['memory']:.0f} MiB")


if __name__ == "__main__":
    main()
