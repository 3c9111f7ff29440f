"""A PostgreSQL server of a test's own: on a Unix socket, with a user that owns its database and needs a password."""

import os
import secrets
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import quote

from hostlib import run, wait_for

PROGRAMS = "/usr/lib/postgresql/15/bin"
AS_SERVER = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]


class Postgres:
    def __init__(self):
        self.folder = Path(f"/var/tmp/haneul-pgsys-{secrets.token_hex(4)}")
        self.data, self.password = self.folder / "data", secrets.token_urlsafe(16)
        self.folder.mkdir()
        shutil.chown(self.folder, "postgres", "postgres")
        self.server(f"{PROGRAMS}/initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", self.data)
        (self.data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nmax_connections = 60\n")
        self.start()
        self.psql(f"CREATE ROLE haneul LOGIN PASSWORD '{self.password}'", database="postgres")
        self.psql("CREATE DATABASE haneul OWNER haneul", database="postgres")

    def server(self, *words, check=True):
        return run(*AS_SERVER, *words, cwd="/", check=check, timeout=120)

    @property
    def url(self):
        return f"postgres://haneul:{self.password}@/haneul?host={quote(str(self.folder), safe='')}"

    def start(self):
        self.server(f"{PROGRAMS}/pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", "60", "start")

    def stop(self, mode="fast"):
        self.server(f"{PROGRAMS}/pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop")

    def psql(self, command, database="haneul"):
        return run("psql", "-X", "-q", "-t", "-A", "-h", self.folder, "-U", "postgres", "-d", database, "-c",
                   command).stdout.strip()

    def remove(self):
        with_pid = self.data / "postmaster.pid"
        if with_pid.exists():
            process = int(with_pid.read_text().split()[0])
            os.kill(process, signal.SIGQUIT)
            wait_for("the server gone", lambda: not Path(f"/proc/{process}").exists(), 60, every=0.1)
        time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)
