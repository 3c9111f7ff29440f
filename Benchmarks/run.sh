#!/bin/bash
# Measures the figures of SPECIFICATION.md against an installed release binary, in clouds of its own that go after.
# usage: run.sh PREFIX [IMAGE] [--only PART,PART…]      parts: host reads writes fleet overload client identity; all without
# Prints a table, and writes it to Benchmarks/results/<date>.md; with --only to <date>-<parts>.md.
set -euo pipefail
cd "$(dirname "$0")"
PREFIX=${1:?usage: run.sh PREFIX [IMAGE] [--only PART,PART…]}; shift
IMAGE=/var/cache/haneul/tiny.qcow2; PARTS=
while [ $# -gt 0 ]; do
  case $1 in
    --only) PARTS=${2:?--only needs parts}; shift 2 ;;
    *) IMAGE=$1; shift ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "run.sh needs root: it starts guests." >&2; exit 1; }
[ -x "$PREFIX/bin/haneul" ] || { echo "$PREFIX/bin/haneul is missing: make install" >&2; exit 1; }
[ -s "$IMAGE" ] || { echo "$IMAGE is missing: Scripts/tiny-image.sh $(dirname "$IMAGE")" >&2; exit 1; }
command -v wrk >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends wrk >/dev/null
if [ -z "${PROGRAMS:-}" ]; then
  for product in simulated-node bare-http raw-store pacer; do
    swift build --package-path .. -c release --product $product
  done
  PROGRAMS=../.build/release
fi
exec python3 -B bench.py "$PREFIX/bin/haneul" "$IMAGE" "results/$(date +%F)${PARTS:+-${PARTS//,/-}}.md" \
  "$(realpath "$PROGRAMS")" $PARTS
