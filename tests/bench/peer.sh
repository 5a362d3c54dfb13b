#!/usr/bin/env bash
# Fetches kind, the peer of the benchmarks, from Debian's packages into FOLDER
# (never installed, never committed) and prints the program's path.
set -euo pipefail
folder=${1:?usage: peer.sh FOLDER}
program=$folder/tree/usr/bin/kind
if [ ! -x "$program" ]; then
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,state}
  folder=$(cd "$folder" && pwd)
  touch "$folder/state/status"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
  echo "deb [signed-by=$keyring] ${mirror:?no Debian mirror is configured here} forky main" >"$folder/sources.list"
  options=(-q -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$folder/state"
    -o "Dir::State::Lists=$folder/lists" -o "Dir::State::status=$folder/state/status" -o "Dir::Cache=$folder/cache"
    -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  (cd "$folder" && apt-get "${options[@]}" download kind >&2 && dpkg-deb -x kind_*.deb tree)
fi
echo "$program"
