"""Bad input on every route: the right service's own error shape and status, and nothing half done."""

import re

import pytest

import faults
import hostlib
from bad_rows import ALL, NOBODY, server
from cloudlib import ADMIN, IMAGE, COMPUTE, IDENTITY, IMAGES, NETWORK


class Stage:
    """What is there while bad input comes: one of everything in a project, and the counts of it all."""

    def __init__(self, cloud, tenant, other):
        self.cloud, self.tenant = cloud, tenant
        self.admin = cloud.new_token(ADMIN)
        sdk = tenant.sdk
        network = tenant.network("10.60.0.0/24", "bad")
        subnet = next(sdk.network.subnets(network_id=network.id))
        router = tenant.router(network)
        foreign = other.network("10.60.0.0/24", "foreign")
        image = sdk.image.create_image(name="queued", disk_format="raw", container_format="bare")
        server = tenant.create(None, None, "bad", networks="none")
        tenant.status(server, "ACTIVE")
        self.ids = {
            "network": network.id, "subnet": subnet.id, "router": router.id, "port": sdk.network.create_port(
                network_id=network.id, fixed_ips=[{"ip_address": "10.60.0.9"}]).id,
            "group": tenant.group("tcp:22").id, "default": next(sdk.network.security_groups(name="default")).id,
            "external": tenant.external.id, "image": image.id, "tiny": tenant.image.id, "flavor": tenant.flavor.id,
            "server": server.id, "project": tenant.project.id, "user": tenant.user.id, "key": tenant.keypair.name,
            "foreign_network": foreign.id, "foreign_project": other.project.id, "foreign_user": other.user.id,
            "foreign_group": other.group(name="foreign").id, "nobody": NOBODY, "project_name": tenant.name,
            "foreign_subnet": next(other.sdk.network.subnets(network_id=foreign.id)).id,
            "foreign_port": other.sdk.network.create_port(network_id=foreign.id).id,
        }

    def fill(self, value):
        """`$name` replaced by an id of the stage, in strings, lists and objects."""
        if isinstance(value, str):
            return re.sub(r"\$(\w+)", lambda m: self.ids[m.group(1)], value)
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        if isinstance(value, dict):
            return {k: self.fill(v) for k, v in value.items()}
        return value

    def send(self, who, method, path, body=None, **more):
        return self.cloud.api(
            method, self.fill(path), {"member": self.tenant.token, "admin": self.admin, None: None}[who],
            json=self.fill(body), **more)

    def counts(self):
        """How many there are of everything, seen by the administrator."""
        lists = {
            f"{COMPUTE}/servers?all_tenants=1": "servers", f"{COMPUTE}/os-keypairs": "keypairs",
            f"{COMPUTE}/flavors?is_public=none": "flavors", f"{NETWORK}/networks": "networks",
            f"{NETWORK}/ports": "ports",
            f"{NETWORK}/subnets": "subnets", f"{NETWORK}/routers": "routers", f"{NETWORK}/floatingips": "floatingips",
            f"{NETWORK}/security-groups": "security_groups", f"{NETWORK}/security-group-rules": "security_group_rules",
            f"{IMAGES}/images": "images", f"{IDENTITY}/projects": "projects", f"{IDENTITY}/users": "users",
            f"{IDENTITY}/roles": "roles", f"{IDENTITY}/domains": "domains",
        }
        found = {key: len(self.cloud.api("GET", path, self.admin).json()[key]) for path, key in lists.items()}
        usage = self.cloud.api("GET", f"{COMPUTE}/limits", self.tenant.token).json()["limits"]["absolute"]
        return {**found, **{k: v for k, v in usage.items() if k.startswith("total")}}


@pytest.fixture(scope="module")
def stage(cloud, make_tenant):
    tenant, other = make_tenant("bad"), make_tenant("other")
    stage = Stage(cloud, tenant, other)
    before = stage.counts()
    yield stage
    after = stage.counts()
    tenant.destroy()
    other.destroy()
    assert after == before, "bad input left something behind"


@pytest.mark.parametrize("rows", ALL.values(), ids=ALL)
def test_each_row_is_refused_in_its_services_words(stage, rows):
    """All rows of a service are tried; what is wrong is told together."""
    wrong = []
    for who, method, path, body, status in rows:
        answer = stage.send(who, method, path, body, version="2.79" if path.startswith("/compute") else None)
        try:
            faults.check(answer, status)
        except AssertionError as error:
            wrong.append(f"{str(body)[:150]}: {error}")
    assert not wrong, f"{len(wrong)} of {len(rows)} rows:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def routes():
    return faults.routes()


def over_all(routes, probe):
    """Runs a probe on every route and tells all that is wrong together."""
    wrong = []
    for route in routes:
        try:
            probe(route)
        except AssertionError as error:
            wrong.append(f"{route}: {str(error)[:500]}")
    assert not wrong, f"{len(wrong)} routes:\n" + "\n".join(wrong)


# Keystone asks before it looks: for a signature (401), for a token of the system (403), for a group it knows (403).
ASKS_FIRST = {
    "/identity/v3/ec2tokens": 401,
    "/identity/v3/s3tokens": 401,
    "/identity/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth": 401,
    "/identity/v3/users/{user_id}/access_rules": 403,
    "/identity/v3/users/{user_id}/access_rules/{access_rule_id}": 403,
    "/identity/v3/domains/config/{group}/default": 403,
    "/identity/v3/domains/config/{group}/{option}/default": 403,
    "/identity/v3/domains/{domain_id}/config/security_compliance": 403,
    "/identity/v3/domains/{domain_id}/config/security_compliance/{option}": 403,
    "/identity/v3/domains/{domain_id}/config/{group}": 403,
    "/identity/v3/domains/{domain_id}/config/{group}/{option}": 403,
}


class TestEveryRoute:
    def test_no_token_is_401(self, stage, routes):
        def probe(route):
            body = {} if route.takes_body else None
            faults.check(stage.cloud.api(route.method, route.filled(), json=body, version=route.version), 401)
        over_all([r for r in routes if not r.is_open], probe)

    def test_a_forged_token_is_401(self, stage, routes):
        for token in ("x", "gAAAAABm" + "A" * 200, stage.admin[:-4] + "AAAA", "é" * 10):
            answer = stage.cloud.api("GET", f"{COMPUTE}/servers", headers={"X-Auth-Token": token.encode()})
            faults.check(answer, 401)

    def test_malformed_json_is_400(self, stage, routes):
        def probe(route):
            for data in (b"{", b"\xff\xfe", b'{"a":1}}', b'{"a":' * 2000):
                answer = stage.cloud.api(
                    route.method, route.filled(), stage.admin, data=data, version=route.version,
                    headers={"Content-Type": "application/json"})
                assert answer.status_code != 500, answer.text
                if not route.path.startswith("/image"):
                    faults.check(answer, 400)
        over_all([r for r in routes if r.takes_body], probe)

    def test_a_huge_body_is_413(self, stage, routes):
        data = b'{"x": "' + b"A" * (3 << 20) + b'"}'
        def probe(route):
            answer = stage.cloud.api(
                route.method, route.filled(), stage.admin, data=data, version=route.version,
                headers={"Content-Type": "application/json"})
            faults.check(answer, 413)
        over_all([r for r in routes if r.takes_body and r.path != "/v3/auth/tokens"], probe)

    def test_a_huge_body_without_length_is_413(self, stage):
        def pieces():
            for _ in range(64):
                yield b"A" * (1 << 16)
        faults.check(stage.cloud.api("POST", f"{NETWORK}/networks", stage.admin, data=pieces()), 413)

    def test_bodies_of_the_wrong_kind_are_refused(self, stage, routes):
        def probe(route):
            for body in ([], "x", 5, True, {"bogus": 1}, {"": {}}, [[]], {"\u0000": 1}):
                answer = stage.cloud.api(route.method, route.filled(), stage.admin, json=body, version=route.version)
                faults.check(answer, (400, 403, 404, 415, ASKS_FIRST.get(route.path)))
        over_all([r for r in routes if r.takes_body], probe)

    def test_ids_nobody_has_are_404(self, stage, routes):
        def probe(route):
            answer = stage.cloud.api(route.method, route.filled(), stage.admin, version=route.version)
            # A quota is what a project may have, whether somebody knows the project or not.
            if answer.status_code != 200 and "quota" not in route.path:
                faults.check(answer, ASKS_FIRST.get(route.path, (404, 400)))
        over_all([r for r in routes if r.parameters and r.method in ("GET", "DELETE")], probe)

    def test_strange_ids_break_nothing(self, stage, routes):
        strange = ["%00", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1--", "x" * 3000, "%F0%9F%90%A7", "%ff",
            "%0d%0aX-Evil:%201"]
        def probe(route):
            for text in strange:
                answer = stage.cloud.api(route.method, route.filled(text), stage.admin, version=route.version)
                assert answer.status_code < 500 and "X-Evil" not in answer.headers, f"{text}: {answer.text[:200]}"
        over_all([r for r in routes if r.parameters and r.method == "GET"], probe)

    def test_strange_queries_break_nothing(self, stage, routes):
        def probe(route):
            for query in ("limit=%00", "limit=99999999999999999999", "marker=%ff", "sort_key=%27", "sort_dir=up",
                "a" * 4000,
                          "&".join(f"x{i}=1" for i in range(300)), "name=%27;drop%20table%20servers", "fields=%00"):
                answer = stage.cloud.api("GET", route.filled() + "?" + query, stage.admin, version=route.version)
                assert answer.status_code < 500, f"{query[:60]}: {answer.status_code} {answer.text[:200]}"
        over_all([r for r in routes if r.method == "GET"], probe)

    def test_other_methods_are_405(self, stage, routes):
        patched = {re.sub(r"{\w+}", "{}", r.path) for r in routes if r.method == "PATCH"}

        def probe(route):
            if re.sub(r"{\w+}", "{}", route.path) not in patched:
                answer = stage.cloud.api("PATCH", route.filled(), stage.admin, version=route.version)
                faults.check(answer, (405, 404))
        over_all(routes, probe)


class TestCompute:
    def test_no_host_fits_is_202_and_then_error_with_the_reason(self, stage, cloud):
        admin = cloud.sdk(ADMIN)
        flavor = admin.compute.create_flavor(name="huge", ram=1_000_000, vcpus=1, disk=1)
        project = stage.ids["project"]
        cloud.api("PUT", f"{COMPUTE}/os-quota-sets/{project}", stage.admin, json={"quota_set": {"ram": -1}})
        try:
            answer = stage.send("member", "POST", f"{COMPUTE}/servers", server(
                flavorRef=flavor.id, networks=[{"uuid": "$network"}]), version="2.79")
            assert answer.status_code == 202, answer.text
            made = stage.tenant.status(stage.tenant.sdk.compute.get_server(answer.json()["server"]["id"]), "ERROR", 15)
            assert made.fault["code"] == 500 and "No valid host" in made.fault["message"]
            stage.tenant.delete(made)
            assert not list(stage.tenant.sdk.network.ports(device_id=made.id))
        finally:
            admin.compute.delete_flavor(flavor)
            cloud.api("DELETE", f"{COMPUTE}/os-quota-sets/{project}", stage.admin)

    def test_microversions_out_of_range_are_406_and_400(self, stage, cloud):
        for version, status in (("2.9999", 406), ("3.1", 406), ("1.0", 406), ("x", 400), ("2.", 400), ("2.1.1", 400)):
            faults.check(cloud.api("GET", f"{COMPUTE}/servers", stage.admin, version=version), status)
        answer = cloud.api("GET", f"{COMPUTE}/servers", stage.admin, headers={"X-OpenStack-Nova-API-Version": "2.9999"})
        faults.check(answer, 406)
        assert cloud.api("GET", f"{COMPUTE}/servers", stage.admin, version="latest").status_code == 200

    def test_quota_is_never_passed(self, stage, cloud):
        project = stage.ids["project"]
        cloud.api("PUT", f"{COMPUTE}/os-quota-sets/{project}", stage.admin, json={"quota_set": {"instances": 1}})
        try:
            faults.check(stage.send("member", "POST", f"{COMPUTE}/servers", server(), version="2.79"), 403)
        finally:
            cloud.api("DELETE", f"{COMPUTE}/os-quota-sets/{project}", stage.admin)


class TestImages:
    """Bytes that are not what they say, or that name a file of the host."""

    @pytest.mark.parametrize("declared,kind",
        [("qcow2", "raw"), ("raw", "qcow2"), ("qcow2", "backing"), ("qcow2", "data-file"), ("raw", "vmdk"),
            ("qcow2", "cut")])
    def test_lying_and_pointing_images_are_refused(self, stage, tmp_path, declared, kind):
        path = tmp_path / "image"
        create = ["qemu-img", "create", "-q", "-f"]
        if kind == "raw":
            path.write_bytes(b"\0" * 65536)
        elif kind == "qcow2":
            hostlib.run(*create, "qcow2", path, "1M")
        elif kind == "backing":
            hostlib.run(*create, "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", path, "1M")
        elif kind == "vmdk":
            text = '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n'
            path.write_text(text + "\n" * 4096)
        elif kind == "cut":
            path.write_bytes(open(IMAGE, "rb").read(100_000))
        else:
            hostlib.run(*create, "qcow2", "-o", f"data_file={tmp_path}/data,data_file_raw=on", path, "1M")
        image = stage.tenant.sdk.image.create_image(name="liar", disk_format=declared, container_format="bare")
        try:
            answer = stage.cloud.api(
                "PUT", f"{IMAGES}/images/{image.id}/file", stage.tenant.token, data=path.read_bytes(),
                headers={"Content-Type": "application/octet-stream"})
            faults.check(answer, (400, 415, 422))
            assert stage.tenant.sdk.image.get_image(image.id).status != "active"
        finally:
            stage.tenant.sdk.image.delete_image(image.id)
