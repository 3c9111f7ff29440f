#!/bin/bash
# Makes the Python environment of the tests where it is not complete, and prints its path; HANEUL_VENV is another place.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${HANEUL_VENV:-$PWD/.venv}
# Distribution and the module that shows it is there. What judges us is held at the versions of docs/conformance.md.
NEEDED="python-openstackclient:openstackclient openstacksdk:openstack pytest:pytest
  openapi-spec-validator:openapi_spec_validator prometheus-client:prometheus_client cryptography:cryptography oauthlib:oauthlib tempest==47.0.0:tempest
  keystone-tempest-plugin==0.22.0:keystone_tempest_plugin"
[ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"
missing=()
for one in $NEEDED; do
  "$VENV/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('${one#*:}') is None)" ||
    missing+=("${one%:*}")
done
[ ${#missing[@]} = 0 ] || "$VENV/bin/pip" install -q "${missing[@]}" >&2
echo "$VENV"
