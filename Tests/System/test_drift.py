"""What is changed behind Haneul's back is noticed, recorded, and put back or shown as its policy says: one thing after
the other, then everything at once."""

import json
import time

import pytest

import hostlib
from cloudlib import ADMIN, COMPUTE
from conftest import measured
from hostlib import wait_for
from meddle import Faults, definition, domain, findings, record_of, seconds, state, switch_off

NOTICE_SECONDS, REPAIR_SECONDS = 60, 90
NAMES = [
    "domain destroyed", "domain undefined", "domain suspended", "domain renamed", "overlay path edited", "tap deleted",
    "bridge set down", "tables flushed", "a rule added to ours", "dnsmasq killed", "DHCP namespace deleted",
    "router namespace deleted", "leases deleted"]
# Nothing tells of these but the sweep of every 30 s, so they are looked for together.
SWEPT = ["base deleted", "a foreign domain", "a foreign bridge"]
# At once the bridge's own end would hide in what else is broken, and a deleted namespace takes its daemon along.
ALONE = {"dnsmasq killed", "leases deleted", "a rule added to ours"}
SHOWN = {"a foreign domain", "a foreign bridge"}


@pytest.fixture(scope="module")
def faults(cloud, tenant, reachable, blank):
    steady = tenant.create(reachable.network, reachable.group, "steady")
    tenant.status(steady, "ACTIVE")
    steady.floating = tenant.floating(steady)
    light = [tenant.create(reachable.network, reachable.group, f"light-{n}", image_id=blank.id) for n in range(5)]
    for server in light:
        tenant.status(server, "ACTIVE")
    switch_off(tenant, *light[3:])
    tenant.ready(steady)
    tenant.await_ssh(steady.floating, steady)
    yield Faults(tenant, reachable, steady, light[:3], light[3:])
    for fault in Faults(tenant, reachable, steady, light[:3], light[3:]).all():
        if fault.undo:
            fault.undo()


def follow(cloud, faults, struck):
    """Waits for record and repair of each, whichever comes first, and notes when."""
    token = cloud.new_token(ADMIN)

    def look():
        found = findings(cloud, token)
        for fault in struck:
            if fault.noticed is None and (record := record_of(fault, found)):
                fault.noticed, fault.finding = time.time(), record
            if fault.mended is None and is_mended(fault):
                fault.mended = time.time()
        waits = [f.name for f in struck if f.noticed is None or f.mended is None]
        assert not waits, f"still waiting for {waits}"
        return True

    def is_mended(fault):
        try:
            return fault.repaired()
        except AssertionError:
            return False

    wait_for(
        "noticed and put back", look, NOTICE_SECONDS + REPAIR_SECONDS, every=0.1,
        explain=lambda: f"{json.dumps(findings(cloud), indent=1)[:6000]}\n{cloud.explain()}")
    for fault in struck:
        check(cloud, fault)
    for fault in struck:
        wait_for(
            f"{fault.name}: settled", lambda: record_of(fault, findings(cloud, token))["settled"], NOTICE_SECONDS,
            explain=lambda: json.dumps(findings(cloud, field=fault.field), indent=1))
        measured.append(
            f"drift, {fault.name}: noticed after {seconds(fault.finding['again']) - fault.at:.2f} s, recorded "
            f"{fault.noticed - fault.at:.2f}, as asked {fault.mended - fault.at:.2f}")


def check(cloud, fault):
    """The finding says what was asked, found and done; what is only shown stays open until the cause goes."""
    finding = fault.finding
    assert finding["asked"] and finding["found"] and finding["done"] and finding["node"], finding
    assert finding["policy"] == ("report" if fault.name in SHOWN else "enforce"), finding
    if fault.name in SHOWN:
        assert finding["settled"] is None, finding
        fault.undo()


@pytest.mark.parametrize("name", NAMES)
def test_one_by_one(cloud, faults, name):
    fault = next(f for f in faults.all() if f.name == name)
    fault.strike()
    follow(cloud, faults, [fault])
    stands(cloud, faults)


def test_what_the_sweep_sees(cloud, faults):
    struck = [f for f in faults.all() if f.name in SWEPT]
    for fault in struck:
        fault.strike()
    follow(cloud, faults, struck)
    stands(cloud, faults)


def test_everything_at_once(cloud, faults):
    struck = [f for f in faults.all() if f.name not in ALONE]
    assert {f.name for f in struck} | ALONE == {*NAMES, *SWEPT}
    for fault in struck:
        fault.strike()
    follow(cloud, faults, struck)
    stands(cloud, faults)


def stands(cloud, faults):
    """Every server is as asked, each domain is there once, and the guest with a system works."""
    tenant = faults.tenant
    for server in (faults.steady, faults.killed, faults.undefined, faults.suspended):
        tenant.status(server, "ACTIVE")
        assert state(cloud, server) == "running"
    for server in (faults.renamed, faults.edited):
        tenant.status(server, "SHUTOFF")
        assert state(cloud, server) == "shut off"
    assert len(hostlib.domains(cloud.tag)) == len(set(hostlib.domains(cloud.tag)))
    wait_for("ping", faults.pings, REPAIR_SECONDS, explain=cloud.explain)


def test_the_guest_was_never_booted_anew(cloud, tenant, faults):
    """None of all this cost the guest its life, and its card works."""
    assert cloud.console(faults.steady.id, 200_000).count("tiny: READY") == 1
    assert tenant.ssh(faults.steady.floating, "echo alive").strip() == "alive"


def test_a_stopped_server_boots_on_what_was_put_back(cloud, tenant, faults):
    tenant.api("POST", f"{COMPUTE}/servers/{faults.edited.id}/action", json={"os-start": None})
    tenant.status(faults.edited, "ACTIVE")
    assert faults.edited.overlay in definition(cloud, faults.edited)


def test_a_lost_disk_is_shown_and_never_made_anew(cloud, tenant, faults, reachable, blank):
    server = tenant.create(reachable.network, reachable.group, "lost", image_id=blank.id)
    tenant.status(server, "ACTIVE")
    overlay = next((cloud.state / "node" / "disks" / "servers" / server.id).glob("*.qcow2"))
    began = time.time()
    overlay.unlink()

    def found():
        return next((f for f in findings(cloud, field="server.root_disk") if server.id in f["subject"]), None)

    finding = wait_for("the record", found, NOTICE_SECONDS, explain=lambda: cloud.explain(server.id))
    measured.append(f"drift, overlay deleted: noticed after {seconds(finding['since']) - began:.2f} s")
    assert finding["policy"] == "report" and finding["settled"] is None
    lost = tenant.status(server, "ERROR", timeout=90)
    assert "disk" in lost.fault["message"].lower() and len(lost.fault["message"]) > 30, lost.fault
    # A reboot must not make an empty disk, whatever the guest in memory does.
    tenant.api("POST", f"{COMPUTE}/servers/{server.id}/action", json={"reboot": {"type": "HARD"}})
    tenant.status(server, "ERROR")
    assert not list(overlay.parent.glob("*.qcow2")), "a disk was made in the place of the lost one"
    told = tenant.api("GET", f"/haneul/v1/explain/{server.id}").text
    assert "DataMissing" in told, told[:2000]
    tenant.delete(server)
    assert domain(cloud, server) not in hostlib.domains(cloud.tag)


def test_the_policies_are_listed(cloud, faults):
    listed = cloud.haneul("drift", "--policies", "--state-dir", cloud.state).stdout
    answer = cloud.api("GET", "/haneul/v1/drift/policies", cloud.new_token(ADMIN)).json()["policies"]
    assert {p["policy"] for p in answer} == {"enforce", "adopt", "report"}
    for policy in answer:
        assert policy["field"] in listed and policy["meaning"] in " ".join(listed.split()), policy
    assert {f.field for f in faults.all()} < {p["field"] for p in answer}


def test_the_verb_and_the_metric_tell_of_it(cloud, faults):
    text = cloud.haneul("drift", "--all", "--state-dir", cloud.state).stdout
    for field in ("server.power", "port.tap", "network.bridge"):
        assert field in text, text[:3000]
    metrics = cloud.api("GET", "/haneul/v1/metrics", cloud.new_token(ADMIN)).text
    assert 'haneul_drift_settled{field="server.power"' in metrics, metrics[:2000]


def test_a_member_sees_no_host(cloud, tenant, faults):
    assert tenant.api("GET", "/haneul/v1/drift").status_code == 403
