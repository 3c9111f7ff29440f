"""Attacks of ATTACKS.md over the wire, by its numbers. Each must fail closed."""

import json
import uuid
from xml.etree import ElementTree

import pytest

import faults
import hostlib
from cloudlib import ADMIN, COMPUTE, IDENTITY, IMAGES, MEMBER, NETWORK
from hostlib import wait_for

SECRET = "s3cret-user-data-7f1e"
SCRIPT = "<script>alert(document.cookie)</script>"


@pytest.fixture(scope="module")
def routes(cloud):
    return faults.routes()


@pytest.fixture(scope="module")
def victim(make_tenant):
    """A foreign project with one of everything."""
    tenant = make_tenant("victim")
    tenant.net = tenant.network("10.70.0.0/24", "victim")
    tenant.gate = tenant.router(tenant.net)
    tenant.open = tenant.group("tcp:22", name="victim")
    tenant.card = tenant.sdk.network.create_port(network_id=tenant.net.id)
    tenant.public = tenant.sdk.network.create_ip(floating_network_id=tenant.external.id)
    tenant.picture = tenant.sdk.image.create_image(name="victim", disk_format="raw", container_format="bare")
    tenant.credential = tenant.sdk.identity.create_application_credential(tenant.user.id, name="victim")
    tenant.server = tenant.create(
        tenant.net, tenant.open, SCRIPT, user_data=f"#!/bin/sh\necho '{SCRIPT}' > /dev/console\n: {SECRET}\n",
        admin_password="Adm1n-pass-4c2d")
    tenant.status(tenant.server, "ACTIVE")
    yield tenant
    tenant.destroy()


def foreign_ids(victim):
    sdk = victim.sdk
    return {
        victim.net.id, victim.gate.id, victim.open.id, victim.card.id, victim.public.id, victim.picture.id,
        victim.server.id,
        victim.credential.id, *(s.id for s in sdk.network.subnets(network_id=victim.net.id)),
        *(r["id"] for r in sdk.network.get_security_group(victim.open.id).security_group_rules)}


def refused(answer, statuses=(400, 403, 404, 409)):
    faults.check(answer, statuses)


class Test1BodyAndQueryNeverDecide:
    def test_target_and_parameter_names_change_no_decision(self, cloud, tenant, routes):
        me = {"user_id": tenant.user.id, "project_id": tenant.project.id, "domain_id": "default", "is_admin": True}
        claims = {**me, "role": "admin", "roles": ["admin"], "target": {
            kind: {"id": tenant.user.id, "user_id": tenant.user.id, "project_id": tenant.project.id,
                "domain_id": "default"}
            for kind in ("user", "project", "credential", "token", "trust", "server", "network", "image")}}
        wrong = []
        for route in routes:
            if route.rule in ("open", "authenticated", "projectReader", "projectMember"):
                continue
            path = route.filled()
            more = {"version": route.version}
            query = "&".join(f"{k}={v}" for k, v in {**me, **{p: tenant.user.id for p in route.parameters}}.items())
            query += f"&target.user.id={tenant.user.id}&target.project_id={tenant.project.id}"
            plain = tenant.api(route.method, path, json={} if route.takes_body else None, **more)
            attack = tenant.api(
                route.method, f"{path}?{query}", json={**claims, **{p: tenant.user.id for p in route.parameters}},
                **more)
            # Who owns something is told what is missing or wrong; everybody else is refused. Claims change neither.
            is_due = "owner" in route.rule or plain.status_code == 403
            if attack.status_code != plain.status_code or not is_due:
                wrong.append(f"{route}: {plain.status_code}, with claims {attack.status_code}")
        assert not wrong, "\n".join(wrong)

    def test_a_token_request_cannot_name_another_user(self, cloud, tenant, victim):
        """Attack 2: an application credential with a foreign user beside it."""
        made = tenant.sdk.identity.create_application_credential(tenant.user.id, name="mine")
        for user in ({"id": victim.user.id}, {"name": victim.name, "domain": {"id": "default"}}):
            answer = cloud.api("POST", f"{IDENTITY}/auth/tokens", json={"auth": {"identity": {
                "methods": ["application_credential"], "application_credential": {
                    "id": made.id, "secret": made.secret, "user": user}}}})
            if answer.status_code == 201:
                assert answer.json()["token"]["user"]["id"] == tenant.user.id
            else:
                faults.check(answer, (400, 401))
        # Attack 3: what a restricted credential got makes no further ones.
        token = cloud.api("POST", f"{IDENTITY}/auth/tokens", json={"auth": {"identity": {
            "methods": ["application_credential"], "application_credential": {
                "id": made.id, "secret": made.secret}}}}).headers["X-Subject-Token"]
        answer = cloud.api("POST", f"{IDENTITY}/users/{tenant.user.id}/application_credentials", token, json={
            "application_credential": {"name": "wider"}})
        faults.check(answer, 403)
        # Attack 6: nor does it change its scope.
        for scope in ({"system": {"all": True}}, {"project": {"id": victim.project.id}}, {"domain": {"id": "default"}}):
            answer = cloud.api("POST", f"{IDENTITY}/auth/tokens", json={"auth": {
                "identity": {"methods": ["token"], "token": {"id": token}}, "scope": scope}})
            faults.check(answer, (401, 403))


class Test12ForgedHeaders:
    HEADERS = {
        "X-Roles": "admin", "X-Role": "admin", "X-Is-Admin-Project": "True", "X-Identity-Status": "Confirmed",
        "X-Service-Identity-Status": "Confirmed", "X-Service-Roles": "admin,service", "X-Domain-Id": "default",
        "OpenStack-System-Scope": "all"}

    def test_they_log_nobody_in(self, cloud, routes, victim):
        headers = {**self.HEADERS, "X-User-Id": victim.user.id, "X-Project-Id": victim.project.id,
            "X-Tenant-Id": victim.project.id}
        for route in routes:
            if not route.is_open:
                faults.check(cloud.api(route.method, route.filled(), headers=headers, version=route.version), 401)

    def test_they_raise_nobody(self, cloud, tenant, victim):
        headers = {**self.HEADERS, "X-User-Id": victim.user.id, "X-Project-Id": victim.project.id}
        refused(tenant.api("GET", f"{IDENTITY}/users", headers=headers), 403)
        refused(tenant.api("GET", f"{COMPUTE}/os-hypervisors", headers=headers), 403)
        refused(tenant.api("GET", f"{COMPUTE}/servers/{victim.server.id}", headers=headers), 404)
        refused(tenant.api("GET", f"{NETWORK}/networks/{victim.net.id}", headers=headers), 404)


class Test23RevocationIsAtOnce:
    @pytest.fixture
    def person(self, make_tenant):
        person = make_tenant("person")
        yield person
        admin = person.cloud.sdk(ADMIN)
        admin.identity.update_project(person.project, is_enabled=True)
        admin.identity.delete_user(person.user)
        for group in admin.network.security_groups(project_id=person.project.id):
            admin.network.delete_security_group(group.id)
        admin.identity.delete_project(person.project)

    def works(self, cloud, token):
        return cloud.api("GET", f"{COMPUTE}/servers", token).status_code

    @pytest.mark.parametrize("event", [
        "logout", "role removed", "user disabled", "password changed", "project disabled", "credential deleted",
        "user deleted"])
    def test_the_next_request_is_refused(self, cloud, person, event):
        admin, token = cloud.sdk(ADMIN).identity, person.token
        if event == "credential deleted":
            made = person.sdk.identity.create_application_credential(person.user.id, name="c")
            token = cloud.api("POST", f"{IDENTITY}/auth/tokens", json={"auth": {"identity": {
                "methods": ["application_credential"],
                "application_credential": {"id": made.id, "secret": made.secret}}}}
            ).headers["X-Subject-Token"]
        assert self.works(cloud, token) == 200
        if event == "logout":
            answer = cloud.api("DELETE", f"{IDENTITY}/auth/tokens", token, headers={"X-Subject-Token": token})
            assert answer.status_code == 204
        elif event == "role removed":
            admin.unassign_project_role_from_user(person.project, person.user, admin.find_role("member"))
        elif event == "user disabled":
            admin.update_user(person.user, is_enabled=False)
        elif event == "password changed":
            answer = person.api("POST", f"{IDENTITY}/users/{person.user.id}/password", json={"user": {
                "original_password": person.auth["password"], "password": "another-Passw0rd"}})
            assert answer.status_code == 204, answer.text
        elif event == "project disabled":
            admin.update_project(person.project, is_enabled=False)
        elif event == "credential deleted":
            person.sdk.identity.delete_application_credential(person.user.id, made.id)
        elif event == "user deleted":
            admin.delete_user(person.user)
        assert self.works(cloud, token) == 401
        if event not in ("logout", "credential deleted"):
            answer = cloud.api("POST", f"{IDENTITY}/auth/tokens", json=cloud.password_body(person.auth))
            assert answer.status_code == 401, answer.text


def test_18_locked_unknown_and_wrong_look_alike(cloud, make_tenant):
    person = make_tenant("locked")
    answers = []
    unknown, wrong = {**person.auth, "username": "no-such-user"}, {**person.auth, "password": "wrong"}
    for auth in [unknown, *7 * [wrong], person.auth]:
        answer = cloud.api("POST", f"{IDENTITY}/auth/tokens", json=cloud.password_body(auth))
        answers.append((answer.status_code, answer.text))
    assert len(set(answers)) == 1 and answers[0][0] == 401, answers
    admin = cloud.sdk(ADMIN)
    admin.compute.delete_keypair(person.keypair, user_id=person.user.id)
    admin.identity.delete_user(person.user)
    for group in admin.network.security_groups(project_id=person.project.id):
        admin.network.delete_security_group(group.id)
    admin.identity.delete_project(person.project)


class Test24DenyByDefault:
    OPEN = {"GET", "HEAD"}
    # What changes something and asks for no token: each carries its proof in the request itself.
    PROVE_THEMSELVES = [
        "POST /identity/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth",
        "POST /identity/v3/OS-OAUTH1/access_token",
        "POST /identity/v3/OS-OAUTH1/request_token",
        "POST /identity/v3/OS-OAUTH2/token",
        "POST /identity/v3/auth/tokens",
        "POST /identity/v3/users/{user_id}/password",
    ]

    def test_every_route_names_its_permission(self, routes):
        assert all(r.permission and r.rule for r in routes)
        changing = [str(r) for r in routes if r.is_open and r.method not in self.OPEN]
        assert sorted(changing) == self.PROVE_THEMSELVES

    def test_open_routes_tell_nothing_of_anybody(self, cloud, routes, victim):
        private = foreign_ids(victim) | {victim.project.id, victim.user.id, victim.name}
        for route in routes:
            if route.is_open and route.method == "GET":
                answer = cloud.api("GET", route.filled(), version=route.version)
                assert answer.status_code in (200, 300, 401, 403, 404, 410), route
                assert not [i for i in private if i in answer.text], route


class Test27ChildrenByTheirParents:
    def test_mine_and_yours(self, cloud, tenant, victim):
        mine = tenant.network("10.71.0.0/24", "mine")
        router = tenant.router(mine)
        group = tenant.group(name="mine")
        subnet = next(victim.sdk.network.subnets(network_id=victim.net.id)).id
        card = next(victim.sdk.network.ports(device_id=victim.server.id)).id
        theirs = victim.sdk.network.get_security_group(victim.open.id).security_group_rules[0]["id"]
        action = next(victim.sdk.compute.server_actions(victim.server.id)).request_id
        server = tenant.create(None, None, "mine", networks="none")
        tenant.status(server, "ACTIVE")
        floating = tenant.sdk.network.create_ip(floating_network_id=tenant.external.id)
        for method, path, body in [
            ("PUT", f"{NETWORK}/routers/{router.id}/add_router_interface", {"subnet_id": subnet}),
            ("PUT", f"{NETWORK}/routers/{router.id}/add_router_interface", {"port_id": victim.card.id}),
            ("PUT", f"{NETWORK}/routers/{router.id}/remove_router_interface", {"subnet_id": subnet}),
            ("PUT", f"{NETWORK}/routers/{victim.gate.id}/add_router_interface", {"subnet_id": subnet}),
            ("GET", f"{COMPUTE}/servers/{server.id}/os-interface/{card}", None),
            ("DELETE", f"{COMPUTE}/servers/{server.id}/os-interface/{card}", None),
            ("GET", f"{COMPUTE}/servers/{server.id}/os-instance-actions/{action}", None),
            ("GET", f"{COMPUTE}/servers/{victim.server.id}/metadata/x", None),
            ("PUT", f"{COMPUTE}/servers/{victim.server.id}/metadata/x", {"meta": {"x": "y"}}),
            ("PUT", f"{COMPUTE}/servers/{victim.server.id}/tags/x", None),
            ("GET", f"{COMPUTE}/servers/{victim.server.id}/os-security-groups", None),
            ("GET", f"{NETWORK}/networks/{victim.net.id}/tags", None),
            ("PUT", f"{NETWORK}/networks/{victim.net.id}/tags/x", None),
            ("PUT", f"{NETWORK}/ports/{victim.card.id}/tags/x", None),
            ("DELETE", f"{NETWORK}/security-group-rules/{theirs}", None),
            ("GET", f"{NETWORK}/security-group-rules/{theirs}", None),
            ("PUT", f"{NETWORK}/floatingips/{floating.id}", {"floatingip": {"port_id": victim.card.id}}),
            ("PUT", f"{NETWORK}/floatingips/{victim.public.id}", {"floatingip": {"port_id": None}}),
            ("POST", f"{NETWORK}/ports", {"port": {"network_id": mine.id, "security_groups": [victim.open.id]}}),
            ("POST", f"{NETWORK}/ports", {"port": {"network_id": mine.id, "fixed_ips": [{"subnet_id": subnet}]}}),
            ("POST", f"{NETWORK}/security-group-rules", {"security_group_rule": {
                "security_group_id": group.id, "direction": "ingress", "remote_group_id": victim.open.id}}),
            ("GET", f"{IMAGES}/images/{victim.picture.id}/members", None),
            ("POST", f"{IMAGES}/images/{victim.picture.id}/members", {"member": tenant.project.id}),
            ("PUT", f"{IMAGES}/images/{victim.picture.id}/tags/x", None),
            ("GET", f"{IDENTITY}/users/{tenant.user.id}/application_credentials/{victim.credential.id}", None),
            ("DELETE", f"{IDENTITY}/users/{tenant.user.id}/application_credentials/{victim.credential.id}", None),
            ("GET", f"{IDENTITY}/users/{victim.user.id}/application_credentials/{victim.credential.id}", None),
            ("GET", f"{IDENTITY}/users/{victim.user.id}/projects", None),
            ("GET", f"{COMPUTE}/os-keypairs/{victim.keypair.name}", None),
            ("GET", f"{COMPUTE}/os-keypairs/{victim.keypair.name}?user_id={victim.user.id}", None),
        ]:
            refused(tenant.api(method, path, json=body, version="2.79" if path.startswith(COMPUTE) else None),
                (400, 403, 404))
        assert cloud.api("GET", f"{NETWORK}/security-group-rules/{theirs}", victim.token).status_code == 200
        assert victim.sdk.compute.get_server(victim.server.id).metadata == {}
        tenant.delete(server)


def test_29_lists_show_nothing_foreign(tenant, victim, routes):
    foreign = foreign_ids(victim)
    assert len(foreign) > 9
    wrong, project, user = [], victim.project.id, victim.user.id
    queries = [f"project_id={project}", f"tenant_id={project}", f"owner={project}", "all_tenants=1", "all_projects=1",
               f"all_tenants=1&project_id={project}", f"all_tenants=1&tenant_id={project}", f"user_id={user}",
               "is_public=none",
               f"scope.project.id={project}", "shared=true", "visibility=all", f"visibility=shared&owner={project}",
               f"visibility=private&owner={project}", "member_status=all", f"device_id={victim.server.id}",
               f"id={victim.net.id}",
               f"network_id={victim.net.id}", f"security_group_id={victim.open.id}", f"name={victim.server.name}",
               "deleted=true"]
    for route in routes:
        if route.method != "GET" or route.is_open:
            continue
        filled = route.path.replace("{project_id}", project).replace("{user_id}", user)
        if "{" in filled:
            continue
        for query in ["", *queries]:
            answer = tenant.api("GET", f"{filled}?{query}", version=route.version)
            assert answer.status_code < 500, f"{filled}?{query}: {answer.status_code} {answer.text[:200]}"
            shown = [i for i in foreign if i in answer.text and i not in query]
            if shown:
                wrong.append(f"{filled}?{query} → {answer.status_code} shows {shown}")
    assert not wrong, "\n".join(wrong)


def test_40_every_format_is_named_and_nothing_is_probed(cloud, victim):
    """What a guest wrote on its disk is never looked at to find out what it is."""
    xml = hostlib.run(*hostlib.VIRSH, "dumpxml", f"haneul-{cloud.tag}-{victim.server.id}").stdout
    disks = ElementTree.fromstring(xml).findall("devices/disk")
    assert disks
    for disk in disks:
        assert disk.find("driver").get("type") in ("qcow2", "raw")
        store = disk.find("backingStore")
        while store is not None and len(store):
            assert store.find("format").get("type") in ("qcow2", "raw")
            store = store.find("backingStore")
        assert store is not None, "the chain is not closed: QEMU would probe what lies below"


class Test49ImageStatus:
    def test_the_bytes_of_an_active_image_never_change(self, cloud, tenant):
        admin = cloud.new_token(ADMIN)
        image = tenant.sdk.image.create_image(name="fixed", disk_format="raw", container_format="bare")
        stream = {"Content-Type": "application/octet-stream"}
        path = f"{IMAGES}/images/{image.id}"
        assert tenant.api("PUT", f"{path}/file", data=b"first" * 200, headers=stream).status_code == 204
        patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        for token in (tenant.token, admin):
            faults.check(cloud.api("PUT", f"{path}/file", token, data=b"other", headers=stream), 409)
            faults.check(cloud.api("PUT", f"{path}/file", token, data=b"other", headers={
                **stream, "X-Image-Meta-Status": "queued", "X-Image-Meta-Location": "http://127.0.0.1/"}), 409)
            for change in [
                {"op": "replace", "path": "/status", "value": "queued"}, {"op": "remove", "path": "/status"},
                {"op": "replace", "path": "/checksum", "value": "0"},
                {"op": "replace", "path": "/os_hash_value", "value": "0"},
                {"op": "replace", "path": "/locations", "value": []}, {"op": "remove", "path": "/locations/0"},
                {"op": "add", "path": "/locations/-", "value": {"url": "file:///etc/passwd", "metadata": {}}},
                {"op": "replace", "path": "/id", "value": str(uuid.uuid4())},
                {"op": "replace", "path": "/size", "value": 1},
                {"op": "replace", "path": "/disk_format", "value": "qcow2"},
            ]:
                faults.check(cloud.api("PATCH", path, token, data=json.dumps([change]), headers=patch),
                    (400, 403, 404, 409))
        assert tenant.api("GET", f"{path}/file").content == b"first" * 200
        shown = tenant.api("GET", path).json()
        assert shown["status"] == "active" and "locations" not in shown and "direct_url" not in shown
        tenant.sdk.image.delete_image(image.id)


class Test61DeviceOwner:
    @pytest.mark.parametrize("owner", [
        "network:dhcp", "network:router_interface", "network:floatingip", "network:", "NETWORK:dhcp"])
    def test_network_owners_are_not_a_users_to_set(self, tenant, victim, owner):
        network = next((n for n in tenant.sdk.network.networks(name=f"{tenant.name}-ports")), None) or tenant.network(
            "10.72.0.0/24", "ports")
        answer = tenant.api("POST", f"{NETWORK}/ports",
            json={"port": {"network_id": network.id, "device_owner": owner}})
        if owner.startswith("network:"):
            faults.check(answer, (400, 403))
        port = tenant.sdk.network.create_port(network_id=network.id)
        answer = tenant.api("PUT", f"{NETWORK}/ports/{port.id}", json={"port": {"device_owner": owner}})
        if owner.startswith("network:"):
            faults.check(answer, (400, 403))
        # However it is written, the port keeps its groups.
        for kept in tenant.sdk.network.ports(network_id=network.id):
            if not kept.device_owner.startswith("network:"):
                assert kept.is_port_security_enabled and kept.security_group_ids


class Test65NothingIsInjectedIntoADaemon:
    @pytest.mark.parametrize("text", ["x\ndhcp-script=/tmp/x", "x\rserver=6.6.6.6", "x\0y", "x\u2028y", "x\x1by"])
    def test_control_characters_are_refused(self, cloud, tenant, text):
        network = next((n for n in tenant.sdk.network.networks(name=f"{tenant.name}-inject")), None) or tenant.network(
            "10.73.0.0/24", "inject")
        port = tenant.sdk.network.create_port(network_id=network.id)
        for option in ({"opt_name": "bootfile-name", "opt_value": text}, {"opt_name": text, "opt_value": "x"}):
            body = {"extra_dhcp_opts": [option]}
            answers = [
                tenant.api("POST", f"{NETWORK}/ports", json={"port": {"network_id": network.id, **body}}),
                tenant.api("PUT", f"{NETWORK}/ports/{port.id}", json={"port": body})]
            for answer in answers:
                if "\u2028" not in text:
                    faults.check(answer, 400)
                assert answer.status_code < 500
        for fields in ({"dns_nameservers": [text]}, {"host_routes": [{"destination": text, "nexthop": "10.73.0.9"}]},
                       {"gateway_ip": text}):
            faults.check(tenant.api("POST", f"{NETWORK}/subnets", json={"subnet": {
                "network_id": network.id, "ip_version": 4, "cidr": "10.74.0.0/24", **fields}}), 400)
        assert not [f for f in (cloud.state / "node").rglob("*") if f.is_file() and f.stat().st_size < 1 << 20
                    and (b"dhcp-script" in f.read_bytes() or b"6.6.6.6" in f.read_bytes())]


class Test82GuestOutputIsText:
    def test_the_console_comes_as_json(self, victim):
        wait_for(
            "the guest's script on the console", lambda: SCRIPT in victim.cloud.console(victim.server.id, 100_000), 120,
            explain=lambda: victim.cloud.explain(victim.server.id))
        answer = victim.api("POST", f"{COMPUTE}/servers/{victim.server.id}/action", json={"os-getConsoleOutput": {}})
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        assert SCRIPT in answer.json()["output"] and "\x1b" not in answer.text and "\0" not in answer.text

    def test_no_html_page_repeats_what_was_sent(self, tenant):
        for path in (f"{IMAGES}/images/{SCRIPT}", f"{IMAGES}/{SCRIPT}", f"{IMAGES}/images?sort_key={SCRIPT}",
                     f"{IMAGES}/images?visibility={SCRIPT}"):
            answer = tenant.api("GET", path)
            assert answer.status_code in (400, 404) and "<script" not in answer.text, answer.text


class Test86NoSecretsInLogsOrFaults:
    def test_logs_hold_no_password_token_or_user_data(self, cloud, tenant, victim):
        passwords = [cloud.login(ADMIN)["password"], cloud.login(MEMBER)["password"], tenant.auth["password"],
            "Adm1n-pass-4c2d"]
        cloud.api("POST", f"{IDENTITY}/auth/tokens", data=json.dumps(cloud.password_body(tenant.auth))[:-3])
        cloud.api("GET", f"{COMPUTE}/servers?token={tenant.token}", tenant.token)
        logs = {p: p.read_text(errors="replace") for p in (cloud.state / "log").glob("*.log")}
        assert len(logs) == 2
        for path, text in logs.items():
            for secret in [*passwords, tenant.token, victim.token, SECRET, victim.credential.secret]:
                assert secret not in text, f"{path} holds a secret that begins with {secret[:4]}"
            assert "gAAAAA" not in text, f"{path} holds a token"
            assert "PRIVATE KEY" not in text

    def test_nobody_but_root_and_control_reads_the_state(self, cloud):
        def mode(path):
            return oct((cloud.state / path).stat().st_mode & 0o777)
        assert mode("clouds.yaml") == "0o600" and mode("control") == "0o700" and mode("node") in ("0o711", "0o700")
        assert not (cloud.state / "control/bootstrap.json").exists()
        keys = [p for p in (cloud.state / "control/fernet-keys").iterdir()]
        assert keys and all(p.stat().st_mode & 0o077 == 0 for p in keys)

    def test_secrets_are_not_in_what_the_host_shows(self, cloud, victim):
        """Command lines and libvirt's definitions are open to every user of the host."""
        for process in hostlib.processes(str(cloud.state)):
            with open(f"/proc/{process}/cmdline") as line, open(f"/proc/{process}/environ") as environ:
                shown = line.read() + environ.read()
                assert cloud.login(ADMIN)["password"] not in shown and SECRET not in shown
        xml = hostlib.run(*hostlib.VIRSH, "dumpxml", f"haneul-{cloud.tag}-{victim.server.id}").stdout
        assert SECRET not in xml and "Adm1n-pass" not in xml
