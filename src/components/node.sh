#!/bin/sh
# What skiff runs in a node to see how its components are. It needs what every
# node image has: systemd, crictl, coreutils and awk.
#
#   node.sh look
#     Reports units, containers and the last words of those that have ended.
#   node.sh log
#     Prints everything that may explain why a component does not come up.
#
# A report consists of sections, each after a line that begins with the record
# separator (RS, octal 036), which no component writes.
set -u

section() { printf '\n\036%s\n' "$*"; }

# journal UNIT LINES: the end of a unit's journal, as the unit wrote it.
journal() { journalctl --unit="$1" --output=cat --lines="$2" --no-pager 2>/dev/null; }

# Containers, of which some may have ended.
containers() { timeout 5 crictl ps -a -o json 2>/dev/null; }

exit_code() {
  timeout 5 crictl inspect "$1" 2>/dev/null |
    awk -F'[:,]' '/"exitCode":/ { print $2 + 0; exit }'
}

look() {
  troubled=
  for unit in containerd kubelet; do
    state=$(systemctl show "$unit" --property=SubState --value)
    restarts=$(systemctl show "$unit" --property=NRestarts --value)
    section "unit $unit $state ${restarts:-0}"
    [ "$state" = running ] && [ "${restarts:-0}" = 0 ] || troubled=yes
  done
  if [ -n "$troubled" ]; then
    section journal kubelet
    # A run that ends at once writes up to 200 lines.
    journal kubelet 2000
    section journal containerd
    journal containerd 400 | grep -E '^containerd|failed to load plugin|level=(error|fatal)|process exited'
  fi
  section pods
  journal kubelet 400 | grep -E 'CreatePodSandboxError|(Create|Run)Container(Config)?Error|ErrImage|InvalidImageName|MountVolume' | tail -n 40
  json=$(containers)
  section containers
  printf '%s\n' "$json"
  # The state of a container follows its ID.
  ended=$(printf '%s\n' "$json" |
    awk -F'"' '$2 == "id" { id = $4 } $2 == "state" && $4 == "CONTAINER_EXITED" { print id }')
  for id in $(printf '%s\n' "$ended" | head -n 12); do
    section "log $id $(exit_code "$id")"
    words=$(timeout 5 crictl logs --tail=400 "$id" 2>&1)
    # Some programs write first what is wrong, and then all of their flags.
    printf '%s\n' "$words" | head -n 5
    printf '%s\n' "$words" | tail -n 40
  done
}

log() {
  for unit in containerd kubelet; do
    printf '==> %s\n' "$unit"
    journalctl --unit="$unit" --output=short-iso --lines=1000 --no-pager 2>&1
  done
  printf '==> containers\n'
  timeout 5 crictl ps -a 2>&1
  for file in /var/log/pods/*/*/*.log; do
    [ -f "$file" ] || continue
    printf '==> %s\n' "$file"
    tail -n 300 "$file"
  done
}

"$1"
