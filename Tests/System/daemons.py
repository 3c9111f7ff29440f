"""A cloud's processes started by a test itself: armed to die at a named step, under a false clock, in a new boot."""

import contextlib
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import requests

from cloudlib import BINARY
from hostlib import wait_for

ROLES = ("control", "node")
SOURCES = Path(__file__).parents[2] / "Sources"


def start(cloud, role, env=None, wrap=()):
    """Starts a process of the cloud as `haneul up` does, with more environment and behind more words; its Popen.
    The environment is the process's own, not that of what changes its user."""
    as_user = ["setpriv", "--reuid", "haneul", "--regid", "haneul", "--clear-groups", "--no-new-privs", "--"]
    own = ["env", *[f"{name}={value}" for name, value in (env or {}).items()]]
    words = [*wrap, *(as_user if role == "control" else []), *own, BINARY, role, "--state-dir", str(cloud.state)]
    if role == "node":
        (cloud.state / "run" / "node.ready").unlink(missing_ok=True)
    with open(cloud.state / "log" / f"{role}.log", "ab") as log:
        return subprocess.Popen(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def armed(cloud, role, step, side, detail=""):
    """Starts a process that dies, as by `kill -9`, right before or after a named step."""
    point = ":".join([step, side, *([detail] if detail else [])])
    return start(cloud, role, {"HANEUL_CRASH_AT": point})


def await_death(cloud, role, process, what, timeout=60):
    """Waits until an armed process has died by its own hand. Fails where the step was never passed."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
        wait_for(f"{role} gone", lambda: cloud.process(role) is None, 10, every=0.02)
        raise AssertionError(f"{what}: the step was not passed within {timeout} s\n{cloud.explain()}") from None
    assert process.returncode == -signal.SIGKILL, (
        f"{what}: {role} ended by {process.returncode}, not at the step\n{cloud.explain()}")
    wait_for(f"{role} gone", lambda: cloud.process(role) is None, 10, every=0.02)


def stop(process):
    """Ends a process that `start` started."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def answers(cloud):
    """Whether the API answers."""
    with contextlib.suppress(requests.ConnectionError, requests.Timeout):
        return cloud.api("GET", "/identity/v3", timeout=5).status_code == 200
    return False


def await_api(cloud):
    wait_for("the API", lambda: answers(cloud), 60, every=0.03, explain=cloud.explain)


def await_node(cloud):
    """Waits until the node runs and has the whole manifest."""
    ready = cloud.state / "run" / "node.ready"
    wait_for("the node", lambda: ready.exists() and cloud.process("node"), 60, every=0.03, explain=cloud.explain)


def up(cloud):
    """`haneul up`; says why where it does not come."""
    done = cloud.up(check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{cloud.explain()}"
    return done


def patient(call, seconds=60):
    """Repeats a request while nobody answers. `call` must be harmless to repeat."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except (requests.ConnectionError, requests.Timeout):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def named_steps():
    """Every step of Step.swift, with the process that takes it."""
    text = (SOURCES / "Platform" / "Kit" / "Step.swift").read_text()
    steps = dict(re.findall(r'case (\w+) = "(\w+)"', text))
    control = re.search(r"case (\.[^:]*): \"control\"", text).group(1)
    ours = {name.strip().lstrip(".") for name in control.split(",")}
    return {value: "control" if name in ours else "node" for name, value in steps.items()}


class Killer:
    """Kills a process of the cloud at random moments and brings it back, in the background, until it has done so
    `times` times. The moments come from a seeded random source, so that a run can be told again."""

    def __init__(self, cloud, random, times):
        self.cloud, self.random, self.times = cloud, random, times
        self.done, self.problem = [], None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.began = time.monotonic()
        self.thread.start()

    @property
    def finished(self):
        return not self.thread.is_alive()

    def _run(self):
        try:
            for _ in range(self.times):
                time.sleep(self.random.uniform(0.2, 2.5))
                roles = self.random.choice([("control",), ("node",), ("node",), ("control", "node")])
                for role in roles:
                    self.cloud.kill(role)
                self.done.append((round(time.monotonic() - self.began, 2), "+".join(roles)))
                time.sleep(self.random.uniform(0, 0.8))
                up(self.cloud)
        except BaseException as error:  # told by the thread that waits for us
            self.problem = error

    def wait(self, timeout=180):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), f"the kills are not over: {self.done}"
        if self.problem:
            raise AssertionError(f"after {self.done}: {self.problem}") from self.problem
