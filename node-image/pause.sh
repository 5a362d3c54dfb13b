#!/bin/bash
# The program that keeps a pod's namespaces.
set -o errexit -o nounset -o pipefail
tools gcc libc6-dev
mkdir -p "$OUT/bin"
gcc -Os -static -s -o "$OUT/bin/pause" "$2"
