#!/bin/bash
# `make simulate`: whole clouds in one process, each under a seed. SEED=n runs that one and tells its end; SEEDS=n runs so
# many from FIRST (1) on and keeps going after a failure. NODES, SERVERS, PROJECTS, SIMULATED_SECONDS, which a
# failure names too, say how large and how long. JOBS=n runs so many at the same time.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --product simulate
size=()
for name in NODES SERVERS PROJECTS; do [ -z "${!name:-}" ] || size+=("--${name,,}" "${!name}"); done
# SECONDS itself is a variable of bash.
[ -z "${SIMULATED_SECONDS:-}" ] || size+=(--seconds "$SIMULATED_SECONDS")
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit+=" with changes"
if [ -n "${SEED:-}" ]; then exec .build/debug/simulate --seed "$SEED" "${size[@]}" --commit "$commit"; fi
first=${FIRST:-1}
last=$((first + ${SEEDS:-20} - 1))
seq "$first" "$last" | xargs -P "${JOBS:-2}" -I '{}' .build/debug/simulate --seed '{}' "${size[@]}" --commit "$commit"
