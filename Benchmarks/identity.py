"""Identity: tokens, their validation, the catalogue, long lists, and what a user of many groups may do."""

import hashlib
import http.client
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from cloud import PORT
from load import best

# Sizes of issue 5; SMALL=1 tries the way of it.
SMALL = bool(os.environ.get("SMALL"))
USERS, ENDPOINTS, GROUPS, PROJECTS, PAGE = (300, 50, 20, 100, 100) if SMALL else (10_000, 50, 200, 1_000, 1_000)
RUNS = 5
# Keystone 30 on MariaDB, the same kind of machine (Benchmarks of ../shared/bench): CPU of all its processes, p50 alone.
KEYSTONE = {
    "password": "Keystone, bcrypt 12: 256 ms CPU, p50 246 ms", "validate": "Keystone: 4.7 ms CPU, p50 4.6 ms",
    "catalog": "Keystone: 3.4–4.5 ms CPU, p50 4.4 ms",
}


class Filler:
    """Makes what is listed, through the API, a few at a time."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.pool = ThreadPoolExecutor(4)

    def made(self, kind, path, bodies):
        def make(body):
            return self.cloud.api("POST", f"/identity/v3/{path}", {kind: body})[kind]["id"]
        return list(self.pool.map(make, bodies))

    def put(self, paths):
        list(self.pool.map(lambda path: self.cloud.api("PUT", f"/identity/v3/{path}"), paths))

    def endpoints(self):
        """As many endpoints as `ENDPOINTS`, those that are there counted."""
        there = len(self.cloud.api("GET", "/identity/v3/endpoints")["endpoints"])
        services = self.made("service", "services", (
            {"type": f"bench-{n}", "name": f"bench-{n}"} for n in range(ENDPOINTS - there)))
        self.made("endpoint", "endpoints", (
            {"service_id": service, "interface": "public", "region_id": "RegionOne", "url": "http://127.0.0.1:1/v1"}
            for service in services))

    def users(self, role):
        """`USERS` users without a password, each with a role in the administrator's project."""
        users = self.made("user", "users", ({"name": f"bench-{n}", "domain_id": "default"} for n in range(USERS)))
        self.put(f"projects/{self.cloud.project}/users/{user}/roles/{role}" for user in users)
        return users

    def member_of_many(self, user, role):
        """Puts a user into `GROUPS` groups, which have a role in `PROJECTS` projects, each in its share."""
        groups = self.made("group", "groups", ({"name": f"bench-{n}", "domain_id": "default"} for n in range(GROUPS)))
        projects = self.made(
            "project", "projects", ({"name": f"bench-{n}", "domain_id": "default"} for n in range(PROJECTS)))
        self.put(f"groups/{group}/users/{user}" for group in groups)
        self.put(f"projects/{project}/groups/{groups[n % GROUPS]}/roles/{role}" for n, project in enumerate(projects))


class Reader:
    """One client on one connection: what a request takes, and what control spends on it."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)

    def get(self, path):
        self.connection.request("GET", path, headers={"X-Auth-Token": self.cloud.token})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"GET {path} → {answer.status} {body[:300]}")
        return body

    def pages(self, path, name):
        """Follows `next` to the end; how many there were, and how many pages."""
        count = pages = 0
        while path:
            body = json.loads(self.get(path))
            count, pages = count + len(body[name]), pages + 1
            path = (body["links"]["next"] or "").removeprefix(f"http://127.0.0.1:{PORT}")
        return count, pages

    def timed(self, work, runs):
        """Milliseconds of each run, and CPU milliseconds of one."""
        before, times = self.cloud.cpu_seconds(), []
        for _ in range(runs):
            began = time.perf_counter()
            work()
            times.append(1000 * (time.perf_counter() - began))
        return times, 1000 * (self.cloud.cpu_seconds() - before) / runs


def hash_ms():
    """What one hash of a password costs by the library of Python, on one core."""
    def once():
        began = time.perf_counter()
        hashlib.scrypt(b"password", salt=b"0123456789abcdef", n=1 << 14, r=8, p=1, dklen=32)
        return 1000 * (time.perf_counter() - began)
    return statistics.median(once() for _ in range(9))


def token_body(cloud):
    return {"auth": {
        "identity": {"methods": ["token"], "token": {"id": cloud.token}}, "scope": {"project": {"id": cloud.project}}}}


def rates(cloud, row):
    """Small requests by wrk, one client and eight."""
    def tell(what, path, beside="", **more):
        for connections in (1, 8):
            found = best(
                lambda: cloud.wrk(path, connections=connections, seconds=4, **more), lambda found: found["per_second"])
            clients = "1 client" if connections == 1 else f"{connections} clients"
            row(f"{what}, {clients}",
                f"p50 {found['p50_ms']:.2f} ms, p95 {found['p95_ms']:.2f} ms, {found['cpu_ms']:.2f} ms CPU, "
                f"{found['per_second']:.0f}/s" + (f" ({beside})" if beside else ""))
    tokens = "/identity/v3/auth/tokens"
    row("a password's hash alone, scrypt N 2^14 r 8 p 1, by Python's library", f"{hash_ms():.1f} ms")
    tell("`POST /v3/auth/tokens` by password, nothing of it cached", tokens, KEYSTONE["password"], method="POST",
         body=cloud.login_body())
    tell("`POST /v3/auth/tokens` from a token", tokens, method="POST", body=token_body(cloud))
    tell("`GET /v3/auth/tokens` (validate)", tokens, KEYSTONE["validate"])
    tell(f"`GET /v3/auth/catalog`, {ENDPOINTS} endpoints", "/identity/v3/auth/catalog", KEYSTONE["catalog"])


def lists(reader, row, user):
    def tell(what, work, runs):
        times, cpu = reader.timed(work, runs)
        row(what, f"p50 {statistics.median(times):.1f} ms, p95 {sorted(times)[int(0.95 * (len(times) - 1))]:.1f} ms, "
            f"{cpu:.1f} ms CPU")
    for name in ("users", "role_assignments"):
        path = f"/identity/v3/{name}"
        first = f"{path}?limit={PAGE}"
        count, pages = reader.pages(first, name)
        tell(f"`GET /v3/{name}?limit={PAGE}`, the first page of {count}", lambda: reader.get(first), 40)
        tell(f"`GET /v3/{name}`, all {pages} pages of {count}", lambda: reader.pages(first, name), RUNS)
        tell(f"`GET /v3/{name}`, all {count} in one answer", lambda: reader.get(path), RUNS)
    path = f"/identity/v3/role_assignments?effective&user.id={user}"
    count = len(json.loads(reader.get(path))["role_assignments"])
    tell(f"`GET /v3/role_assignments?effective`, a user of {GROUPS} groups over {PROJECTS} projects ({count})",
         lambda: reader.get(path), 20)


def measure(cloud, row):
    filler, reader = Filler(cloud), Reader(cloud)
    [member] = [role["id"] for role in cloud.api("GET", "/identity/v3/roles?name=member")["roles"]]
    filler.endpoints()
    rates(cloud, row)
    users = filler.users(member)
    filler.member_of_many(users[0], member)
    cloud.rest()
    lists(reader, row, users[0])
