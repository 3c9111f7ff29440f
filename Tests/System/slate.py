"""Whether the ledgers equal reality, and whether anything is left of servers that are gone."""

import contextlib
import sqlite3

import hostlib
from cloudlib import ADMIN, COMPUTE, NETWORK, PLACEMENT
from hostlib import wait_for

CLASSES = {"VCPU": "vcpus", "MEMORY_MB": "ram", "DISK_GB": "disk"}
TABLES = {"manifest", "server", "server_card", "consumer", "allocation", "port", "port_address", "blob_pin"}
QUOTA = {"totalInstancesUsed": lambda f: 1, "totalCoresUsed": lambda f: f["vcpus"], "totalRAMUsed": lambda f: f["ram"]}


def _usages(cloud, token):
    found = dict.fromkeys(CLASSES, 0)
    for provider in cloud.api("GET", f"{PLACEMENT}/resource_providers", token).json()["resource_providers"]:
        usages = cloud.api("GET", f"{PLACEMENT}/resource_providers/{provider['uuid']}/usages", token).json()["usages"]
        for name in CLASSES:
            found[name] += usages.get(name, 0)
    return found


def wrong_ledgers(cloud, *tenants):
    """Where claims and quota differ from the servers and ports there are; empty where all is right."""
    token = cloud.new_token(ADMIN)
    answer = cloud.api("GET", f"{COMPUTE}/servers/detail?all_tenants=1", token, version="2.47")
    servers = [s for s in answer.json()["servers"] if s["OS-EXT-SRV-ATTR:host"]]
    asked = {name: sum(s["flavor"][key] for s in servers) for name, key in CLASSES.items()}
    claimed, wrong = _usages(cloud, token), {}
    if claimed != asked:
        wrong["claims"] = f"{claimed} of placement, {asked} of servers"
    for tenant in tenants:
        mine = [s for s in answer.json()["servers"] if s["tenant_id"] == tenant.project.id]
        limits = tenant.api("GET", f"{COMPUTE}/limits").json()["limits"]["absolute"]
        for name, of in QUOTA.items():
            real = sum(of(s["flavor"]) for s in mine)
            if limits[name] != real:
                wrong[f"{name} of {tenant.name}"] = f"{limits[name]}, there are {real}"
        details = tenant.api("GET", f"{NETWORK}/quotas/{tenant.project.id}/details").json()["quota"]
        ports = tenant.api("GET", f"{NETWORK}/ports?project_id={tenant.project.id}").json()["ports"]
        real = len([p for p in ports if not p["device_owner"].startswith("network:dhcp")])
        if details["port"]["used"] not in (real, len(ports)):
            wrong[f"ports of {tenant.name}"] = f"{details['port']['used']}, there are {real}"
    return wrong


def check_ledgers(cloud, *tenants):
    """Quota and claims equal reality, now or within a moment."""
    last = {}

    def right():
        last.clear()
        last.update(wrong_ledgers(cloud, *tenants))
        return not last

    wait_for("quota and claims as they really are", right, 30, explain=lambda: f"{last}\n{cloud.explain()}")


def store_rows(cloud, ids):
    """Tables of control's store that still name one of these ids as alive, and how often."""
    found = {}
    with contextlib.closing(sqlite3.connect(f"file:{cloud.state}/control/store.sqlite?mode=ro", uri=True)) as store:
        tables = {row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in tables & TABLES:
            for row in store.execute(f"SELECT * FROM {table}"):
                named = [i for i in ids if any(isinstance(v, str) and v == i for v in row)]
                if named:
                    found[table] = found.get(table, 0) + 1
    return found


class Traces:
    """What a server has on the host, noted while it is there, so that one can see that all of it went."""

    def __init__(self, tenant, server):
        self.id, self.name = server.id, server.name
        self.ports = list(tenant.sdk.network.ports(device_id=server.id))
        self.macs = [p.mac_address for p in self.ports]
        self.taps = [f"h{tenant.cloud.tag}t{p.id.replace('-', '')[:9]}" for p in self.ports]


def left_of(cloud, tenant, traces):
    """What is left of servers that were deleted; empty where nothing is."""
    ids, tag = [t.id for t in traces], cloud.tag
    links, rules, domains = hostlib.links(tag), hostlib.nft_text(tag), hostlib.domains(tag)
    taps, macs = [n for t in traces for n in t.taps], [m for t in traces for m in t.macs]
    token = cloud.new_token(ADMIN)
    shown = cloud.api("GET", f"{COMPUTE}/servers?all_tenants=1", token).json()["servers"]
    node = cloud.state / "node"
    found = {
        "servers": [s["id"] for s in shown if s["id"] in ids],
        "ports": [p.id for t in traces for p in tenant.sdk.network.ports(device_id=t.id)],
        "domains": [d for d in domains if any(i in d for i in ids)],
        "processes": [i for i in ids if hostlib.processes("qemu-system", i)],
        "taps": [n for n in taps if n in links],
        "rules": [n for n in taps if n in rules],
        "disks": [str(p) for p in (node / "disks").rglob("*") if any(i in str(p) for i in ids)],
        "leases": [f for m in macs for f in hostlib.files_mentioning(node / "network", m)],
        "claims": [i for i in ids if cloud.api("GET", f"{PLACEMENT}/allocations/{i}", token).json()["allocations"]],
        "rows": store_rows(cloud, ids),
        "ledgers": wrong_ledgers(cloud, tenant),
    }
    return {what: value for what, value in found.items() if value}


def await_clean(cloud, tenant, traces, timeout=60):
    """Waits until nothing is left of these servers."""
    last = {}

    def nothing():
        last.clear()
        last.update(left_of(cloud, tenant, traces))
        return not last

    wait_for("nothing left of the servers", nothing, timeout, explain=lambda: f"{last}\n{cloud.explain()}")
