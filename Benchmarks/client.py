"""The load driver that any OpenStack can be measured with, where it stands beside this project."""

import os
import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).resolve().parents[2] / "shared/bench/openstack_bench.py"


def measure(cloud, image, row):
    if not DRIVER.exists():
        row("`openstack_bench.py`", "not here")
        return
    flavor = cloud.flavor("bench-driver", 64)
    pids = cloud.state / "pids"
    pids.mkdir()
    (pids / "control.pid").write_text(str(cloud.processes()["control"]))
    out = subprocess.run(
        [sys.executable, DRIVER, "--only", "mem,auth,lists,net,sg", "--secs", "4", "--flavor", flavor, "--image", image,
         "--pids-dir", pids, "--json", cloud.state / "driver.json"],
        env={**os.environ, "OS_CLIENT_CONFIG_FILE": str(cloud.state / "clouds.yaml"), "OS_CLOUD": "haneul-admin"},
        capture_output=True, text=True)
    print(out.stdout + out.stderr)
    if out.returncode != 0:
        raise SystemExit("openstack_bench.py failed")
    header, *lines = out.stdout[out.stdout.index("\ntest") + 1:].splitlines()
    for line in lines:
        name, figures = line[:44].strip(), line[44:].split()
        row(f"`openstack_bench.py`: {name}", ", ".join(figures))
    row("`openstack_bench.py`: the columns are", ", ".join(header[44:].split("  ")).replace(", ,", ","))
