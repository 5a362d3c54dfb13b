#!/usr/bin/env bash
# Runs the tests; each stage prints its time.
#
#   tests/run.sh          everything, real clusters included
#   tests/run.sh quick    what needs neither engine nor node image
#
# What is run before a release, beside the above:
#
#   tests/run.sh clients  programs of other people that drive kind (tests/clients.sh)
#   tests/run.sh engines  the central part of the real clusters on other engines
#   tests/run.sh machine  a virtual machine with a cluster, which is rebooted; more
#                         than half an hour where it has to be emulated
#
# Expected texts are below tests/snapshots/; tests/it/main.rs says how to write
# them anew. Engine and node image are brought up by themselves, as in quickstart.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.cargo/bin:/usr/local/go/bin"

stage() {
  local title=$1 start=$SECONDS
  shift
  echo "==> $title"
  "$@" || { echo "FAILED: $title"; exit 1; }
  echo "    $title: $((SECONDS - start)) s"
}

fetch() {
  local attempt
  for attempt in 1 2 3; do
    cargo fetch --locked --quiet && return
    sleep $((attempt * 5))
  done
  return 1
}
formatting() { if cargo fmt --version >/dev/null 2>&1; then cargo fmt --check; else echo "    (no rustfmt here)"; fi; }
lints() { if cargo clippy --version >/dev/null 2>&1; then cargo clippy --quiet --locked --all-targets --features fake-engine -- -D warnings; else echo "    (no clippy here)"; fi; }
# With Debian's shellcheck, which root installs.
shell_scripts() {
  if ! command -v shellcheck >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y shellcheck || { apt-get update && apt-get install -y shellcheck; }; } \
      >/dev/null 2>&1 || true
  fi
  if ! command -v shellcheck >/dev/null; then
    echo "    (no shellcheck here)"
    return
  fi
  # What runs in nodes has no exceptions, not even of style.
  shellcheck src/load/node.sh src/components/node.sh src/health/node.sh && {
    find . \( -path ./target -o -path ./.git \) -prune -o -name '*.sh' -print0
    grep -rlZE '^#!.*sh$' .ci node-image/rootfs
  } | xargs -0 shellcheck --severity=warning
}
# podnet and crictl, beside Kubernetes' own modules, as the node image builds them,
# and the tool that makes node images reproducible.
go_tests() {
  if ! command -v go >/dev/null; then echo "    (no go here)"; return; fi
  local module
  module=$(mktemp -d)
  cp -r node-image/kubernetes/src/. node-image/kubernetes/v1.37.2/. "$module"
  (cd "$module" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go test ./podnet/... ./crictl/... ./roles/...) &&
    (cd node-image/containerd-stamp && CGO_ENABLED=0 go test ./...) || { rm -rf "$module"; return 1; }
  rm -rf "$module"
}
release_build() { cargo build --quiet --release --locked; }
addon_images() { target/release/skiff build addon-images; }
node_image() { target/release/skiff build node-image --kubernetes-version "$1"; }

# Engine, program and node image, prepared in the same way as for a new user.
prepared() {
  stage "Engine" ./quickstart.sh engine
  stage "Crates" fetch
  stage "Release build" release_build
  stage "Node image" node_image v1.37.2
}

case "${1:-all}" in
  clients)
    prepared
    stage "Clients" tests/clients.sh "${@:2}"
    exit 0
    ;;
  engines)
    prepared
    stage "Add-on images" addon_images
    stage "Other engines" tests/engines.sh "${@:2}"
    exit 0
    ;;
  machine)
    prepared
    stage "Whole machine" tests/machine.sh
    exit 0
    ;;
  all) stage "Engine" ./quickstart.sh engine ;;
  quick) ;;
  *) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

stage "Crates" fetch
stage "Formatting" formatting
stage "Lints" lints
stage "Shell scripts" shell_scripts
# With an engine in memory; the release build below does not have it.
stage "Unit tests" cargo test --quiet --locked --features fake-engine --lib --test it
[ "${1:-all}" != quick ] || exit 0
stage "Go programs of the node image" go_tests
stage "Dependencies" tests/dependencies.sh
stage "Other systems" tests/targets.sh
# The tests' workloads are in images built here, so no published one will do.
stage "Release build" release_build
stage "Node image" node_image v1.37.2
stage "Node image of the Kubernetes before" node_image v1.36.4
stage "Add-on images" addon_images
stage "Real clusters" cargo test --locked --test cluster -- --include-ignored --test-threads=1 --nocapture
echo "All stages passed in $SECONDS s."
