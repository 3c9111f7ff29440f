"""An OpenID Connect issuer for the scenario tests: it signs tokens for who has a password, and speaks as much of
Keycloak's language as keystone_tempest_plugin uses to make its users there."""

import base64
import contextlib
import http.server
import json
import secrets
import threading
import time
import urllib.parse

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

REALM = "/realms/master"
ADMIN, CLIENT = "issuer-admin", "conformance"
SECONDS = 300


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer(http.server.ThreadingHTTPServer):
    """Listens on a free port of this host."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.password, self.client_secret = secrets.token_urlsafe(), secrets.token_urlsafe()
        self.users = {ADMIN: self.password}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def configuration(self):
        base = self.url + REALM
        return {
            "issuer": base, "jwks_uri": base + "/protocol/openid-connect/certs",
            "token_endpoint": base + "/protocol/openid-connect/token",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @property
    def keys(self):
        public = self.key.public_key().public_numbers()
        return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
                          "n": number(public.n), "e": number(public.e)}]}

    def token(self, user):
        now = int(time.time())
        claims = {"iss": self.url + REALM, "sub": user, "aud": CLIENT, "iat": now, "exp": now + SECONDS,
                  "preferred_username": user}
        parts = [{"alg": "RS256", "typ": "JWT", "kid": "1"}, claims]
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def do_GET(self):
        found = {REALM + "/.well-known/openid-configuration": self.server.configuration,
                 REALM + "/protocol/openid-connect/certs": self.server.keys}.get(self.path)
        self.answer(200 if found else 404, found)

    def do_POST(self):
        body = self.body()
        if self.path == REALM + "/protocol/openid-connect/token":
            asked = dict(urllib.parse.parse_qsl(body))
            user = asked.get("username")
            if user not in self.server.users or asked.get("password") != self.server.users[user]:
                return self.answer(401, {"error": "invalid_grant"})
            return self.answer(200, {
                "access_token": self.server.token(user), "token_type": "Bearer", "expires_in": SECONDS})
        if self.path == "/admin" + REALM + "/users":
            user = json.loads(body)
            self.server.users[user["username"]] = user["credentials"][0]["value"]
            return self.answer(201)
        return self.answer(404)

    def do_DELETE(self):
        self.server.users.pop(json.loads(self.body())["id"], None)
        self.answer(204)


class Keystone:
    """The identity API with the login of a clouds.yaml."""

    def __init__(self, auth):
        self.base = auth["auth_url"].rstrip("/").removesuffix("/v3") + "/v3"
        domain = {"name": auth["user_domain_name"]}
        user = {"name": auth["username"], "domain": domain, "password": auth["password"]}
        answer = requests.post(self.base + "/auth/tokens", timeout=30, json={"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": auth["project_name"], "domain": domain}}}})
        answer.raise_for_status()
        self.headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    def __call__(self, method, path, body=None):
        answer = requests.request(method, self.base + path, json=body, headers=self.headers, timeout=30)
        answer.raise_for_status()
        return next(iter(answer.json().values())) if answer.content else None


@contextlib.contextmanager
def federation(auth):
    """An issuer that the cloud trusts, and a group of a project for its users; gives the options of tempest.conf."""
    issuer, keystone = Issuer(), Keystone(auth)
    idp, domain_name = "conformance", "conformance-federated"
    domain = keystone("POST", "/domains", {"domain": {"name": domain_name}})["id"]
    try:
        group = keystone("POST", "/groups", {"group": {"name": "federated", "domain_id": domain}})["id"]
        project = keystone("POST", "/projects", {"project": {"name": "federated", "domain_id": domain}})["id"]
        [member] = [role["id"] for role in keystone("GET", "/roles?name=member")]
        keystone("PUT", f"/projects/{project}/groups/{group}/roles/{member}")
        remote = f"{issuer.url}{REALM}#{CLIENT}"
        keystone("PUT", f"/OS-FEDERATION/identity_providers/{idp}", {
            "identity_provider": {"enabled": True, "domain_id": domain, "remote_ids": [remote]}})
        yield {
            "identity-feature-enabled.federation": True, "identity-feature-enabled.external_idp": True,
            "fed_scenario.idp_id": idp, "fed_scenario.idp_remote_ids": remote, "fed_scenario.idp_username": ADMIN,
            "fed_scenario.idp_password": issuer.password, "fed_scenario.idp_oidc_url": issuer.url,
            "fed_scenario.idp_client_id": CLIENT, "fed_scenario.idp_client_secret": issuer.client_secret,
            "fed_scenario.mapping_remote_type": "OIDC-preferred_username", "fed_scenario.protocol_id": "openid",
            "fed_scenario.mapping_group_name": "federated", "fed_scenario.mapping_group_domain_name": domain_name,
        }
        keystone("DELETE", f"/OS-FEDERATION/identity_providers/{idp}")
    finally:
        keystone("PATCH", f"/domains/{domain}", {"domain": {"enabled": False}})
        keystone("DELETE", f"/domains/{domain}")
        issuer.shutdown()
