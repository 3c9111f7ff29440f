"""Small authenticated reads, discovery, and a long list: rates by wrk, each also as a share of the bare HTTP server, and
latency under an even load of half of what was reached."""

from cloud import PORT, wait_until
from load import Bare, best, paced, spread, worst

SERVERS = 1000
CONNECTIONS = 64
SMALL, OPEN, LIST_MS, SPREAD = 12_000, 30_000, 10, 5


def servers(cloud, image):
    """A thousand servers with a port each, of a flavor that fits no host: they end in ERROR and take nothing."""
    cloud.unlimited()
    network, flavor = cloud.network("bench-list", "10.92.0.0/16"), cloud.flavor("bench-list", 1_000_000)
    for _ in range(SERVERS // 100):
        cloud.create(image, flavor, [{"uuid": network}], min_count=100, max_count=100)
    wait_until("all in ERROR", lambda: not cloud.api("GET", "/compute/v2.1/servers?status=BUILD&limit=1")["servers"],
        every=0.2)
    cloud.rest()
    return cloud.api("GET", "/compute/v2.1/servers?limit=1")["servers"][0]["id"]


def measure(cloud, image, programs, row):
    one = servers(cloud, image)
    flavor = cloud.api("GET", "/compute/v2.1/flavors")["flavors"][0]["id"]
    bare = Bare(programs, cloud)
    small = [
        ("`GET /v3/auth/tokens` (validate)", "/identity/v3/auth/tokens"),
        ("`GET /v3/projects`", "/identity/v3/projects"), ("`GET /v2/images`", "/image/v2/images"),
        ("`GET /v2.0/networks`", "/network/v2.0/networks"), ("`GET /flavors`", "/compute/v2.1/flavors"),
        ("`GET /flavors/{id}`", f"/compute/v2.1/flavors/{flavor}"),
        ("`GET /servers/{id}`", f"/compute/v2.1/servers/{one}"),
        ("`GET /servers?limit=1`", "/compute/v2.1/servers?limit=1"),
    ]
    rates = {}
    for what, path in small:
        rates[path] = tell(cloud, bare, row, what, path, SMALL)
    tell(cloud, bare, row, "`GET /v3`, no token", "/identity/v3", OPEN, token="")
    found = best(
        lambda: cloud.wrk(f"/compute/v2.1/servers/detail?limit={SERVERS}", connections=1, seconds=4),
        lambda found: found["p50_ms"], highest=False)
    size = found["bytes"] // found["requests"]
    row(f"`GET /servers/detail`, {SERVERS} servers with a port each ({size / 1e6:.1f} MB), 1 client",
        f"p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms, {found['cpu_ms']:.1f} ms CPU", f"p50 ≤ {LIST_MS} ms",
        found["p50_ms"] <= LIST_MS)
    for what, path in [small[0], small[6], small[3]]:
        even(cloud, bare, row, what, path, rates[path] / 2)


def tell(cloud, bare, row, what, path, bound, token=None):
    found = best(
        lambda: cloud.wrk(path, connections=CONNECTIONS, token=token, seconds=4), lambda found: found["per_second"])
    alone = bare.per_second(found["bytes"] // found["requests"], CONNECTIONS)
    row(f"{what}, {CONNECTIONS} clients",
        f"{found['per_second']:.0f}/s, {1000 * found['cpu_ms']:.0f} µs CPU, p50 {found['p50_ms']:.1f} ms, "
        f"{100 * found['per_second'] / alone:.0f} % of {alone:.0f}/s bare", f"≥ {bound}/s", found["per_second"] >= bound)
    return found["per_second"]


def even(cloud, bare, row, what, path, per_second):
    headers = {"X-Auth-Token": cloud.token, "X-Subject-Token": cloud.token}

    def run():
        before = cloud.cpu_seconds()
        found = paced(bare.programs, PORT, path, headers, per_second)
        return {**found, "cpu": (cloud.cpu_seconds() - before) / found["requests"]}
    found = best(run, worst, highest=False)
    if found["wrong"]:
        raise SystemExit(f"{found['wrong']} of {found['requests']} requests to {path} went wrong")
    alone = bare.paced(per_second)
    row(f"{what}, evenly {per_second:.0f}/s",
        f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms ({spread(found):.1f} ×), {1e6 * found['cpu']:.0f} µs CPU; "
        f"bare {alone['p50_ms']:.2f} and {alone['p99_ms']:.2f} ms ({spread(alone):.1f} ×)",
        f"p99 ≤ {SPREAD} × p50", spread(found) <= SPREAD)
