#!/bin/bash
# Installs the Debian packages that are missing. usage: packages.sh run|test
set -euo pipefail
BUILD="libcrypt-dev libldap-dev libvirt-dev libnftables-dev libpq-dev libsqlite3-dev pkg-config"
RUN="libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils dnsmasq-base nftables iproute2 conntrack radvd
     openssh-client iputils-ping util-linux passwd"
GUEST="busybox-static dropbear-bin syslinux mtools dosfstools e2fsprogs fdisk cpio kmod openssl"
TEST="python3 python3-venv curl tcpdump sqlite3 gcc libc6-dev psmisc postgresql-15 slapd ldap-utils wrk"
want="$BUILD $RUN $GUEST"
[ "${1:-run}" = test ] && want="$want $TEST"
missing=()
for package in $want; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -q install -y --no-install-recommends "${missing[@]}" >/dev/null
