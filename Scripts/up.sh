#!/bin/bash
# `make up`: from a clean clone to a first server, each step with its time. usage: up.sh PREFIX STATE IMAGE [haneul up flags]
set -euo pipefail
cd "$(dirname "$0")/.."
PREFIX=$1; STATE=$2; IMAGE=$3; shift 3
began=$(date +%s.%N)
since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN{printf "%.1f s", b-a}'; }
step() { # name command...
  local name=$1 at log; at=$(date +%s.%N); log=$(mktemp); shift
  printf '%-46s' "$name"
  if "$@" >"$log" 2>&1; then printf ' %s\n' "$(since "$at")"; rm -f "$log"
  else printf ' failed\n'; tail -40 "$log"; echo "whole output: $log"; exit 1; fi
}
[ "$(id -u)" = 0 ] || { echo "make up needs root: it installs packages, makes bridges and starts guests." >&2; exit 1; }
step "Debian packages" Scripts/packages.sh run
step "build (release)" swift build -c release --product haneul
step "install to $PREFIX" Scripts/install.sh .build/release/haneul "$PREFIX"
step "tiny guest image" Scripts/tiny-image.sh --unless-current "$(dirname "$IMAGE")"
echo "cloud"
"$PREFIX/bin/haneul" up --state-dir "$STATE" "$@" | sed -n '/^  /{/export\|openstack/!p}'
echo "first server"
"$PREFIX/bin/haneul" first-server --state-dir "$STATE" --image "$IMAGE"
echo "All together $(since "$began")."
