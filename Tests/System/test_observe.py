"""Seeing the cloud at work: metrics that Prometheus' own parser reads, a trace followed from the request to a node's step,
changes, logins and refusals on record, probes, and no secret in any of it."""

import json
import re
import secrets
import stat
import time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from cloudlib import ADMIN, COMPUTE, IDENTITY, NETWORK
from conftest import another_cloud
from hostlib import wait_for
from pgserver import Postgres

WAIT = 60
METRICS_PORT = 9791


class Watched:
    """A cloud on PostgreSQL that shows everything, with what happened in it."""

    def __init__(self, cloud, server, image_file):
        self.cloud, self.store = cloud, server
        self.metrics = f"http://127.0.0.1:{METRICS_PORT}"
        self.guess = "guess-" + secrets.token_hex(8)
        self.trace = secrets.token_hex(16)
        self.parent = secrets.token_hex(8)
        self.token = cloud.new_token(ADMIN)
        self.tokens = [self.token]
        self.act(image_file)

    def act(self, image_file):
        """A server with its network, a wrong password, strangers, another's resource."""
        api, token = self.cloud.api, self.token
        headers = {"traceparent": f"00-{self.trace}-{self.parent}-01"}
        image = api("POST", "/image/v2/images", token, json={
            "name": "blank", "disk_format": "qcow2", "container_format": "bare", "visibility": "public"}).json()["id"]
        data = image_file.read_bytes()
        sent = api("PUT", f"/image/v2/images/{image}/file", token, data=data,
                   headers={"Content-Type": "application/octet-stream"})
        assert sent.status_code == 204, sent.text
        network = api("POST", f"{NETWORK}/networks", token, json={"network": {"name": "seen"}}).json()["network"]["id"]
        assert api("POST", f"{NETWORK}/subnets", token, json={"subnet": {
            "network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24"}}).status_code == 201
        flavors = api("GET", f"{COMPUTE}/flavors", token).json()["flavors"]
        flavor = next(f["id"] for f in flavors if f["name"] == "m1.nano")
        made = api("POST", f"{COMPUTE}/servers", token, headers=headers, json={"server": {
            "name": "seen", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}],
            "adminPass": self.guess + "-admin"}})
        assert made.status_code == 202, made.text
        self.server = made.json()["server"]["id"]
        self.request = made.headers["X-Openstack-Request-Id"]

        def is_active():
            status = api("GET", f"{COMPUTE}/servers/{self.server}", token).json()["server"]["status"]
            assert status != "ERROR", self.cloud.explain(self.server)
            return status == "ACTIVE"
        wait_for("the server", is_active, WAIT, explain=self.cloud.explain)
        wrong = {**self.cloud.login(ADMIN), "password": self.guess}
        assert api("POST", f"{IDENTITY}/auth/tokens", json=self.cloud.password_body(wrong)).status_code == 401
        assert api("GET", f"{COMPUTE}/servers/{self.server}").status_code == 401
        assert api("GET", f"{COMPUTE}/servers/{self.server}", token="gAAAAA" + self.guess).status_code == 401
        self.member = self.cloud.new_token("haneul")
        self.tokens.append(self.member)
        assert api("GET", f"{COMPUTE}/servers/{self.server}", token=self.member).status_code == 404
        assert api("DELETE", f"{IDENTITY}/projects/{'0' * 32}", token=self.member).status_code == 403

    def page(self):
        answer = requests.get(self.metrics + "/metrics", timeout=30)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return {family.name: family for family in text_string_to_metric_families(answer.text)}

    def events(self, query=""):
        answer = self.cloud.api("GET", f"/haneul/v1/audit?limit=1000{query}", self.token)
        assert answer.status_code == 200, answer.text
        return answer.json()["events"]

    def files(self):
        return sorted(path for path in (self.cloud.state / "log").rglob("*") if path.is_file())

    def spans(self):
        found = {}
        for line in (self.cloud.state / "log/control/traces.json").read_text().splitlines():
            for resource in json.loads(line)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    found.update({span["spanId"]: span for span in scope["spans"] if span["traceId"] == self.trace})
        return found


@pytest.fixture(scope="module")
def seen(host, blank_file):
    server = Postgres()
    try:
        more = ("--store", server.url, "--metrics-listen", f"127.0.0.1:{METRICS_PORT}", "--trace", "1", "--access-log")
        with another_cloud(more=more) as cloud:
            watched = Watched(cloud, server, blank_file)
            yield watched
            cloud.api("DELETE", f"{COMPUTE}/servers/{watched.server}", watched.token)
    finally:
        server.remove()


def samples(family, **labels):
    return [s for s in family.samples if all(s.labels.get(k) == v for k, v in labels.items())]


def test_prometheus_reads_the_metrics(seen):
    page = seen.page()
    posts = samples(page["haneul_http_requests"], service="compute", method="POST", route="/v2.1/servers", status="2xx")
    assert [s.value for s in posts] == [1.0], posts
    durations = samples(page["haneul_http_request_duration_seconds"], service="compute", route="/v2.1/servers")
    buckets = [s.value for s in durations if s.name.endswith("_bucket") and s.labels["method"] == "POST"]
    assert buckets == sorted(buckets) and buckets[-1] == 1.0, buckets
    assert sum(s.value for s in samples(page["haneul_http_requests_refused"], reason="authentication")) >= 3
    writes = [s for s in samples(page["haneul_store_transaction_seconds"], kind="write") if s.name.endswith("_count")]
    assert writes[0].value > 10
    assert page["haneul_store_feed_revision"].samples[0].value > 10
    assert page["haneul_store_bytes"].samples[0].value > 50_000
    assert [s.value for s in page["haneul_node_up"].samples] == [1.0]
    assert page["haneul_node_streams"].samples[0].value == 1
    assert all(s.value > 0 for s in page["haneul_node_reports"].samples)
    ages = {s.labels["converger"]: s.value for s in page["haneul_converger_success_age_seconds"].samples}
    assert len(ages) >= 5 and min(ages.values()) < 60, ages
    assert "process_resident_memory_bytes" in page
    for family in page.values():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
        assert len(keys) == len(set(keys)), family.name


def test_metrics_are_not_for_strangers(seen):
    for path in ("/metrics", "/haneul/v1/metrics"):
        assert seen.cloud.api("GET", path).status_code in (401, 404), path
    assert seen.cloud.api("GET", "/haneul/v1/metrics", seen.member).status_code == 403
    assert seen.cloud.api("GET", "/haneul/v1/metrics", seen.token).status_code == 200
    assert requests.get(seen.metrics + "/identity/v3", timeout=30).status_code == 404


def test_probes(seen):
    for base in (seen.cloud.url, seen.metrics):
        assert requests.get(base + "/healthz", timeout=30).status_code == 200
        wait_for("readiness", lambda base=base: requests.get(base + "/readyz", timeout=30).status_code == 200, WAIT)
        assert requests.post(base + "/readyz", timeout=30).status_code == 405


def test_a_trace_is_followed_to_the_nodes_steps(seen):
    def has_steps():
        path = seen.cloud.state / "log/control/traces.json"
        return path.exists() and {"node define_domain", "node start_domain"} <= {
            span["name"] for span in seen.spans().values()}
    wait_for("the node's steps in the trace", has_steps, WAIT, explain=seen.cloud.explain)
    spans = seen.spans()
    root = next(s for s in spans.values() if s["name"] == "POST /compute/v2.1/servers")
    assert root["parentSpanId"] == seen.parent and root["kind"] == 2
    attributes = {a["key"]: next(iter(a["value"].values())) for a in root["attributes"]}
    assert attributes["openstack.request_id"] == seen.request and attributes["http.response.status_code"] == "202"

    def above(span):
        names = []
        while span["spanId"] != root["spanId"]:
            span = spans[span["parentSpanId"]]
            names.append(span["name"])
        return names
    assert any(s["name"] == "store.write" and s["parentSpanId"] == root["spanId"] for s in spans.values())
    step = next(s for s in spans.values() if s["name"] == "node start_domain")
    assert above(step) == ["manifest server", "POST /compute/v2.1/servers"], above(step)
    for span in spans.values():
        assert re.fullmatch(r"[0-9a-f]{16}", span["spanId"]), span
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), span


def test_changes_and_refusals_are_on_record(seen):
    event = next(e for e in seen.events(f"&target={seen.server}&kind=change") if e["action"] == "create")
    assert event["id"] == seen.request and event["outcome"] == "success" and event["trace_id"] == seen.trace
    assert event["initiator"]["name"] == "admin" and event["initiator"]["host"]["address"] == "127.0.0.1"
    assert event["target"] == {"typeURI": "service/compute/servers", "id": seen.server}
    assert event["permission"] and event["typeURI"].endswith("/audit/1.0/event")
    refused = {(e["reason"]["reasonCode"], e["initiator"]["name"], e["action"]) for e in seen.events("&outcome=failure")}
    for wanted in [("401", "admin", "authenticate"), ("401", None, "read"), ("404", "demo", "read"),
                   ("403", "demo", "delete")]:
        assert wanted in refused, (wanted, refused)
    assert any(e["outcome"] == "success" and e["initiator"]["name"] == "demo" for e in seen.events("&kind=login"))


def test_the_verb_and_the_file_say_the_same(seen):
    said = json.loads(seen.cloud.haneul(
        "audit", "--target", seen.server, "--kind", "change", "--json", "--state-dir", seen.cloud.state).stdout)["events"]
    text = seen.cloud.haneul("audit", "--outcome", "failure", "--state-dir", seen.cloud.state).stdout
    assert "REFUSED 401 authenticate" in text and "REFUSED 403 delete" in text, text
    path = seen.cloud.state / "log/control/audit.log"
    lines = {e["id"]: e for e in map(json.loads, path.read_text().splitlines())}
    for event in said:
        assert lines[event["id"]] == event
    mode = path.stat().st_mode
    assert stat.S_IMODE(mode) & 0o137 == 0, oct(mode)


def test_a_flood_of_strangers_is_counted(seen):
    before = len((seen.cloud.state / "log/control/audit.log").read_text().splitlines())
    for _ in range(400):
        assert seen.cloud.api("GET", f"{COMPUTE}/flavors/detail").status_code == 401
    time.sleep(1)
    after = (seen.cloud.state / "log/control/audit.log").read_text().splitlines()
    assert len(after) - before < 50, "each of a flood of refusals is a line of its own"


def test_log_lines_are_objects_that_name_the_request(seen):
    lines = []
    for path in (seen.cloud.state / "log").glob("*.log"):
        for line in path.read_text().splitlines():
            lines.append(json.loads(line))
    assert all({"time", "level", "label", "message"} <= set(line) for line in lines)
    access = [line for line in lines if line["label"] == "access"]
    assert any(line["request_id"] == seen.request and line["project_id"] and line["status"] == "202"
               for line in access), access[:5]


def test_nothing_secret_is_anywhere(seen):
    state = seen.cloud.state
    logins = [seen.cloud.login(name)["password"] for name in (ADMIN, "haneul")]
    keys = [path.read_text().strip() for path in (state / "control/fernet-keys").iterdir() if path.is_file()]
    needles = [*logins, *seen.tokens, *(k for k in keys if len(k) > 20), seen.guess, seen.store.password]
    assert len(needles) > 5
    texts = {str(path): path.read_text(errors="replace") for path in seen.files()}
    texts["metrics"] = requests.get(seen.metrics + "/metrics", timeout=30).text
    texts["audit"] = json.dumps(seen.events())
    assert any("audit.log" in name for name in texts) and any("control.log" in name for name in texts)
    for name, text in texts.items():
        for needle in needles:
            assert needle not in text, f"a secret is in {name}"
        assert not re.search(r"gAAAA[A-Za-z0-9_-]{20}", text), f"a token is in {name}"


def test_readiness_ends_with_the_store_and_comes_back(seen):
    def readiness():
        return requests.get(seen.cloud.url + "/readyz", timeout=30)
    assert readiness().status_code == 200
    seen.store.stop()
    try:
        wait_for("readyz says no", lambda: readiness().status_code == 503, WAIT, explain=seen.cloud.explain)
        text = readiness().text
        assert text.startswith("the store ") and "\n" not in text.strip() and "postgres" not in text, text
        assert requests.get(seen.cloud.url + "/healthz", timeout=30).status_code == 200
        assert requests.get(seen.metrics + "/metrics", timeout=60).status_code == 503
    finally:
        seen.store.start()
    wait_for("readiness", lambda: readiness().status_code == 200, WAIT, explain=seen.cloud.explain)
    failed = samples(seen.page()["haneul_store_failed"], kind="read")
    assert any(s.labels["error"] == "unavailable" and s.value > 0 for s in failed), failed
