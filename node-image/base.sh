#!/bin/bash
# The node's Debian: what kubeadm, kubelet and containerd need, nothing else.
set -o errexit -o nounset -o pipefail

packages="systemd systemd-sysv dbus systemd-resolved libnss-myhostname iproute2 iptables nftables ethtool
  socat conntrack haproxy kmod procps util-linux mount ca-certificates curl jq e2fsprogs
  containerd/forky runc/forky containernetworking-plugins/forky"

make_base() {
  rm -f "$OUT/base.tar"
  # containerd of the next release: its index may be past its date.
  # shellcheck disable=SC2086
  mmdebstrap --quiet --variant=minbase --architectures="$ARCH" \
    --aptopt='APT::Default-Release "trixie"' \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::Retries "3"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/bash-completion/*' \
    --include="$(echo $packages | tr ' ' ',')" \
    trixie "$OUT/base.tar" \
    "deb $MIRROR trixie main" "deb $MIRROR forky main" >&2
}
retry make_base
