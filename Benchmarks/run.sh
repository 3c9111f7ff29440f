#!/bin/bash
# Measures the figures of SPECIFICATION.md against an installed release binary, in a cloud of its own that goes after.
# usage: run.sh PREFIX [IMAGE]      prints a table, and writes it to Benchmarks/results/<date>.md
set -euo pipefail
cd "$(dirname "$0")"
PREFIX=${1:?usage: run.sh PREFIX [IMAGE]}; IMAGE=${2:-/var/cache/haneul/tiny.qcow2}
[ "$(id -u)" = 0 ] || { echo "run.sh needs root: it starts guests." >&2; exit 1; }
[ -x "$PREFIX/bin/haneul" ] || { echo "$PREFIX/bin/haneul is missing: make install" >&2; exit 1; }
[ -s "$IMAGE" ] || { echo "$IMAGE is missing: Scripts/tiny-image.sh $(dirname "$IMAGE")" >&2; exit 1; }
command -v wrk >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends wrk >/dev/null
swift build --package-path .. -c release --product simulated-node
exec python3 -B bench.py "$PREFIX/bin/haneul" "$IMAGE" "results/$(date +%F).md" ../.build/release/simulated-node
