#!/bin/bash
# Installs the program where the unprivileged user can run it. usage: install.sh BINARY PREFIX
#   PREFIX/lib/haneul/   the binary and the Swift runtime it was linked with
#   PREFIX/bin/haneul    a link to it
# Each file is replaced by rename: what runs goes on running.
set -euo pipefail
BINARY=$(realpath "${1:?binary}"); PREFIX=${2:?prefix}; LIB=$PREFIX/lib/haneul
id haneul >/dev/null 2>&1 || useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin haneul
install -d -m 755 "$LIB" "$PREFIX/bin"
put() { install -m 755 "$1" "$LIB/.new"; mv -f "$LIB/.new" "$LIB/$2"; }
ldd "$BINARY" | awk '$3 ~ /swift|Foundation|_Foundation/ {print $3}' | grep '^/' | sort -u | while read -r library; do
  name=$(basename "$library")
  cmp -s "$library" "$LIB/$name" || put "$library" "$name"
done
cmp -s "$BINARY" "$LIB/haneul" || put "$BINARY" haneul
ln -sfn "$LIB/haneul" "$PREFIX/bin/haneul"
if [ -d /run/systemd/system ]; then
  for unit in "$(dirname "$0")"/../systemd/*.service; do
    sed "s|@PREFIX@|$PREFIX|g" "$unit" > "/etc/systemd/system/$(basename "$unit")"
  done
  systemctl daemon-reload
fi
