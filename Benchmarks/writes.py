"""Durable small writes over HTTP, one transaction each, 64 clients: on SQLite and on PostgreSQL, each also as a share of
what the raw engine does in batches of 64 in the same run."""

import secrets
import shutil
import subprocess
from pathlib import Path

from cloud import Cloud, wait_until
from load import best, postgres, raw

CONNECTIONS = 64
BOUNDS = {"SQLite": 3000, "PostgreSQL": 2000}


def key():
    folder = Path(f"/var/tmp/haneul-bench-key-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        return (folder / "key.pub").read_text().strip()
    finally:
        shutil.rmtree(folder)


def on(cloud, engine, image_path, alone, row):
    image, flavor = cloud.upload(image_path), cloud.flavor("bench-write", 1_000_000)
    cloud.unlimited()
    cloud.create(image, flavor, "none", min_count=CONNECTIONS, max_count=CONNECTIONS)
    wait_until("all in ERROR", lambda: not cloud.api("GET", "/compute/v2.1/servers?status=BUILD&limit=1")["servers"],
        every=0.2)
    cloud.rest()
    found = cloud.api("GET", "/compute/v2.1/servers")["servers"]
    more = {"SERVERS": ",".join(server["id"] for server in found), "KEY": key(), "PREFIX": secrets.token_hex(4)}
    runs = iter(range(100))
    for what, name in [("metadata", "`PUT /servers/{id}/metadata/{key}`"), ("keypair", "`POST /os-keypairs`")]:
        def load():
            # Names of its own in each run.
            prefix = f"{more['PREFIX']}{next(runs)}"
            return cloud.wrk("", connections=CONNECTIONS, script="write.lua", seconds=5,
                more={**more, "WHAT": what, "PREFIX": prefix})
        figures = best(load, lambda found: found["per_second"])
        row(f"{name} on {engine}, {CONNECTIONS} clients",
            f"{figures['per_second']:.0f}/s, {1000 * figures['cpu_ms']:.0f} µs CPU, p50 {figures['p50_ms']:.1f} ms, "
            f"{100 * figures['per_second'] / alone:.0f} % of {alone:.0f}/s raw", f"≥ {BOUNDS[engine]}/s",
            figures["per_second"] >= BOUNDS[engine])


def measure(binary, image_path, programs, row, sqlite_cloud):
    folder = Path(f"/var/tmp/haneul-bench-raw-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        on(sqlite_cloud, "SQLite", image_path, raw(programs, "sqlite", folder / "store"), row)
    finally:
        shutil.rmtree(folder)
    sqlite_cloud.remove()
    with postgres() as address:
        alone = raw(programs, "postgres", address)
        cloud = Cloud(binary, store=address)
        try:
            cloud.up()
            cloud.login()
            on(cloud, "PostgreSQL", image_path, alone, row)
        finally:
            cloud.remove()
