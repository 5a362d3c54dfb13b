#!/bin/sh
# What skiff runs in a node to examine it. It needs what every node image has: systemd,
# coreutils, awk, sed, util-linux, curl and getent.
#
#   node.sh SERVICE BALANCER
#     SERVICE is the address of the Service "kubernetes" as it stands in URLs, BALANCER
#     the host name of the API balancer. Both may be empty.
#
# A report consists of sections, each after a line that begins with the record
# separator (RS, octal 036).
set -u

section() { printf '\n\036%s\n' "$*"; }

units() {
  section units
  systemctl list-units --state=failed --plain --no-legend --no-pager |
    awk '{ print ($1 == "●") ? $2 : $1 }'
}

space() {
  section disk
  df -Pk /var | tail -n 1
  df -Pi /var | tail -n 1
  section memory
  grep -E '^Mem(Total|Available):' /proc/meminfo
}

# The certificates of files, some of which have a key as well.
certificates() {
  for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt \
    /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet-client-current.pem; do
    [ -f "$file" ] || continue
    section "certificate $file"
    sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' "$file"
  done
  for file in /etc/kubernetes/*.conf; do
    [ -f "$file" ] || continue
    data=$(sed -n 's/^ *client-certificate-data: *//p' "$file")
    [ -n "$data" ] || continue
    section "certificate $file"
    printf '%s' "$data" | base64 -d
  done
}

# answer TITLE URL: the text of the answer; the last line is its HTTP status, 000 if
# there is none.
answer() {
  section "answer $1"
  curl -sk --noproxy '*' --max-time 3 --write-out '\n%{http_code}' "$2"
}

answers() {
  [ ! -f /etc/kubernetes/manifests/kube-apiserver.yaml ] ||
    answer api-server 'https://localhost:6443/readyz?verbose'
  [ -z "$2" ] || answer balancer "https://$2:6443/readyz"
  [ -z "$1" ] || answer service "https://$1:443/readyz"
}

# lookup FROM NETWORK NAME: whether a name is resolved with the DNS server of pods, in
# this network namespace.
lookup() {
  nsenter --net="$2" unshare --mount sh -c \
    "mount --bind \"\$0\" /etc/resolv.conf && exec getent -s dns ahosts \"\$1\"" \
    "$resolv" "$3." >/dev/null 2>&1 && found=yes || found=no
  echo "$1 $3 $found"
  [ "$found" = yes ]
}

# What the kubelet gives pods is asked for the API server, and for a name that the DNS
# server passes on.
dns() {
  config=/var/lib/kubelet/config.yaml
  server=$(awk '/^clusterDNS:/ { getline; print $2; exit }' $config 2>/dev/null)
  domain=$(awk '/^clusterDomain:/ { print $2; exit }' $config 2>/dev/null)
  [ -n "$server" ] || return 0
  section "dns $server"
  resolv=$(mktemp)
  printf 'nameserver %s\noptions timeout:1 attempts:2\n' "$server" >"$resolv"
  name=kubernetes.default.svc.${domain:-cluster.local}
  here=/proc/self/ns/net
  lookup node "$here" "$name" && lookup node "$here" "$(cat /proc/sys/kernel/hostname)"
  # Oldest first: a network can be that of a pod that is ending, or must not ask.
  for network in $(
    find /run/netns -name 'cni-*' -printf '%T@ %p\n' 2>/dev/null | sort -n | head -n 3 | cut -d ' ' -f 2
  ); do
    ! lookup pod "$network" "$name" || break
  done
  rm -f "$resolv"
}

units
space
certificates
answers "$1" "$2"
dns
