"""Nobody loses a cloud because someone left: deletes that come back, what they would take away, the last administrator,
leaving, and who may do what and why not. All by the command, against a running cloud and OpenStack's own clients."""

import json
import secrets

import openstack
import pytest

from cloudlib import ADMIN, IDENTITY, MEMBER


class Office:
    """A project with a person in it, on whose application credential a program depends."""

    def __init__(self, cloud):
        self.cloud, self.admin = cloud, cloud.sdk(ADMIN)
        self.tag = secrets.token_hex(3)
        identity = self.admin.identity
        self.project = identity.create_project(name=f"lab-{self.tag}", domain_id="default")
        self.password = secrets.token_hex(12)
        self.anna = self.person("anna")
        self.bert = self.person("bert")
        self.role = identity.create_role(name=f"auditor-{self.tag}")
        self.member = identity.find_role("member")
        identity.assign_project_role_to_user(self.project, self.anna, self.member)
        identity.assign_project_role_to_user(self.project, self.anna, self.role)

    def person(self, name):
        return self.admin.identity.create_user(
            name=f"{name}-{self.tag}", password=self.password, domain_id="default")

    def connect(self, name):
        domain = "Default"
        return self.cloud.connect(
            auth_url=self.cloud.login(ADMIN)["auth_url"], username=name, password=self.password,
            project_name=self.project.name, user_domain_name=domain, project_domain_name=domain)

    def haneul(self, *words, check=True):
        return self.cloud.haneul(*words, "--state-dir", self.cloud.state, check=check)

    def ask(self, *words):
        return json.loads(self.haneul(*words, "--json").stdout)

    def robot(self, credential, secret):
        return openstack.connect(
            load_yaml_config=False, load_envvars=False, region_name="RegionOne", identity_api_version="3",
            auth_type="v3applicationcredential",
            auth={"auth_url": self.cloud.login(ADMIN)["auth_url"], "application_credential_id": credential,
                  "application_credential_secret": secret})


@pytest.fixture
def office(cloud):
    office = Office(cloud)
    yield office
    identity = office.admin.identity
    for user in list(identity.users()):
        if user.name.endswith(office.tag):
            identity.delete_user(user)
    identity.delete_project(office.project)
    identity.delete_role(office.role, ignore_missing=True)


def credential_of(office, connection, name):
    """An application credential made by its own user; id and secret."""
    made = connection.identity.create_application_credential(connection.current_user_id, f"{name}-{office.tag}")
    return made.id, made.secret


def test_a_deleted_user_comes_back_with_what_depended_on_it(office):
    connection = office.connect(office.anna.name)
    credential, secret = credential_of(office, connection, "robot")
    robot = office.robot(credential, secret)
    assert robot.authorize()
    impact = office.ask("impact", "delete", "user", office.anna.name)["impact"]
    assert impact["application_credentials"]["count"] == 1
    assert impact["assignments"]["count"] == 2
    assert f"robot-{office.tag}" in [used["name"] for used in impact["automation"]["first"]]
    office.admin.identity.delete_user(office.anna)
    with pytest.raises(openstack.exceptions.SDKException, match="HTTP 401"):
        office.robot(credential, secret).authorize()
    assert office.cloud.api("GET", f"{IDENTITY}/auth/projects", connection.auth_token).status_code == 401
    assert office.anna.name in office.haneul("restore", "list").stdout
    back = office.haneul("restore", "user", office.anna.name).stdout
    assert "application credential" in back, back
    assert office.robot(credential, secret).authorize()
    assert office.connect(office.anna.name).authorize()
    assert office.cloud.api("GET", f"{IDENTITY}/auth/projects", connection.auth_token).status_code == 401


def test_a_deleted_role_comes_back_to_everybody(office):
    before = office.cloud.openstack(f"role assignment list --user {office.anna.id} --names", cloud=ADMIN)
    impact = office.haneul("impact", "delete", "role", office.role.name).stdout
    assert "1 role assignment" in impact, impact
    office.admin.identity.delete_role(office.role)
    assert len(office.cloud.openstack(f"role assignment list --user {office.anna.id} --names", cloud=ADMIN)) == 1
    office.haneul("restore", "role", office.role.name)
    after = office.cloud.openstack(f"role assignment list --user {office.anna.id} --names", cloud=ADMIN)
    assert sorted(map(str, after)) == sorted(map(str, before))


def test_a_name_that_is_taken_is_said(office):
    office.admin.identity.delete_user(office.anna)
    other = office.person("anna")
    refused = office.haneul("restore", "user", office.anna.id, check=False)
    assert refused.returncode != 0 and "openstack user set --name" in refused.stderr + refused.stdout
    office.admin.identity.update_user(other, name=f"other-{office.tag}")
    office.haneul("restore", "user", office.anna.id)


def test_the_last_administrator_stays(office):
    login = office.admin.current_user_id
    token = office.cloud.new_token(ADMIN)
    refused = office.cloud.api("DELETE", f"{IDENTITY}/users/{login}", token)
    assert refused.status_code == 409 and "last administrator of the system" in refused.text, refused.text
    role = office.admin.identity.find_role("admin")
    for method, path, body in [
            ("DELETE", f"{IDENTITY}/system/users/{login}/roles/{role.id}", None),
            ("PATCH", f"{IDENTITY}/users/{login}", {"user": {"enabled": False}})]:
        assert office.cloud.api(method, path, token, json=body).status_code == 409
    assert office.cloud.api("GET", f"{IDENTITY}/users", token).status_code == 200


def test_leaving_breaks_no_program(office):
    connection = office.connect(office.anna.name)
    credential, secret = credential_of(office, connection, "robot")
    keypair = connection.compute.create_keypair(name=f"key-{office.tag}")
    plan = office.haneul("offboard", office.anna.name, "--to", office.bert.name).stdout
    assert "Nothing was done" in plan and f"robot-{office.tag}" in plan, plan
    assert office.robot(credential, secret).authorize()
    office.haneul("offboard", office.anna.name, "--to", office.bert.name, "--yes")
    with pytest.raises(openstack.exceptions.SDKException, match="HTTP 401"):
        office.connect(office.anna.name).authorize()
    robot = office.robot(credential, secret)
    assert robot.authorize()
    assert robot.current_user_id not in (office.anna.id, office.bert.id)
    assert robot.current_project_id == office.project.id
    keys = office.admin.compute.keypairs(user_id=office.bert.id)
    assert [key.name for key in keys] == [keypair.name]


def test_every_change_of_access_is_in_the_trail(office):
    token = office.cloud.new_token(ADMIN)
    path = f"{IDENTITY}/projects/{office.project.id}/users/{office.bert.id}/roles/{office.member.id}"
    granted = office.cloud.api("PUT", path, token)
    assert granted.status_code == 204
    request = granted.headers["X-Openstack-Request-Id"]
    event = office.ask("audit", "--request", request)["events"][0]
    change = event["attachments"][0]["content"][0]
    assert change["what"] == "role_assignment" and change["before"] is None
    assert change["after"]["user_id"] == office.bert.id
    assert "+ role_assignment" in office.haneul("audit", "--request", request).stdout
    disabled = office.cloud.api("PATCH", f"{IDENTITY}/users/{office.bert.id}", token, json={"user": {"enabled": False}})
    told = office.haneul("audit", "--request", disabled.headers["X-Openstack-Request-Id"]).stdout
    assert "enabled: 1 -> 0" in told, told


def test_who_can_and_why_not(office):
    told = office.haneul("who-can", "identity:get_project", office.project.name).stdout
    assert "admin: role admin on the system" in told, told
    answer = office.ask("who-can", "os_compute_api:servers:create")
    assert any(way["holders"] for way in answer["who_can"]["ways"])
    denied = office.cloud.api("GET", f"{IDENTITY}/users", office.cloud.new_token(MEMBER))
    assert denied.status_code == 403
    request = denied.headers["X-Openstack-Request-Id"]
    why = office.haneul("why-denied", request).stdout
    assert "identity:list_users" in why and "roles" in why and "admin" in why, why
    assert office.ask("why-denied", request)["why_denied"]["status"] == 403
    assert office.haneul("who-can", "no:such_action", check=False).returncode != 0
