#!/usr/bin/env bash
# What skiff and its images are made of: crates are checked by deny.toml. Databases of
# known vulnerabilities, of crates and of Go modules, are asked where they can be
# reached. (That Go modules are those of their go.sum is checked when they are compiled.)
#
#   tests/dependencies.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin:/usr/local/go/bin"

CARGO_DENY=0.20.2
GOVULNCHECK=v1.9.0
TOOLS=target/tools
ADVISORIES=https://github.com/RustSec/advisory-db
VULNERABILITIES=https://vuln.go.dev

# Its speed does not matter, the time to compile it does: about 4 minutes on 2 cores.
cargo_deny() {
  if [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ]; then
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      cargo install --quiet --locked --root "$TOOLS" --target-dir "$TOOLS/build" "cargo-deny@$CARGO_DENY"
    rm -rf "$TOOLS/build"
  fi
  "$TOOLS/bin/cargo-deny" --offline --log-level warn check bans licenses sources
  if GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote --quiet "$ADVISORIES" HEAD >/dev/null 2>&1; then
    "$TOOLS/bin/cargo-deny" --log-level warn check advisories
  else
    echo "    (no advisories: $ADVISORIES cannot be reached)"
  fi
}

# Kubernetes and the add-ons choose their modules themselves, so vulnerabilities are
# shown, and do not fail the tests.
go_modules() {
  local file module
  if ! timeout 30 curl -fsS -o /dev/null "$VULNERABILITIES/index/modules.json" 2>/dev/null; then
    echo "    (no known vulnerabilities of Go modules: $VULNERABILITIES cannot be reached)"
    return
  fi
  command -v go >/dev/null || { echo "    (no go here)"; return; }
  while read -r file; do
    echo "    $file"
    module=$(mktemp -d)
    cp "$file" "${file%.mod}.sum" "$module"
    (cd "$module" && go run "golang.org/x/vuln/cmd/govulncheck@$GOVULNCHECK" -scan module) || true
    rm -rf "$module"
  done < <(find node-image configs -name go.mod | sort)
}

cargo_deny
go_modules
