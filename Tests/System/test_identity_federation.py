"""OpenStack's own plugins of OpenID Connect log in to the cloud, with a real issuer that this test runs."""

import base64
import http.server
import json
import shlex
import threading
import time
import urllib.parse
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from keystoneauth1 import exceptions
from keystoneauth1.identity.v3 import OidcAccessToken, OidcClientCredentials, OidcPassword
from keystoneauth1.session import Session

from cloudlib import ADMIN, IDENTITY

AUDIENCE = "openstack"
PASSWORD = "issuer-person-1"


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An OpenID Connect provider: its configuration, its keys, and tokens for a password or a client's secret."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.people = {"ada": ["operators"], "bert": []}
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(issuer.documents().get(self.path))

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(issuer.exchange(form) if self.path == "/token" else None)

            def answer(self, document):
                body = json.dumps(document or {}).encode()
                self.send_response(200 if document else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def discovery(self):
        return self.url + "/.well-known/openid-configuration"

    def documents(self):
        numbers = self.key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url, "jwks_uri": self.url + "/keys", "token_endpoint": self.url + "/token"},
            "/keys": {"keys": [
                {"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": text(modulus), "e": text(b"\1\0\1")}]},
        }

    def exchange(self, form):
        """A token for who shows a password, or for the client itself."""
        if form["grant_type"] == ["client_credentials"]:
            return {"access_token": self.token("robot", [])}
        name = form["username"][0]
        if form["password"] != [PASSWORD] or name not in self.people:
            return None
        return {"access_token": self.token(name, self.people[name])}

    def token(self, name, groups, **more):
        now = int(time.time())
        claims = {"iss": self.url, "aud": [AUDIENCE], "sub": name, "preferred_username": name, "groups": groups,
                  "iat": now, "exp": now + 300, **more}
        signed = ".".join(text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, claims))
        return signed + "." + text(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.server.shutdown()


@pytest.fixture(scope="module")
def federation(cloud, issuer, tmp_path_factory):
    """The cloud trusts the issuer, set up as an operator does it: by the client's own commands."""
    rules = tmp_path_factory.mktemp("federation") / "rules.json"
    rules.write_text(json.dumps([
        {"local": [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"name": "Default"}}],
         "remote": [{"type": "OIDC-preferred_username"}, {"type": "OIDC-groups", "whitelist": ["operators"]}]},
        {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "OIDC-preferred_username"}]}]))
    name = "f" + uuid.uuid4().hex[:8]

    def openstack(*words, parse=True):
        return cloud.openstack(shlex.join(words), cloud=ADMIN, parse=parse)

    openstack("identity", "provider", "create", "--remote-id", f"{issuer.url}#{AUDIENCE}", name)
    openstack("mapping", "create", "--rules", str(rules), name)
    openstack("federation", "protocol", "create", "--identity-provider", name, "--mapping", name, "openid")
    project = openstack("project", "create", name)["id"]
    group = openstack("group", "create", "operators")["id"]
    openstack("role", "add", "--project", project, "--group", group, "member", parse=False)

    class Federation:
        idp = name
        project_id = project

        @staticmethod
        def session(plugin, **more):
            return Session(plugin(
                auth_url=cloud.url + IDENTITY, identity_provider=name, protocol="openid", **more))
    yield Federation
    for words in (["group", "delete", "operators"], ["project", "delete", name],
                  ["federation", "protocol", "delete", "--identity-provider", name, "openid"],
                  ["identity", "provider", "delete", name], ["mapping", "delete", name]):
        openstack(*words, parse=False)


def test_access_token(federation, issuer):
    session = federation.session(
        OidcAccessToken, access_token=issuer.token("ada", ["operators", "others"]), project_id=federation.project_id)
    access = session.auth.get_access(session)
    assert access.username == "ada" and access.project_id == federation.project_id
    assert set(access.role_names) == {"member", "reader"} and access.is_federated
    assert access.has_service_catalog()


def test_password_and_client_credentials(federation, issuer):
    more = dict(client_id=AUDIENCE, client_secret="any", discovery_endpoint=issuer.discovery)
    session = federation.session(
        OidcPassword, username="ada", password=PASSWORD, project_id=federation.project_id, **more)
    assert session.get_project_id() == federation.project_id
    robot = federation.session(OidcClientCredentials, **more)
    assert robot.auth.get_access(robot).username == "robot"


def test_refused(federation, issuer):
    def login(token, **scope):
        session = federation.session(OidcAccessToken, access_token=token, **scope)
        return session.get_token()

    assert login(issuer.token("bert", []))
    for token, scope in (
            (issuer.token("bert", []), {"project_id": federation.project_id}),
            (issuer.token("bert", [], aud="another"), {}), (issuer.token("bert", [], exp=1), {}),
            (issuer.token("bert", [])[:-8] + "AAAAAAAA", {}), ("nonsense", {})):
        with pytest.raises(exceptions.Unauthorized):
            login(token, **scope)
