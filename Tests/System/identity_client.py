"""What the tests of the client's identity commands stand on: a look past the client, and a project with users."""

import functools

from cloudlib import ADMIN, IDENTITY

GROUP = "openstack.identity.v3"
COVERED = set()
# Nobody may log in with it from elsewhere: the cloud listens on loopback, and goes with the tests.
PASSWORD = "identity-client-1"


def runs(*names):
    """The commands that a test runs: not one less, not one more."""
    def wrap(test):
        COVERED.update(names)

        @functools.wraps(test)
        def wrapped(osc, *fixtures, **more):
            osc.ran.clear()
            test(osc, *fixtures, **more)
            assert osc.ran == set(names)
        return wrapped
    return wrap


class Look:
    """The API as it is, with an administrator's token."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.token = cloud.new_token(ADMIN)

    def answer(self, path, method="GET", **more):
        return self.cloud.api(method, IDENTITY + path, self.token, **more)

    def __call__(self, path):
        """The value of the answer's member: `user` of `{"user": {…}}`."""
        answer = self.answer(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return next(value for name, value in answer.json().items() if name not in ("links", "truncated"))

    def ids(self, path, key="id"):
        return {one[key] for one in self(path)}

    def has(self, path):
        """Whether a grant, a member, a tag is there: HEAD or GET answers 204."""
        status = self.answer(path, "HEAD").status_code
        assert status in (200, 204, 404), status
        return status != 404

    def gone(self, path):
        return self.answer(path).status_code == 404

    def user(self, name):
        """The id of a user of the default domain."""
        [found] = self(f"/users?name={name}&domain_id=default")
        return found["id"]


class Home:
    """A project with users of it: `person` and `other` come with a token, which costs no hash of a password for each
    command; `changer` with a password."""

    def __init__(self, look):
        self.look = look
        made = look.answer("/projects", "POST", json={"project": {"name": "client-home", "domain_id": "default"}})
        self.project = made.json()["project"]["id"]
        self.roles = {role["name"]: role["id"] for role in look("/roles")}
        self.person, self.other, self.changer = map(self.add, ("client-person", "client-other", "client-changer"))

    def add(self, name):
        made = self.look.answer("/users", "POST", json={
            "user": {"name": name, "password": PASSWORD, "domain_id": "default", "default_project_id": self.project}})
        user = made.json()["user"]["id"]
        self.look.answer(f"/projects/{self.project}/users/{user}/roles/{self.roles['member']}", "PUT")
        return user

    def destroy(self):
        users = [f"/users/{user}" for user in (self.person, self.other, self.changer)]
        for path in [*users, f"/projects/{self.project}"]:
            self.look.answer(path, "DELETE")

    def auth(self, cloud, name, password=PASSWORD):
        return {**cloud.login(ADMIN), "username": name, "password": password, "project_name": "client-home"}

    def logins(self, cloud):
        """A clouds.yaml."""
        def login(kind, auth):
            return {"region_name": "RegionOne", "identity_api_version": 3, "auth_type": kind, "auth": auth}

        def with_token(auth):
            kept = {name: auth[name] for name in ("auth_url", "project_name", "project_domain_name")}
            return login("token", {**kept, "token": cloud.new_token(auth)})
        return {"clouds": {
            "admin": with_token(cloud.login(ADMIN)), "person": with_token(self.auth(cloud, "client-person")),
            "other": with_token(self.auth(cloud, "client-other")),
            "changer": login("password", self.auth(cloud, "client-changer"))}}
