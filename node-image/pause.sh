#!/bin/bash
# The program that keeps a pod's namespaces.
set -o errexit -o nounset -o pipefail
tools gcc libc6-dev
made_with versions gcc libc6-dev
mkdir -p "$OUT/bin"
gcc -Os -static -s -o "$OUT/bin/pause" "$2"
# The C library is linked statically.
dpkg-query --show --showformat='${Package} ${Version} ${Architecture}\n' libc6-dev >"$OUT/packages"
