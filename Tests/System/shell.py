"""The `openstack` client as one process that runs many commands: a start of its own costs each a second and a half."""

import json
import os
import shlex
import subprocess
import sys
from importlib.metadata import entry_points

# Reads a JSON list of words a line, answers with one of exit status, output and errors. (`federation protocol set` ends
# with what it would show in place of a status.)
RUNNER = """
import contextlib, io, json, sys
from openstackclient import shell
answers = sys.stdout
for line in sys.stdin:
    out, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(wrong):
        try:
            status = shell.main(json.loads(line))
        except SystemExit as end:
            status = end.code
    status = status if isinstance(status, int) else 0
    print(json.dumps([status, out.getvalue(), wrong.getvalue()]), file=answers, flush=True)
"""

# The verbs whose commands print an object or a list.
PRINTING = ("list", "show", "create", "issue", "authorize")


def commands_of(group):
    """The names of the commands of a group of plugins, as they are typed."""
    return {point.name.replace("_", " ") for point in entry_points(group=group)}


class Shell:
    """Runs commands with the logins of a clouds.yaml, and remembers which they were. Each login has a process of its
    own, because the client keeps what it has once logged in."""

    def __init__(self, clouds_yaml, group):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
        self.env = {**clean, "OS_CLIENT_CONFIG_FILE": str(clouds_yaml), "OS_IDENTITY_API_VERSION": "3", "NO_COLOR": "1"}
        self.known = sorted(commands_of(group), key=len, reverse=True)
        self.ran = set()
        self.processes = {}

    def close(self):
        for process in self.processes.values():
            process.stdin.close()
            process.wait(30)

    def process(self, cloud):
        if cloud not in self.processes:
            self.processes[cloud] = subprocess.Popen(
                [sys.executable, "-c", RUNNER], env={**self.env, "OS_CLOUD": cloud}, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return self.processes[cloud]

    def run(self, command, cloud):
        """Exit status, output and errors of a command as a user types it."""
        name = next(name for name in self.known if command.startswith(name))
        self.ran.add(name)
        words = shlex.split(command) + (["-f", "json"] if name.split()[-1] in PRINTING else [])
        process = self.process(cloud)
        process.stdin.write(json.dumps(words) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def __call__(self, command, cloud="admin"):
        """What a command prints, as JSON where it is JSON. It must succeed."""
        status, out, wrong = self.run(command, cloud)
        assert status == 0, f"openstack {command}\n{out}{wrong[-1500:]}"
        return json.loads(out) if out.startswith(("{", "[")) else out.strip()
