#!/bin/bash
# packages.sh TREE: the packages of a tree, installed or only unpacked: name,
# version and architecture in each line.
set -o errexit -o nounset -o pipefail
format='${Package} ${Version} ${Architecture}\n'
if [ -s "$1/var/lib/dpkg/status" ]; then
  dpkg-query --admindir="$1/var/lib/dpkg" --show --showformat="$format"
else
  for package in "$1"/var/cache/apt/archives/*.deb; do
    dpkg-deb --show --showformat="$format" "$package"
  done
fi | sort
