#!/bin/bash
# Builds a tiny cloud guest from Debian packages alone, without loop devices or mounts.
#
# usage: tiny-image.sh [--unless-current] OUTDIR [KERNEL_DEB]
#   --unless-current          does nothing where this very script built what is there (OUTDIR/tiny.made-by says so)
#   OUTDIR/tiny.qcow2         bootable disk: MBR, FAT16 with syslinux, kernel and initrd; ext4 labelled cloudroot
#   OUTDIR/vmlinuz, initrd    the same kernel and initrd, for direct boot (root=LABEL=cloudroot console=ttyS0)
# Without KERNEL_DEB the newest linux-image-*-cloud-amd64 is downloaded by apt-get. Nothing is installed.
#
# The guest asks DHCP on each card, also on one that comes later, takes IPv6 addresses from router advertisements, reads the config drive
# (label config-2) or http://169.254.169.254, sets hostname, ssh keys, admin_pass, runs user_data once,
# grows its root, obeys ACPI, and says `tiny: READY hostname=… ip=… ip6=…` on its console.
# Login: cirros / gocubsgo. All accounts are uid 0.
set -euo pipefail

need() { # need COMMAND-OR-FILE PACKAGE
  command -v "$1" >/dev/null || [ -e "$1" ] || { echo "tiny-image: $1 is missing: apt-get install $2" >&2; exit 1; }
}
export PATH="$PATH:/usr/sbin:/sbin" MTOOLS_SKIP_CHECK=1
need busybox busybox-static; need dropbear dropbear-bin; need syslinux syslinux
need mcopy mtools; need mkfs.vfat dosfstools
need mke2fs e2fsprogs; need sfdisk fdisk; need partx util-linux; need cpio cpio; need depmod kmod
need qemu-img qemu-utils; need openssl openssl; need dpkg-deb dpkg

UNLESS_CURRENT=
[ "${1:-}" != --unless-current ] || { UNLESS_CURRENT=yes; shift; }
OUT=${1:?usage: tiny-image.sh [--unless-current] OUTDIR [KERNEL_DEB]}
mkdir -p "$OUT"
OUT=$(realpath "$OUT")
MADE_BY=$(sha256sum < "$0" | cut -d' ' -f1)
# One build at a time: whoever waited finds it built.
exec 9> "$OUT/.lock"
flock 9
[ -n "$UNLESS_CURRENT" ] && [ -s "$OUT/tiny.qcow2" ] && [ "$(cat "$OUT/tiny.made-by" 2>/dev/null)" = "$MADE_BY" ] && exit 0
W=$(mktemp -d "$OUT/.build.XXXXXX")
trap 'rm -rf "$W"' EXIT
BOOT_MB=24 ROOT_MB=40

# ---------- kernel
KERNEL_DEB=${2:-}
if [ -z "$KERNEL_DEB" ]; then
  # The metapackage names the real kernel package.
  KERNEL=$(apt-cache depends linux-image-cloud-amd64 |
    sed -n 's/.*Depends: \(linux-image-[^ ]*-cloud-amd64\).*/\1/p' | head -1)
  [ -n "$KERNEL" ] || { echo "tiny-image: no cloud kernel in the package lists: apt-get update" >&2; exit 1; }
  (cd "$W" && apt-get -q -o APT::Sandbox::User=root download "$KERNEL" >/dev/null) ||
    { echo "tiny-image: cannot download $KERNEL: apt-get update, or give the package as second argument" >&2; exit 1; }
  KERNEL_DEB=$(ls "$W"/linux-image-*.deb)
fi
dpkg -x "$KERNEL_DEB" "$W/k"
KV=$(ls "$W/k/lib/modules")
KM="$W/k/lib/modules/$KV"
depmod -b "$W/k" "$KV"
cp "$W/k/boot/vmlinuz-$KV" "$W/vmlinuz"

# ---------- modules, each after what it depends on
MODULES="virtio_pci virtio_blk virtio_net virtio_scsi sd_mod sr_mod ata_piix isofs vfat nls_ascii nls_cp437
  nls_iso8859-1 virtio_console virtio-rng virtio_balloon button evdev qemu_fw_cfg"
module_order() {
  local name file
  for name in $MODULES; do
    file=$(find "$KM" -name "$name.ko" -o -name "${name//_/-}.ko" | head -1)
    [ -n "$file" ] || continue  # built in
    file=${file#"$KM"/}
    sed -n "s|^$file: *||p" "$KM/modules.dep" | tr ' ' '\n' | tac | grep . || true
    echo "$file"
  done | awk '!seen[$0]++'
}
module_order > "$W/modules"

# ---------- initrd
I="$W/initramfs"
mkdir -p "$I"/{bin,dev,proc,sys,newroot,lib/modules}
cp "$(command -v busybox)" "$I/bin/busybox"
while read -r file; do
  cp "$KM/$file" "$I/lib/modules/"
  basename "$file"
done < "$W/modules" > "$I/lib/modules/order"
cat > "$I/init" <<'X'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
exec </dev/console >/dev/console 2>&1
echo "tiny: init at $(cut -d' ' -f1 /proc/uptime)s"
while read m; do insmod /lib/modules/$m 2>/dev/null; done < /lib/modules/order
i=0
while [ $i -lt 100 ]; do
  dev=$(findfs LABEL=cloudroot 2>/dev/null) && break
  sleep 0.1; i=$((i+1))
done
mount -t ext4 -o rw,discard "$dev" /newroot || { echo "tiny: cannot mount root $dev"; exec sh; }
mount -o move /dev /newroot/dev
umount /proc /sys
exec switch_root /newroot /sbin/init
X
chmod 755 "$I/init"
(cd "$I" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet -R 0:0 | gzip -9) > "$W/initrd"

# ---------- root file system
R="$W/root"
mkdir -p "$R"/{bin,sbin,usr/bin,usr/sbin,etc/init.d,etc/dropbear,etc/acpi/PWRF,dev,proc,sys,run,tmp,root/.ssh} \
  "$R"/{home/cirros/.ssh,var/log,lib/x86_64-linux-gnu,lib64,mnt/config,usr/share/udhcpc}
cp "$(command -v busybox)" "$R/bin/busybox"
for applet in $(busybox --list | grep -vx busybox); do
  case $applet in
    init|getty|udhcpc|acpid|poweroff|reboot|halt|ip|route|ifconfig|switch_root) ln -s /bin/busybox "$R/sbin/$applet" ;;
    *) ln -s /bin/busybox "$R/bin/$applet" ;;
  esac
done
for program in dropbear dropbearkey resize2fs sfdisk partx; do
  file=$(command -v "$program")
  cp -L "$file" "$R/usr/sbin/"
  ldd "$file" | awk '/=> \//{print $3} /^\t\/lib64/{print $1}' | while read -r library; do
    case $library in
      /lib64/*) cp -Ln "$library" "$R/lib64/" ;;
      *) cp -Ln "$library" "$R/lib/x86_64-linux-gnu/" ;;
    esac
  done
done
PASSWORD=$(openssl passwd -6 -salt tiny gocubsgo)
printf 'root:x:0:0:root:/root:/bin/sh\ncirros:x:0:0:cloud user:/home/cirros:/bin/sh\n' > "$R/etc/passwd"
printf 'root:%s:19000:0:99999:7:::\ncirros:%s:19000:0:99999:7:::\n' "$PASSWORD" "$PASSWORD" > "$R/etc/shadow"
printf 'root:x:0:\n' > "$R/etc/group"
echo /bin/sh > "$R/etc/shells"
echo tiny > "$R/etc/hostname"
echo '127.0.0.1 localhost' > "$R/etc/hosts"
echo 'tiny cloud image (login: cirros / gocubsgo)' > "$R/etc/issue"
cat > "$R/etc/inittab" <<'X'
::sysinit:/etc/init.d/rcS
::respawn:/bin/uevent /usr/sbin/hotplug
ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100
tty1::respawn:/sbin/getty 38400 tty1 linux
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/umount -a -r
X
printf '#!/bin/sh\n/sbin/poweroff\n' > "$R/etc/acpi/PWRF/00000080"
cat > "$R/usr/bin/sudo" <<'X'
#!/bin/sh
# Every account is uid 0 here: take sudo's flags and run.
while :; do
  case "$1" in
    -n|-E|-H|-S) shift ;;
    -i|-s) shift; [ $# = 0 ] && exec /bin/sh -l ;;
    -u) shift 2 ;;
    --) shift; break ;;
    *) break ;;
  esac
done
exec "$@"
X
cat > "$R/usr/sbin/dhcp" <<'X'
#!/bin/sh
# dhcp CARD: brings a card up and asks for an address, in the background when none comes within 16 s.
ip link set "$1" up
udhcpc -i "$1" -s /usr/share/udhcpc/default.script -O staticroutes -O mtu -O search -x hostname:"$(hostname)" \
  -t 8 -T 2 -A 5 -b -S -p "/run/udhcpc.$1.pid" >/dev/null 2>&1
X
cat > "$R/usr/sbin/hotplug" <<'X'
#!/bin/sh
# A card added to the running guest asks DHCP too; one that was taken out asks no more, so that it may come back.
[ "$SUBSYSTEM" = net ] || exit 0
pid=/run/udhcpc.$INTERFACE.pid
case "$ACTION" in
add) [ -e "/sys/class/net/$INTERFACE/device" ] && [ ! -e "$pid" ] && /usr/sbin/dhcp "$INTERFACE" & ;;
remove)
  client=$(cat "$pid" 2>/dev/null) || exit 0
  kill "$client" 2>/dev/null
  # It removes its own pid file, which must not be the next one's.
  i=0; while kill -0 "$client" 2>/dev/null && [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done
  rm -f "$pid" ;;
esac
X
cat > "$R/usr/share/udhcpc/default.script" <<'X'
#!/bin/sh
metric=$(cat /sys/class/net/$interface/ifindex)
case "$1" in
deconfig)
  ip link set $interface up
  ip -4 addr flush dev $interface ;;
bound|renew)
  ip -4 addr flush dev $interface
  ip addr add $ip/${mask:-24} dev $interface
  [ -n "$mtu" ] && ip link set $interface mtu $mtu
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      if [ "$2" = 0.0.0.0 ]; then ip route replace $1 dev $interface metric $metric
      else ip route replace $1 via $2 dev $interface metric $metric; fi
      shift 2
    done
  else
    for r in $router; do ip route replace default via $r dev $interface metric $metric; break; done
  fi
  if [ -n "$dns" ]; then
    : > /etc/resolv.conf
    [ -n "$search$domain" ] && echo "search ${search:-$domain}" >> /etc/resolv.conf
    for d in $dns; do echo "nameserver $d" >> /etc/resolv.conf; done
  fi
  echo "tiny: dhcp $interface $ip/$mask gw=$router routes=$staticroutes mtu=$mtu" > /dev/console ;;
esac
X
cat > "$R/etc/init.d/rcS" <<'X'
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
say() { echo "tiny: $* at $(cut -d' ' -f1 /proc/uptime)s"; }

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mkdir -p /dev/pts /dev/shm /run/md
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
exec >/dev/console 2>&1
say userspace
acpid -d -c /etc/acpi -l /dev/null >/dev/null 2>&1 &
hostname -F /etc/hostname
ip link set lo up
for card in /sys/class/net/*; do [ -e $card/device ] && ip link set ${card##*/} up; done

grow_root() {
  local root disk number
  root=$(awk '$2=="/"&&$3=="ext4"{print $1}' /proc/mounts | tail -1)
  disk=${root%[0-9]}; number=${root#$disk}
  local class=/sys/class/block
  local free=$(($(cat $class/${disk#/dev/}/size) - $(cat $class/${root#/dev/}/size) - $(cat $class/${root#/dev/}/start)))
  [ $free -gt 4096 ] || return
  echo ", +" | sfdisk --force --no-reread --no-tell-kernel -N $number $disk >/dev/null 2>&1
  partx -u -n $number $disk
  resize2fs $root >/dev/null 2>&1
  say "grown root"
}
grow_root

for kind in ed25519 ecdsa; do
  key=/etc/dropbear/dropbear_${kind}_host_key
  [ -s $key ] || dropbearkey -t $kind -f $key >/dev/null 2>&1
done

read_config_drive() {
  local device
  for device in $(findfs LABEL=config-2 2>/dev/null) /dev/sr0; do
    [ -b "$device" ] || continue
    mount -o ro -t vfat $device /mnt/config 2>/dev/null || mount -o ro -t iso9660 $device /mnt/config 2>/dev/null || continue
    [ -f /mnt/config/openstack/latest/meta_data.json ] && cp /mnt/config/openstack/latest/* /run/md/ && source=config-drive
    umount /mnt/config
  done
}
# Debian's static busybox crashes in `wget -T`: the limit comes from timeout.
fetch() { timeout 5 wget -q -O /run/md/$1 http://169.254.169.254/openstack/latest/$1 2>/dev/null || { rm -f /run/md/$1; return 1; }; }
read_metadata_service() {
  local try=0
  while [ $try -lt 6 ]; do
    ip -4 route | grep -q . || return
    fetch meta_data.json && { source=http; fetch user_data; return; }
    try=$((try+1)); sleep 1
  done
}
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" /run/md/meta_data.json | tail -1; }
apply_metadata() {
  local name home account password crypted
  name=$(field hostname)
  [ -n "$name" ] && { echo "$name" > /etc/hostname; hostname "$name"; }
  for home in /root /home/cirros; do
    grep -oE '"(ssh-|ecdsa-|sk-)[^"]*"' /run/md/meta_data.json | sed 's/^"//;s/"$//;s/\\n$//' | sort -u > $home/.ssh/authorized_keys
    chmod 600 $home/.ssh/authorized_keys
  done
  [ "$(field uuid)" != "$(cat /etc/instance-id 2>/dev/null)" ] || return
  field uuid > /etc/instance-id
  password=$(field admin_pass)
  [ -n "$password" ] && for account in root cirros; do
    crypted=$(mkpasswd -m sha512 "$password")
    sed -i "s|^$account:[^:]*:|$account:$crypted:|" /etc/shadow
  done
  head -c 2 /run/md/user_data 2>/dev/null | grep -q '#!' || return
  cp /run/md/user_data /run/user_data
  chmod 755 /run/user_data
  say "running user_data"
  /run/user_data
  say "user_data rc=$?"
}

read_config_drive
for card in /sys/class/net/*; do [ -e $card/device ] && dhcp ${card##*/}; done
[ -n "$source" ] || read_metadata_service
say "metadata from ${source:-none}"
[ -s /run/md/meta_data.json ] && apply_metadata
dropbear -R -E -p 22 2>/var/log/dropbear.log

addresses() { ip -$1 -o addr show scope global | awk '!/tentative/{print $2"="$4}' | tr '\n' ' ' | sed 's/ $//'; }
# An address from a router advertisement is tentative for a second.
i=0; while ip -6 -o addr show scope global | grep -q tentative && [ $i -lt 30 ]; do sleep 0.1; i=$((i+1)); done
ip6=$(addresses 6)
say "READY hostname=$(hostname) ip=$(addresses 4) ip6=$ip6"
# A router that comes later is heard too.
[ -n "$ip6" ] || (i=0; while [ $i -lt 60 ]; do
  ip6=$(addresses 6); [ -n "$ip6" ] && { say "ip6=$ip6"; break; }
  sleep 1; i=$((i+1)); done) &
X
chmod 755 "$R/etc/init.d/rcS" "$R/usr/share/udhcpc/default.script" "$R/usr/bin/sudo" "$R"/usr/sbin/{dhcp,hotplug} \
  "$R/etc/acpi/PWRF/00000080"
chmod 600 "$R/etc/shadow"
chmod 700 "$R/root" "$R/root/.ssh" "$R/home/cirros/.ssh"
chmod 1777 "$R/tmp"

# ---------- disk
START1=2048
START2=$((START1 + BOOT_MB * 2048))
truncate -s $(((START2 + ROOT_MB * 2048 + 2048) * 512)) "$W/disk.raw"
printf 'label: dos\nlabel-id: 0xc10dc10d\nstart=%d,size=%d,type=6,bootable\nstart=%d,type=83\n' \
  $START1 $((BOOT_MB * 2048)) $START2 | sfdisk -q "$W/disk.raw"
dd if=/usr/lib/SYSLINUX/mbr.bin of="$W/disk.raw" bs=440 count=1 conv=notrunc status=none
truncate -s ${BOOT_MB}M "$W/boot"
mkfs.vfat -F 16 -n BOOT "$W/boot" >/dev/null
cat > "$W/syslinux.cfg" <<'X'
SERIAL 0 115200
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
 LINUX /vmlinuz
 INITRD /initrd
 APPEND root=LABEL=cloudroot console=tty0 console=ttyS0,115200 quiet panic=10
X
mcopy -i "$W/boot" "$W/vmlinuz" "$W/initrd" "$W/syslinux.cfg" ::/
syslinux --install "$W/boot"
truncate -s ${ROOT_MB}M "$W/rootfs"
mke2fs -q -t ext4 -b 4096 -L cloudroot -E root_owner=0:0,lazy_itable_init=0,resize=26214400 -m 0 -d "$R" "$W/rootfs"
dd if="$W/boot" of="$W/disk.raw" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$W/rootfs" of="$W/disk.raw" bs=1M seek=$((1 + BOOT_MB)) conv=notrunc,sparse status=none
qemu-img convert -f raw -O qcow2 -c "$W/disk.raw" "$W/tiny.qcow2"
chmod 644 "$W"/{vmlinuz,initrd,tiny.qcow2}
mv "$W/vmlinuz" "$W/initrd" "$W/tiny.qcow2" "$OUT/"
echo "$MADE_BY" > "$OUT/tiny.made-by"
ls -l "$OUT"/{tiny.qcow2,vmlinuz,initrd}
