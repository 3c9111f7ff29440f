#!/bin/bash
# Measures the figures of SPECIFICATION.md against the installed program. usage: run.sh PREFIX IMAGE
# It brings up a cloud of its own (203.0.113.128/26, port 8795) and removes it at the end; the results go to
# Benchmarks/results/<date>.md and to standard output.
set -euo pipefail
cd "$(dirname "$0")"
PREFIX=$1; IMAGE=$2
command -v wrk >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends wrk >/dev/null
mkdir -p results
python3 bench.py "$PREFIX/bin/haneul" "$IMAGE" | tee "results/$(date +%F).md"
