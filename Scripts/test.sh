#!/bin/bash
# `make test`: installs what tests need and runs them all. usage: test.sh IMAGE [--system-only]
set -euo pipefail
cd "$(dirname "$0")/.."
IMAGE=$1
# The control process runs as its own user, who may not read a folder of root's: run from a place where he can.
PLACE=/var/tmp/haneul-test
# What a run that was cut off left on the host: its processes are dead, its bridges and guests are in the way. First of all,
# because its external network may hide the very addresses that packages are fetched from.
for state in /var/tmp/haneul-system-*; do
  [ -f "$state/cloud.json" ] && [ -x "$PLACE/bin/haneul" ] || continue
  "$PLACE/bin/haneul" status --state-dir "$state" >/dev/null 2>&1 && continue
  echo "clearing what an earlier run left: $state"
  "$PLACE/bin/haneul" down --clear-host --state-dir "$state" && rm -rf "$state"
done
Scripts/packages.sh test
Scripts/tiny-image.sh --unless-current "$(dirname "$IMAGE")"
VENV=$(Scripts/venv.sh)
swift build --build-tests
Scripts/install.sh .build/debug/haneul "$PLACE"
# Two cores with guests on them are a noisy place: what fails runs once more, alone, and is named. What fails twice fails.
# Bounded, because every dataplane of a test brings threads and descriptors of its own, and libnftables uses select(2).
# usage: unit ENGINE [options of swift test]
unit() {
  local log failed
  export HANEUL_TEST_STORE=$1
  shift
  log=$(mktemp)
  echo "unit and service tests, stores of $HANEUL_TEST_STORE (some minutes; tail -f $log)"
  # Into a file, not a pipe: a daemon that a test starts may hold a pipe open for ever.
  if swift test --skip-build --experimental-maximum-parallelization-width 6 "$@" >"$log" 2>&1 </dev/null; then
    grep -aE "^✔ Suite|^✔ Test run" "$log"
    rm "$log"
    return
  fi
  # Said again at the end, where whoever looks at a long log looks first.
  grep -aE "recorded an issue|^✘|Fatal error|error:" "$log" | tail -n 40
  echo "the whole log: $log"
  failed=$(grep -aoP '^✘ Test \K\w+(?=\()' "$log" | sort -u | paste -sd '|')
  if [ -z "$failed" ]; then
    # The process itself ended: swift-nio's server has a race between accepting and closing. The whole once more.
    grep -aq "^✔ Test run\|^✘ Test run" "$log" && return 1
    echo "the tests' process ended by itself; all of them once more"
    swift test --skip-build --experimental-maximum-parallelization-width 6 "$@" >"$log" 2>&1 </dev/null || return 1
    grep -aE "^✔ Suite|^✔ Test run" "$log"
    return
  fi
  echo "once more, alone: $failed"
  swift test --skip-build --experimental-maximum-parallelization-width 1 --filter "[./]($failed)\("
}
if [ "${2:-}" != --system-only ]; then
  unit sqlite
  # The rooms that keep something, on the other engine; Store's and Cloud's tests choose theirs themselves.
  unit postgres --filter '^(NodeLink|Converge|Identity|Images|Networks|Compute|Placement|Explain)Tests\.'
fi
system() { HANEUL="$PLACE/bin/haneul" IMAGE="$IMAGE" PATH="$VENV/bin:$PATH" "$VENV/bin/pytest" -q Tests/System "$@"; }
system || {
  echo "once more, alone, what failed above"
  system --last-failed --last-failed-no-failures none
}
