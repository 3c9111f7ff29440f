#!/usr/bin/env python3
"""Writes the tempest.conf for a cloud of ours, from a login of its clouds.yaml and what its catalogue offers.

usage: tempest_conf.py CLOUDS_YAML LOGIN SERVICE FOLDER [SECTION.OPTION=VALUE…]
Everything that tempest writes (logs, locks, the file itself) goes below FOLDER.
"""

import configparser
import os
import sys
from pathlib import Path

import openstack
import yaml

# What tempest calls our services, and the type that stands in the catalogue.
SERVICES = {
    "nova": "compute", "neutron": "network", "glance": "image", "cinder": "block-storage", "swift": "object-store",
    "horizon": "dashboard",
}


def settings(clouds, login, service, folder):
    """Sections and their options. `service` decides what tempest prepares: only networks cost something."""
    auth = yaml.safe_load(Path(clouds).read_text())["clouds"][login]["auth"]
    cloud = openstack.connect(
        load_yaml_config=False, load_envvars=False, region_name="RegionOne", identity_api_version="3", auth=auth)
    offered = {entry["type"] for entry in cloud.session.auth.get_access(cloud.session).service_catalog.catalog}
    url = auth["auth_url"].rstrip("/").removesuffix("/v3") + "/v3"
    return {
        "DEFAULT": {"log_dir": folder / "log", "log_file": "tempest.log", "use_stderr": False},
        "oslo_concurrency": {"lock_path": folder / "lock"},
        "auth": {
            "use_dynamic_credentials": True, "admin_username": auth["username"], "admin_password": auth["password"],
            "admin_project_name": auth["project_name"], "admin_domain_name": auth["user_domain_name"],
            "create_isolated_networks": service not in ("identity", "images") and "network" in offered,
        },
        "identity": {
            "uri_v3": url, "auth_version": "v3", "region": "RegionOne", "v3_endpoint_type": "public",
            "default_domain_id": "default", "catalog_type": "identity",
        },
        "identity-feature-enabled": {
            "trust": True, "project_tags": True, "application_credentials": True, "access_rules": True,
            "immutable_user_source": False, "domain_specific_drivers": False, "external_idp": False,
        },
        "service_available": {name: kind in offered for name, kind in SERVICES.items()},
        # Policies judge the scope of a token, here as in OpenStack since 2023.
        "enforce_scope": {name: True for name in ("keystone", "nova", "neutron", "glance", "cinder", "placement")},
    }


def written(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def write(clouds, login, service, folder, more):
    """Writes the file; `more` is laid over it, `section.option` to value. Returns its path."""
    folder = Path(folder).resolve()
    wanted = settings(clouds, login, service, folder)
    for name, value in more.items():
        section, option = name.split(".", 1)
        wanted.setdefault(section, {})[option] = value
    file = configparser.RawConfigParser()
    for section, options in wanted.items():
        if section != "DEFAULT":
            file.add_section(section)
        for option, value in options.items():
            file.set(section, option, written(value))
    (folder / "log").mkdir(parents=True, exist_ok=True)
    path = folder / "tempest.conf"
    # It holds the administrator's password.
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        file.write(out)
    return path


if __name__ == "__main__":
    clouds, login, service, folder, *more = sys.argv[1:]
    print(write(clouds, login, service, folder, dict(word.split("=", 1) for word in more)))
