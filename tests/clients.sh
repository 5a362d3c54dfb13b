#!/usr/bin/env bash
# Runs real clients of kind, from the package registries, against skiff called
# `kind`. Nothing of them is committed.
#
#   tests/clients.sh               all
#   tests/clients.sh ko ctlptl     only these
#   tests/clients.sh list          their names
#
# Each client has a file in tests/clients/, where its version is pinned. The file has
# two functions. Each runs in a shell of its own, with `set -e` and tests/clients/lib.sh:
#
#   get     builds or unpacks the client in $CLIENT, which is kept between runs:
#           a directory in ${XDG_CACHE_HOME:-~/.cache}/skiff-test-clients. A first
#           run of all of them takes 20 minutes on 2 cores, 900 MB for good, and 4 GB
#           while it lasts; go keeps about 4 GB more in its own cache.
#   check   drives a cluster with it, in an empty directory with its own HOME and
#           KUBECONFIG, and fails unless a user gets what they wanted.
#
# Nothing is pulled from a container registry. The checks build the images that
# clients want, mostly of one static program. Nodes get the image that skiff
# chooses by itself; tests/run.sh builds one.
#
# Missing programs (go, python3, java, mvn ...) are installed from Debian if root runs
# this. A line for each client is printed, and written into target/clients/report.txt.
# target/clients/NAME.log has everything that a client printed.
#
#   passed            the check succeeded
#   failed            it did not
#   could not be had  `get` did not. That fails the run too, unless a package registry
#                     refused: it answered 403 (Forbidden)
set -euo pipefail
cd "$(dirname "$0")/.."
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.cargo/bin:/usr/local/go/bin"

# Cheap ones first. What is missing here comes last.
ORDER="pytest-kind pytest-kubernetes ctlptl ko local-registry action scripts e2e-framework kwokctl kubebuilder skaffold quarkus"
GET_SECONDS=1800 CHECK_SECONDS=420
OUT=$PWD/target/clients

all() { find tests/clients -name '*.sh' ! -name lib.sh -printf '%f\n' | sed 's/\.sh$//' | sort; }
ordered() { { tr ' ' '\n' <<<"$ORDER"; all; } | awk '!seen[$0]++' | grep -xF "$(all)"; }

# phase SECONDS CLIENT FUNCTION: fails as the function does, or after SECONDS.
# TERM gives a check time to remove what it made; so does Ctrl-C.
phase() {
  timeout --kill-after=60 "$1" bash tests/clients/lib.sh "$2" "$3" >>"$OUT/$2.log" 2>&1 </dev/null &
  running=$!
  wait $running
}
running=""
trap 'kill "$running" 2>/dev/null; wait "$running" || true; exit 130' INT TERM

# Why a client failed: what it was doing, and the last line it said.
reason() {
  local doing said
  doing=$(grep '^== ' "$1" | tail -n 1 | cut -c 4-)
  said=$(grep -v -e '^== ' -e '^-- ' -e '^FAIL' -e '^[[:space:]]*$' "$1" | tail -n 1 | tr -cd '[:print:]' | cut -c 1-400)
  echo "${doing:+$doing: }$said"
}
refused() { grep -qE '\b403\b.*Forbidden|Forbidden.*\b403\b|HTTP error 403' "$1"; }

run() {
  local name=$1 start=$SECONDS result="passed" why=""
  rm -f "$OUT/$name.log"
  if ! phase $GET_SECONDS "$name" get; then
    result="could not be had" why=$(reason "$OUT/$name.log")
    if refused "$OUT/$name.log"; then why="refused by the registry: $why"; else failures=$((failures + 1)); fi
  elif ! phase $CHECK_SECONDS "$name" check; then
    result="failed" why=$(reason "$OUT/$name.log")
    failures=$((failures + 1))
  fi
  printf '%-16s  %-20s %-12s %4d s  %s\n' "$result" "$name" "$(sed -n 's/^VERSION=//p' "tests/clients/$name.sh")" $((SECONDS - start)) "$why" |
    tee -a "$OUT/report.txt"
}

if [ "${1:-}" = list ]; then ordered; exit; fi
[ -x target/release/skiff ] || cargo build --quiet --release --locked
mkdir -p "$OUT"
{ date --utc --iso-8601=seconds; target/release/skiff version; docker version --format 'engine {{.Server.Version}}'; } >"$OUT/report.txt"
failures=0
if [ $# = 0 ]; then
  mapfile -t names < <(ordered)
  set -- "${names[@]}"
fi
for name in "$@"; do
  [ -e "tests/clients/$name.sh" ] || { echo "clients.sh: no such client: $name" >&2; exit 2; }
  run "$name"
done
[ $failures = 0 ] || { echo "$failures failed; what they said is in $OUT" >&2; exit 1; }
