"""What stands on the host: links, namespaces, rules, domains, packets. Reads only; nothing here changes the host."""

import contextlib
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

VIRSH = ["virsh", "-q", "-c", "qemu:///system"]


def run(*words, timeout=60, check=True, **more):
    """Runs a command (an argument list, no shell) and returns the finished process with its text output."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))} → {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def wait_for(what, probe, timeout, every=0.25, explain=None):
    """Calls `probe` until it returns something true, and returns that. Fails by saying what did not come, what was
    seen last, and whatever `explain()` adds. An AssertionError or ConnectionError of the probe counts as not yet."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except (AssertionError, ConnectionError, TimeoutError, subprocess.TimeoutExpired) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(
                f"{what}: not within {timeout} s. Last seen: {last!r}\n{explain() if explain else ''}")
        time.sleep(every)


def domains(tag):
    """Names of the cloud's libvirt domains, running or not."""
    names = run(*VIRSH, "list", "--all", "--name").stdout.split()
    return [n for n in names if n.startswith(f"haneul-{tag}-")]


def links(tag):
    """Names of the cloud's interfaces in the host's namespace."""
    return [x["ifname"] for x in json.loads(run("ip", "-j", "link").stdout) if x["ifname"].startswith("h" + tag)]


def namespaces(tag):
    found = json.loads(run("ip", "-j", "netns").stdout or "[]")
    return [x["name"] for x in found if x["name"].startswith(f"haneul-{tag}-")]


def nft_text(tag):
    """The cloud's tables in the host's namespace, as text; empty where there are none."""
    tables = [t for t in run("nft", "list", "tables").stdout.splitlines() if t.endswith(f"haneul_{tag}")]
    return "\n".join(run("nft", "list", *t.split()).stdout for t in tables)


def processes(*words):
    """Ids of the processes whose command line has all of these words in it, without our own."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(w in line for w in words):
                    found.append(int(folder.name))
    return found


def files_mentioning(folder, text, but=()):
    """Files below `folder`, up to 4 MB each, with the text in name or content; paths with a word of `but` left out."""
    found = []
    for path in Path(folder).rglob("*"):
        with contextlib.suppress(OSError):
            if any(word in str(path) for word in but):
                continue
            if text in path.name:
                found.append(str(path))
            elif path.is_file() and path.stat().st_size < 4 << 20 and text.encode() in path.read_bytes():
                found.append(str(path))
    return found


def ping(address, count=3, interval=0.3, wait=2):
    """How many of `count` echo requests were answered."""
    done = run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", wait, address, check=False, timeout=120)
    for line in done.stdout.splitlines():
        if "packets transmitted" in line:
            return int(line.split(",")[1].split()[0])
    raise AssertionError(f"ping {address}: {done.stdout}{done.stderr}")


def tcp_answers(address, port, timeout=3):
    """`open`, `refused` or `silent`."""
    try:
        with socket.create_connection((address, port), timeout=timeout):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"


SSH_OPTIONS = [
    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o",
    "BatchMode=yes",
    "-o", "PasswordAuthentication=no", "-o", "ConnectTimeout=8", "-o", "ServerAliveInterval=5", "-F", "/dev/null",
]


def ssh_words(address, key, command):
    return ["ssh", *SSH_OPTIONS, "-i", str(key), f"cirros@{address}", command]


def ssh(address, key, command, timeout=40, check=True, stdin=None):
    """Runs a command in a guest and returns what it printed. Fails with its whole output where it returns not 0."""
    done = subprocess.run(
        ssh_words(address, key, command), input=stdin, capture_output=True, timeout=timeout,
        stdin=subprocess.DEVNULL if stdin is None else None)
    text = done.stdout.decode(errors="replace")
    if check and done.returncode != 0:
        wrong = done.stderr.decode(errors="replace")
        raise AssertionError(f"ssh {address} {command!r} → {done.returncode}: {text} {wrong}")
    return text


def new_ssh_key(folder, name="key"):
    """A fresh ed25519 key pair; the path of its private half."""
    path = Path(folder) / name
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
    return path


class Pinger:
    """Pings an address in the background, ten times a second; `stop` says how many were sent and how many lost."""

    def __init__(self, address, interval=0.1):
        self.process = subprocess.Popen(
            ["ping", "-n", "-i", str(interval), "-W", "5", address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)

    def stop(self):
        time.sleep(1.5)  # answers on their way
        self.process.send_signal(2)
        out = self.process.communicate(timeout=20)[0]
        seen = [int(w.split("=")[1]) for line in out.splitlines() if "bytes from" in line
                for w in line.split() if w.startswith("icmp_seq=")]
        summary = next((line for line in out.splitlines() if "packets transmitted" in line), "")
        sent = int(summary.split()[0]) if summary else 0
        # The last ones may still have been on their way when ping ended.
        lost = sorted(set(range(1, sent - 2)) - set(seen))
        return sent, lost


class Capture:
    """Records what is sent to an interface, in a namespace where one is named. `frames` are raw Ethernet frames."""

    def __init__(self, interface, namespace=None, expression=()):
        handle, self.path = tempfile.mkstemp(suffix=".pcap", prefix="haneul-system-")
        os.close(handle)
        os.chmod(self.path, 0o666)
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.words = [*inside, "tcpdump", "-i", interface, "-n", "-U", "-s", "512", "-w", self.path, *expression]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        while line and "listening on" not in line:
            line = self.process.stderr.readline()
        if not line:
            raise AssertionError(f"tcpdump did not start: {self.words}")
        return self

    def __exit__(self, *_):
        time.sleep(0.5)
        self.process.terminate()
        self.process.wait(timeout=10)
        self.frames = list(self._read())
        os.unlink(self.path)

    def _read(self):
        data = Path(self.path).read_bytes()
        at = 24
        while at + 16 <= len(data):
            length = struct.unpack_from("<I", data, at + 8)[0]
            yield data[at + 16: at + 16 + length]
            at += 16 + length

    def count(self, marker):
        return sum(marker in frame for frame in self.frames)
