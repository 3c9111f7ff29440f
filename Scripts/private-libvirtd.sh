#!/bin/bash
# Runs a libvirtd of its own for tests, in the foreground: its sockets, guests and settings are in DIR alone, so that
# it may be killed without touching the machine's libvirtd. End it by its process id.
#
# usage: private-libvirtd.sh DIR      then: virsh -c 'qemu+unix:///system?socket=DIR/run/libvirt-sock'
set -euo pipefail
[ "${2:-}" = inside ] || exec unshare --mount --propagation private bash "$0" "${1:?usage: private-libvirtd.sh DIR}" inside

DIR=$1
mkdir -p "$DIR"/{run,lib,cache,log,etc}
cp -an /var/cache/libvirt/. "$DIR/cache/"
cat > "$DIR/etc/libvirtd.conf" <<X
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
X
# Consoles on ports of its own: two libvirtds do not know of each other's.
cat > "$DIR/etc/qemu.conf" <<X
stdio_handler = "file"
remote_display_port_min = 7900
remote_display_port_max = 8899
X
for place in run lib cache log; do
  case $place in run) target=/run/libvirt ;; *) target=/var/$place/libvirt ;; esac
  mkdir -p "$target"
  mount --bind "$DIR/$place" "$target"
done
mount --bind "$DIR/etc" /etc/libvirt
exec libvirtd --pid-file "$DIR/run/libvirtd.pid"
