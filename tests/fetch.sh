#!/usr/bin/env bash
# Fetches a program that only tests and benchmarks need (never installed, never
# committed) and prints its path. What is there already is not fetched again.
#
#   tests/fetch.sh kind|busybox [FOLDER]
#
# Both are Debian's, busybox without shared libraries.
set -euo pipefail
what=${1:?usage: fetch.sh kind|busybox [FOLDER]}
folder=${2:-$(dirname "$0")/../target/peers}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# from_debian PACKAGE PATH: unpacks a package of Debian's next release beside
# the system's own package lists.
from_debian() {
  local apt=$folder/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,state}
  touch "$apt/state/status"
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
  echo "deb [signed-by=$keyring] ${mirror:?no Debian mirror is configured here} forky main" >"$apt/sources.list"
  local options=(-q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$apt/state"
    -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/state/status" -o "Dir::Cache=$apt/cache"
    -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  (cd "$apt" && apt-get "${options[@]}" download "$1" >&2 && dpkg-deb -x "$1"_*.deb "$folder/$1-tree")
  ln -sf "$1-tree$2" "$folder/$what"
}

if [ ! -x "$folder/$what" ]; then
  case $what in
  kind) from_debian kind /usr/bin/kind ;;
  busybox) from_debian busybox-static /usr/bin/busybox ;;
  *) echo "fetch.sh: unknown program: $what" >&2 && exit 1 ;;
  esac
fi
echo "$folder/$what"
