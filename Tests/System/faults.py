"""The error bodies of each service, as OpenStack's clients read them, and the routes the program lists."""

import json
import re
import uuid
from dataclasses import dataclass

from hostlib import run
from cloudlib import BINARY


def nova(answer):
    body = answer.json()
    assert len(body) == 1, body
    fault = next(iter(body.values()))
    assert fault["code"] == answer.status_code and isinstance(fault["message"], str) and fault["message"], body


def keystone(answer):
    fault = answer.json()["error"]
    assert fault["code"] == answer.status_code and fault["message"] and fault["title"], fault


def oauth2(answer):
    """RFC 6749, section 5.2; what never reaches the reader of the form is refused in Keystone's shape."""
    if answer.status_code in (405, 413):
        return keystone(answer)
    fault = answer.json()
    assert set(fault) == {"error", "error_description"} and all(fault.values()), fault


def neutron(answer):
    fault = answer.json()["NeutronError"]
    assert set(fault) == {"type", "message", "detail"} and fault["type"] and fault["message"], fault


def placement(answer):
    fault = answer.json()["errors"][0]
    assert fault["status"] == answer.status_code and fault["title"] and fault["detail"], fault
    assert fault["request_id"] == answer.headers["X-Openstack-Request-Id"]


def glance(answer):
    assert answer.headers["Content-Type"].startswith("text/html"), answer.headers
    assert f"<h1>{answer.status_code} " in answer.text


STYLES = {
    "compute": nova, "identity": keystone, "network": neutron, "image": glance, "placement": placement, "haneul": nova}
INSIDE = re.compile(r"sqlite|libvirt|/var/|\.swift|fatal|StoreError|DecodingError|nft:", re.IGNORECASE)


def check(answer, status=None):
    """The answer is a refusal in its service's own shape, with a request id, and says nothing of the inside."""
    service = re.match(r"http://[^/]+/([a-z]+)", answer.request.url).group(1)
    what = f"{answer.request.method} {answer.request.url[:200]} → {answer.status_code} {answer.text[:600]}"
    if status is not None:
        wanted = status if isinstance(status, tuple) else (status,)
        assert answer.status_code in wanted, f"{what}\nwanted {wanted}"
    assert 400 <= answer.status_code < 500, what
    assert answer.headers.get("X-Openstack-Request-Id", "").startswith("req-"), what
    assert not INSIDE.search(answer.text), f"driver internals in a fault: {what}"
    if answer.request.method == "HEAD":
        return
    style = oauth2 if "/OS-OAUTH2/" in answer.request.url else STYLES[service]
    try:
        style(answer)
    except (AssertionError, KeyError, ValueError, StopIteration, TypeError, IndexError) as error:
        raise AssertionError(f"not {service}'s shape of error: {what}") from error


@dataclass
class Route:
    method: str
    path: str
    until: str | None
    permission: str
    rule: str
    body: str | None

    @property
    def is_open(self):
        return self.rule == "open"

    @property
    def parameters(self):
        return re.findall(r"{(\w+)}", self.path)

    @property
    def version(self):
        """The microversion to ask for, as `api` takes it: the newest that has the route."""
        newest = {"compute": "2.96", "placement": "1.39"}.get(self.path.split("/")[1])
        return self.until or newest

    @property
    def takes_body(self):
        """Whether it reads a body of JSON; what it does not read, it does not look at."""
        return self.body is not None and not self.streams

    @property
    def streams(self):
        return self.path.endswith("/file") or self.path.endswith("/stage")

    def filled(self, value=None):
        return re.sub(r"{\w+}", lambda _: value or str(uuid.uuid4()), self.path)

    def __str__(self):
        return f"{self.method} {self.path}"


def routes():
    """What `haneul routes --json` lists."""
    listed = json.loads(run(BINARY, "routes", "--json").stdout)
    found = [Route(r["method"], r["path"], r["until"], r["permission"], r["rule"], r["body"]) for r in listed]
    assert len(found) > 100, f"`haneul routes` lists {len(found)} routes"
    nameless = [str(route) for route in found if not route.permission or not route.rule]
    assert not nameless, f"routes without a permission: {nameless}"
    return found
