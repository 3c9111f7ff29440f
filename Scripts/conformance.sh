#!/bin/bash
# `make conformance`: OpenStack's own suites for a service against a cloud.
# usage: conformance.sh SERVICE [--only SUITE,SUITE…] [--engine postgres]
# HANEUL_CLOUD: the clouds.yaml of a cloud that is up; else HANEUL, an installed binary, brings one up that goes after.
set -euo pipefail
cd "$(dirname "$0")/.."
SERVICE=${1:?usage: conformance.sh SERVICE [--only SUITE,SUITE…]}
VENV=$(Scripts/venv.sh)
export HANEUL=${HANEUL:-/var/tmp/haneul-test/bin/haneul}
if [ -z "${HANEUL_CLOUD:-}" ] && [ ! -x "$HANEUL" ]; then
  Scripts/packages.sh test
  swift build --product haneul
  Scripts/install.sh .build/debug/haneul "${HANEUL%/bin/haneul}"
fi
exec "$VENV/bin/python" -B Tests/Conformance/conformance.py "$SERVICE" "${@:2}"
