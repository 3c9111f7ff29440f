"""Each `openstack` command of identity is run once, and its effect looked at by the API, past the client.

`runs` says which commands a test runs; the last test compares that with the client's own list of commands."""

import json

import pytest
import yaml

from cloudlib import IDENTITY
from identity_client import COVERED, GROUP, PASSWORD, Home, Look, runs
from shell import Shell, commands_of


@pytest.fixture(scope="module")
def look(cloud):
    return Look(cloud)


@pytest.fixture(scope="module")
def home(look):
    home = Home(look)
    yield home
    home.destroy()


@pytest.fixture(scope="module")
def osc(cloud, home, tmp_path_factory):
    path = tmp_path_factory.mktemp("identity") / "clouds.yaml"
    path.write_text(yaml.safe_dump(home.logins(cloud)))
    path.chmod(0o600)
    shell = Shell(path, GROUP)
    yield shell
    shell.close()


def written(tmp_path, value):
    path = tmp_path / "value.json"
    path.write_text(json.dumps(value))
    return path


# --- who there is


@runs("domain create", "domain set", "domain show", "domain list", "domain delete")
def test_domains(osc, look):
    made = osc("domain create --description old client-domain")
    path = f"/domains/{made['id']}"
    assert look(path)["description"] == "old"
    osc("domain set --description new --disable client-domain")
    assert (look(path)["description"], look(path)["enabled"]) == ("new", False)
    assert osc("domain show client-domain")["description"] == "new"
    assert {one["ID"] for one in osc("domain list")} == look.ids("/domains")
    osc("domain delete client-domain")
    assert look.gone(path)


@runs("project create", "project set", "project show", "project list", "project delete")
def test_projects(osc, look):
    made = osc("project create --description old --tag a --property colour=blue client-project")
    path = f"/projects/{made['id']}"
    assert {"tags": ["a"], "colour": "blue"}.items() <= look(path).items()
    osc("project set --name client-renamed --tag b --disable client-project")
    assert {"name": "client-renamed", "enabled": False}.items() <= look(path).items()
    assert sorted(look(path)["tags"]) == ["a", "b"]
    assert osc("project show client-renamed")["description"] == "old"
    assert {one["ID"] for one in osc("project list")} == look.ids("/projects")
    osc("project delete client-renamed")
    assert look.gone(path)


@runs("user create", "user set", "user show", "user list", "user delete", "user password set")
def test_users(osc, look, home, cloud):
    made = osc(f"user create --domain default --password {PASSWORD} --email a@example.org --ignore-password-expiry "
               "client-user")
    path = f"/users/{made['id']}"
    assert {"email": "a@example.org", "options": {"ignore_password_expiry": True}}.items() <= look(path).items()
    osc("user set --description d --disable client-user")
    assert {"description": "d", "enabled": False}.items() <= look(path).items()
    assert osc("user show client-user")["email"] == "a@example.org"
    assert {one["ID"] for one in osc("user list")} == look.ids("/users")
    osc("user delete client-user")
    assert look.gone(path)
    osc(f"user password set --original-password {PASSWORD} --password {PASSWORD}2", "changer")
    assert cloud.new_token(home.auth(cloud, "client-changer", PASSWORD + "2"))
    old = cloud.password_body(home.auth(cloud, "client-changer"))
    assert cloud.api("POST", f"{IDENTITY}/auth/tokens", json=old).status_code == 401


@runs("group create", "group set", "group show", "group list", "group add user", "group contains user",
      "group remove user", "group delete")
def test_groups(osc, look, home):
    made = osc("group create --domain default --description old client-group")
    path = f"/groups/{made['id']}"
    osc("group set --description new client-group")
    assert look(path)["description"] == "new"
    assert osc("group show client-group")["description"] == "new"
    assert {one["ID"] for one in osc("group list")} == look.ids("/groups")
    osc("group add user client-group client-person")
    assert look.has(f"{path}/users/{home.person}")
    assert "client-person in group client-group" in osc("group contains user client-group client-person")
    osc("group remove user client-group client-person")
    assert not look.has(f"{path}/users/{home.person}")
    osc("group delete client-group")
    assert look.gone(path)


# --- what they may do


@runs("role create", "role set", "role show", "role list", "role add", "role remove", "role assignment list",
      "role delete")
def test_roles(osc, look, home):
    made = osc("role create --description old client-role")
    path = f"/roles/{made['id']}"
    osc("role set --description new client-role")
    assert look(path)["description"] == "new"
    assert osc("role show client-role")["description"] == "new"
    assert {one["ID"] for one in osc("role list")} == look.ids("/roles")
    grant = f"/projects/{home.project}/users/{home.other}/roles/{made['id']}"
    inherited = f"/OS-INHERIT{grant}/inherited_to_projects"
    osc("role add --user client-other --project client-home client-role")
    osc("role add --user client-other --project client-home --inherited client-role")
    osc("role add --user client-other --system all client-role")
    assert look.has(grant) and look.has(inherited) and look.has(f"/system/users/{home.other}/roles/{made['id']}")
    listed = osc("role assignment list --role client-role --names")
    assert sorted((one["User"], one["Project"], one["System"], one["Inherited"]) for one in listed) == [
        ("client-other@Default", "", "all", False), ("client-other@Default", "client-home@Default", "", False),
        ("client-other@Default", "client-home@Default", "", True)]
    osc("role remove --user client-other --project client-home client-role")
    assert not look.has(grant) and look.has(inherited)
    osc("role delete client-role")
    assert look.gone(path)


@runs("implied role create", "implied role list", "implied role delete")
def test_implied_roles(osc, look, home):
    prior, implied = (look.answer("/roles", "POST", json={"role": {"name": f"client-{name}"}}).json()["role"]["id"]
                      for name in ("prior", "implied"))
    path = f"/roles/{prior}/implies/{implied}"
    osc("implied role create --implied-role client-implied client-prior")
    assert look.has(path)
    listed = {(one["Prior Role ID"], one["Implied Role ID"]) for one in osc("implied role list")}
    assert (prior, implied) in listed and (home.roles["admin"], home.roles["manager"]) in listed
    osc("implied role delete --implied-role client-implied client-prior")
    assert not look.has(path)
    for role in (prior, implied):
        look.answer(f"/roles/{role}", "DELETE")


@runs("policy create", "policy set", "policy show", "policy list", "policy delete")
def test_policies(osc, look, tmp_path):
    made = osc(f"policy create --type text/plain {written(tmp_path, {'a': 'old'})}")
    path = f"/policies/{made['id']}"
    assert (look(path)["blob"], look(path)["type"]) == ('{"a": "old"}', "text/plain")
    osc(f"policy set --rules {written(tmp_path, {'a': 'new'})} {made['id']}")
    assert look(path)["blob"] == '{"a": "new"}'
    assert osc(f"policy show {made['id']}")["rules"] == '{"a": "new"}'
    assert {one["ID"] for one in osc("policy list")} == look.ids("/policies")
    osc(f"policy delete {made['id']}")
    assert look.gone(path)


# --- the catalogue


@runs("region create", "region set", "region show", "region list", "region delete")
def test_regions(osc, look):
    osc("region create --parent-region RegionOne --description old client-region")
    path = "/regions/client-region"
    assert look(path)["parent_region_id"] == "RegionOne"
    osc("region set --description new client-region")
    assert look(path)["description"] == "new"
    assert osc("region show client-region")["description"] == "new"
    assert {one["Region"] for one in osc("region list")} == look.ids("/regions")
    osc("region delete client-region")
    assert look.gone(path)


@runs("service create", "service set", "service show", "service list", "service delete")
def test_services(osc, look):
    made = osc("service create --name client-service --description old client-type")
    path = f"/services/{made['id']}"
    assert (look(path)["type"], look(path)["description"]) == ("client-type", "old")
    osc(f"service set --description new --disable {made['id']}")
    assert (look(path)["description"], look(path)["enabled"]) == ("new", False)
    assert osc("service show client-service")["description"] == "new"
    assert {one["ID"] for one in osc("service list")} == look.ids("/services")
    osc("service delete client-service")
    assert look.gone(path)


@pytest.fixture
def service(look):
    """A service of its own, with what hangs on it gone after the test."""
    made = look.answer("/services", "POST", json={"service": {"type": "client-more", "name": "client-more"}})
    service = made.json()["service"]["id"]
    yield service
    look.answer(f"/services/{service}", "DELETE")


@runs("endpoint create", "endpoint set", "endpoint show", "endpoint list", "endpoint add project",
      "endpoint remove project", "endpoint delete")
def test_endpoints(osc, look, home, service):
    made = osc("endpoint create --region RegionOne client-more public http://127.0.0.1:1/old")
    path = f"/endpoints/{made['id']}"
    assert (look(path)["url"], look(path)["service_id"]) == ("http://127.0.0.1:1/old", service)
    osc(f"endpoint set --url http://127.0.0.1:1/new --disable {made['id']}")
    assert (look(path)["url"], look(path)["enabled"]) == ("http://127.0.0.1:1/new", False)
    assert osc(f"endpoint show {made['id']}")["url"] == "http://127.0.0.1:1/new"
    assert {one["ID"] for one in osc("endpoint list")} == look.ids("/endpoints")
    filtered = f"/OS-EP-FILTER/projects/{home.project}/endpoints"
    osc(f"endpoint add project {made['id']} client-home")
    assert look.ids(filtered) == {made["id"]}
    osc(f"endpoint remove project {made['id']} client-home")
    assert look.ids(filtered) == set()
    osc(f"endpoint delete {made['id']}")
    assert look.gone(path)


@runs("endpoint group create", "endpoint group set", "endpoint group show", "endpoint group list",
      "endpoint group add project", "endpoint group remove project", "endpoint group delete")
def test_endpoint_groups(osc, look, home, service, tmp_path):
    made = osc(f"endpoint group create --description old client-group {written(tmp_path, {'service_id': service})}")
    path = f"/OS-EP-FILTER/endpoint_groups/{made['id']}"
    assert look(path)["filters"] == {"service_id": service}
    osc(f"endpoint group set --description new --filters {written(tmp_path, {'interface': 'admin'})} {made['id']}")
    assert (look(path)["description"], look(path)["filters"]) == ("new", {"interface": "admin"})
    assert osc(f"endpoint group show {made['id']}")["description"] == "new"
    assert {one["ID"] for one in osc("endpoint group list")} == look.ids("/OS-EP-FILTER/endpoint_groups")
    osc(f"endpoint group add project {made['id']} client-home")
    assert look.has(f"{path}/projects/{home.project}")
    osc(f"endpoint group remove project {made['id']} client-home")
    assert not look.has(f"{path}/projects/{home.project}")
    osc(f"endpoint group delete {made['id']}")
    assert look.gone(path)


@runs("catalog list", "catalog show")
def test_catalog(osc, look):
    asked = {entry["type"]: entry for entry in look("/auth/catalog")}
    assert {one["Type"] for one in osc("catalog list")} == set(asked)
    assert osc("catalog show identity")["id"] == asked["identity"]["id"]


@runs("registered limit create", "registered limit set", "registered limit show", "registered limit list",
      "registered limit delete", "limit create", "limit set", "limit show", "limit list", "limit delete")
def test_limits(osc, look, home, service):
    registered = osc(
        "registered limit create --service client-more --region RegionOne --default-limit 10 client-things")
    path = f"/registered_limits/{registered['id']}"
    assert (look(path)["default_limit"], look(path)["service_id"]) == (10, service)
    osc(f"registered limit set --default-limit 20 {registered['id']}")
    assert look(path)["default_limit"] == 20
    assert osc(f"registered limit show {registered['id']}")["default_limit"] == 20
    assert {one["ID"] for one in osc("registered limit list")} == look.ids("/registered_limits")
    limit = osc("limit create --project client-home --service client-more --region RegionOne --resource-limit 5 "
                "client-things")
    below = f"/limits/{limit['id']}"
    assert (look(below)["resource_limit"], look(below)["project_id"]) == (5, home.project)
    osc(f"limit set --resource-limit 6 {limit['id']}")
    assert look(below)["resource_limit"] == 6
    assert osc(f"limit show {limit['id']}")["resource_limit"] == 6
    assert {one["ID"] for one in osc("limit list")} == look.ids("/limits")
    osc(f"limit delete {limit['id']}")
    assert look.gone(below)
    osc(f"registered limit delete {registered['id']}")
    assert look.gone(path)


# --- tokens and what stands for a person


@runs("token issue", "token revoke")
def test_tokens(osc, look):
    issued = osc("token issue", "person")["id"]

    def status():
        return look.answer("/auth/tokens", headers={"X-Subject-Token": issued}).status_code
    assert status() == 200
    osc(f"token revoke {issued}")
    assert status() == 404


@runs("application credential create", "application credential show", "application credential list",
      "application credential delete", "access rule list", "access rule show", "access rule delete")
def test_application_credentials(osc, look, home, cloud, tmp_path):
    rules = written(tmp_path, [{"service": "identity", "method": "GET", "path": "/v3/projects"}])
    made = osc(f"application credential create --role member --access-rules {rules} client-credential", "person")
    kept = look(f"/users/{home.person}/application_credentials/{made['ID']}")
    # With what the role implies.
    assert {role["name"] for role in kept["roles"]} == {"member", "reader"} and made["Secret"]
    [rule] = kept["access_rules"]
    assert osc("application credential show client-credential", "person")["ID"] == made["ID"]
    assert [one["ID"] for one in osc("application credential list", "person")] == [made["ID"]]
    assert [one["ID"] for one in osc("access rule list", "person")] == [rule["id"]]
    assert osc(f"access rule show {rule['id']}", "person")["Path"] == "/v3/projects"
    osc("application credential delete client-credential", "person")
    assert look.ids(f"/users/{home.person}/application_credentials") == set()
    osc(f"access rule delete {rule['id']}", "person")
    # Not even an administrator looks at a user's rules.
    mine = cloud.new_token(home.auth(cloud, "client-person"))
    assert cloud.api("GET", f"{IDENTITY}/users/{home.person}/access_rules", mine).json()["access_rules"] == []


@runs("credential create", "credential set", "credential show", "credential list", "credential delete")
def test_credentials(osc, look, home):
    made = osc("credential create --type cert --project client-home client-person old")
    path = f"/credentials/{made['id']}"
    assert (look(path)["blob"], look(path)["project_id"]) == ("old", home.project)
    osc(f"credential set --user client-person --type cert --data new --project client-home {made['id']}")
    assert look(path)["blob"] == "new"
    assert osc(f"credential show {made['id']}")["blob"] == "new"
    assert {one["ID"] for one in osc("credential list --type cert")} == look.ids("/credentials?type=cert")
    osc(f"credential delete {made['id']}")
    assert look.gone(path)


@runs("ec2 credentials create", "ec2 credentials show", "ec2 credentials list", "ec2 credentials delete")
def test_ec2_credentials(osc, look, home):
    made = osc("ec2 credentials create", "person")
    path = f"/users/{home.person}/credentials/OS-EC2/{made['access']}"
    assert (look(path)["secret"], look(path)["tenant_id"]) == (made["secret"], home.project)
    assert osc(f"ec2 credentials show {made['access']}", "person")["secret"] == made["secret"]
    assert [one["Access"] for one in osc("ec2 credentials list", "person")] == [made["access"]]
    osc(f"ec2 credentials delete {made['access']}", "person")
    assert look.gone(path)


@runs("trust create", "trust show", "trust list", "trust delete")
def test_trusts(osc, look, home):
    # By ids: a plain member may look up no other user by name.
    member = home.roles["member"]
    made = osc(f"trust create --project {home.project} --role {member} {home.person} {home.other}", "person")
    path = f"/OS-TRUST/trusts/{made['id']}"
    kept = look(path)
    assert (kept["trustor_user_id"], kept["trustee_user_id"], kept["project_id"]) == (
        home.person, home.other, home.project)
    assert osc(f"trust show {made['id']}", "other")["id"] == made["id"]
    assert [one["ID"] for one in osc("trust list")] == [made["id"]]
    osc(f"trust delete {made['id']}", "person")
    assert look.gone(path)


@runs("consumer create", "consumer set", "consumer show", "consumer list", "request token create",
      "request token authorize", "access token create", "consumer delete")
def test_oauth1(osc, look):
    made = osc("consumer create --description old")
    path = f"/OS-OAUTH1/consumers/{made['id']}"
    osc(f"consumer set --description new {made['id']}")
    assert look(path)["description"] == "new"
    assert osc(f"consumer show {made['id']}")["description"] == "new"
    assert {one["ID"] for one in osc("consumer list")} == look.ids("/OS-OAUTH1/consumers")
    consumer = f"--consumer-key {made['id']} --consumer-secret {made['secret']}"
    # The client looks the role up by its name, which only administrators may: so it is one who delegates here.
    asked = osc(f"request token create {consumer} --project admin")
    allowed = osc(f"request token authorize --request-key {asked['id']} --role member")
    given = osc(f"access token create {consumer} --request-key {asked['id']} --request-secret {asked['secret']} "
                f"--verifier {allowed['oauth_verifier']}")
    mine = f"/users/{look.user('admin')}/OS-OAUTH1/access_tokens"
    kept = look(f"{mine}/{given['id']}")
    assert (kept["consumer_id"], given["id"]) == (made["id"], kept["id"])
    osc(f"consumer delete {made['id']}")
    assert look.gone(path) and look.ids(mine) == set()


# --- federation


RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
OTHER_RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "sub"}]}]


@runs("identity provider create", "identity provider set", "identity provider show", "identity provider list",
      "identity provider delete", "mapping create", "mapping set", "mapping show", "mapping list", "mapping delete",
      "federation protocol create", "federation protocol set", "federation protocol show", "federation protocol list",
      "federation protocol delete")
def test_identity_providers(osc, look, tmp_path):
    made = osc("identity provider create --remote-id https://idp.example.org/a --description old client-idp")
    path = "/OS-FEDERATION/identity_providers/client-idp"
    assert look(path)["remote_ids"] == ["https://idp.example.org/a"]
    osc("identity provider set --description new --disable client-idp")
    assert (look(path)["description"], look(path)["enabled"]) == ("new", False)
    assert osc("identity provider show client-idp")["description"] == "new"
    assert {one["ID"] for one in osc("identity provider list")} == look.ids("/OS-FEDERATION/identity_providers")

    mapping = "/OS-FEDERATION/mappings/client-mapping"
    osc(f"mapping create --rules {written(tmp_path, RULES)} client-mapping")
    assert look(mapping)["rules"] == RULES
    osc(f"mapping set --rules {written(tmp_path, OTHER_RULES)} client-mapping")
    assert look(mapping)["rules"] == OTHER_RULES
    assert osc("mapping show client-mapping")["id"] == "client-mapping"
    assert {one["ID"] for one in osc("mapping list")} == look.ids("/OS-FEDERATION/mappings")

    protocol = f"{path}/protocols/openid"
    idp = "--identity-provider client-idp"
    osc(f"federation protocol create {idp} --mapping client-mapping openid")
    assert look(protocol)["mapping_id"] == "client-mapping"
    osc(f"mapping create --rules {written(tmp_path, RULES)} client-mapping-2")
    osc(f"federation protocol set {idp} --mapping client-mapping-2 openid")
    assert look(protocol)["mapping_id"] == "client-mapping-2"
    assert osc(f"federation protocol show {idp} openid")["mapping"] == "client-mapping-2"
    assert [one["id"] for one in osc(f"federation protocol list {idp}")] == ["openid"]
    osc(f"federation protocol delete {idp} openid")
    assert look.gone(protocol)
    osc("mapping delete client-mapping client-mapping-2")
    assert look.gone(mapping)
    osc("identity provider delete client-idp")
    assert look.gone(path)
    # The domain that was made for its users stays, as in Keystone.
    look.answer(f"/domains/{made['domain_id']}", "PATCH", json={"domain": {"enabled": False}})
    assert look.answer(f"/domains/{made['domain_id']}", "DELETE").status_code == 204


@runs("service provider create", "service provider set", "service provider show", "service provider list",
      "service provider delete")
def test_service_providers(osc, look):
    osc("service provider create --auth-url https://sp.example.org/v3 "
        "--service-provider-url https://sp.example.org/ecp --description old client-sp")
    path = "/OS-FEDERATION/service_providers/client-sp"
    assert look(path)["auth_url"] == "https://sp.example.org/v3"
    osc("service provider set --description new client-sp")
    assert look(path)["description"] == "new"
    assert osc("service provider show client-sp")["description"] == "new"
    assert {one["ID"] for one in osc("service provider list")} == look.ids("/OS-FEDERATION/service_providers")
    osc("service provider delete client-sp")
    assert look.gone(path)


@runs("federation project list", "federation domain list")
def test_what_a_login_reaches(osc, home):
    assert [one["ID"] for one in osc("federation project list", "person")] == [home.project]
    assert osc("federation domain list", "person") == []


def test_no_command_is_forgotten():
    """The client's own list is the truth."""
    assert COVERED == commands_of(GROUP)
