#!/usr/bin/env bash
# Makes the disk of a Debian machine with systemd, Docker and ssh.
#
#   tests/machine/disk.sh DIRECTORY
#
# In DIRECTORY afterwards: disk.raw (20 GB, of which 2 are used), its vmlinuz and
# initrd, and id_ed25519, the key that lets in root and the user dev, who is in
# the group docker. Nothing is done when they are there and were made by this
# very script. Needs root.
set -euo pipefail
SUITE=trixie
PACKAGES=(
  linux-image-cloud-amd64 systemd-sysv systemd-resolved dbus openssh-server # a machine
  docker.io docker-cli iptables ca-certificates curl                       # to run skiff
  busybox-static nfs-kernel-server                                         # what tests load and mount
)
dir=$1
made_by=$(sha256sum <"${BASH_SOURCE[0]}")
[ "$(cat "$dir/made-by" 2>/dev/null)" != "$made_by" ] || exit 0

rm -rf "$dir"
mkdir -p "$dir"
tree=$dir/tree
ssh-keygen -q -t ed25519 -N "" -C machine -f "$dir/id_ed25519"
mmdebstrap --quiet --variant=important --aptopt='Acquire::Retries "3"' \
  --include="$(IFS=,; echo "${PACKAGES[*]}")" "$SUITE" "$tree"

echo machine >"$tree/etc/hostname"
echo "127.0.0.1 localhost machine" >"$tree/etc/hosts"
echo "/dev/vda / ext4 defaults 0 1" >"$tree/etc/fstab"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n' >"$tree/etc/systemd/network/eth0.network"
echo "/srv/nfs *(rw,no_root_squash,no_subtree_check,insecure)" >"$tree/etc/exports"
mkdir -p "$tree/srv/nfs"
# An emulated machine is slow; nothing in it shall fail for that alone.
mkdir -p "$tree/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultTimeoutStartSec=600\nDefaultTimeoutStopSec=300\n' >"$tree/etc/systemd/system.conf.d/slow.conf"
chroot "$tree" systemctl enable --quiet systemd-networkd docker ssh
chroot "$tree" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer man-db.timer
# The users of skiff are in the group docker; disk is for reading the image's disk.
chroot "$tree" useradd --create-home --shell /bin/bash --groups docker,disk dev
install -D -m 600 "$dir/id_ed25519.pub" "$tree/root/.ssh/authorized_keys"
install -D -m 600 "$dir/id_ed25519.pub" "$tree/home/dev/.ssh/authorized_keys"
chroot "$tree" chown -R dev:dev /home/dev/.ssh

cp "$tree"/boot/vmlinuz-* "$dir/vmlinuz"
cp "$tree"/boot/initrd.img-* "$dir/initrd"
truncate -s 20G "$dir/disk.raw"
mke2fs -q -t ext4 -F -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -d "$tree" "$dir/disk.raw"
rm -rf "$tree"
echo "$made_by" >"$dir/made-by"
