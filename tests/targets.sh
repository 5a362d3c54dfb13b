#!/usr/bin/env bash
# Whether skiff compiles for the other systems that people have: a line for each.
#
#   tests/targets.sh [TARGET...]
#
# This is `cargo check`, which links nothing. So what crates have in C is not
# compiled, and no cross compiler is needed. Rust's standard library for a target
# comes from rustup; where it cannot be had, the line says so.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
TARGETS=("$@")
[ ${#TARGETS[@]} != 0 ] || TARGETS=(aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-pc-windows-gnu)

has_library() { compgen -G "$(rustc --print sysroot)/lib/rustlib/$1/lib/libstd-*" >/dev/null; }

check() {
  local target=$1 name=${1//-/_}
  if ! has_library "$target"; then
    rustup target add "$target" >"$LOG" 2>&1
    has_library "$target" || { echo "    $target: not checked, \`rustup target add\` failed: $(tail -n 1 "$LOG")"; return 0; }
  fi
  if env "CC_$name=true" "AR_$name=true" RUSTFLAGS='-D warnings' cargo check --quiet --locked --target "$target" >"$LOG" 2>&1; then
    echo "    $target: compiles"
  else
    tail -n 40 "$LOG"
    echo "    $target: does not compile"
    return 1
  fi
}

LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
failed=0
for target in "${TARGETS[@]}"; do check "$target" || failed=1; done
exit $failed
