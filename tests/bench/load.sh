#!/usr/bin/env bash
# Times image loading, kind and skiff taking turns on the same cluster: first
# load, then with only the top layer changed, then (skiff) with nothing changed.
# kind finds out what a node has with crictl, which the node image built here
# lacks, so its time for "nothing changed" would say nothing.
#
#   tests/bench/load.sh [RUNS [NODES [SHAPE...]]]
#
# RUNS 3, NODES 1,3 and SHAPE few-large, many-large and few-small if not said;
# every number of nodes is a cluster of its own.
# Prints a row for each shape and tool: medians of seconds, bytes sent to all
# nodes in the iterative load, and the program's peak memory.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-3} counts=${2:-1,3}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- few-large many-large few-small
work=$(mktemp -d)
name="skiff-load-bench"
skiff=target/release/skiff
kind=$(tests/fetch.sh kind)
export KUBECONFIG=$work/kubeconfig DOCKER_BUILDKIT=0

cleanup() {
  "$skiff" -q delete cluster --name "$name" || true
  for shape in few-large many-large few-small; do
    docker rmi -f "$name/$shape:1" "$name/$shape:base" >/dev/null 2>&1 || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

# base SHAPE LAYERS MB: everything but the top layer, of random bytes
base() {
  local layer folder=$work/context
  mkdir -p "$folder"
  { echo "FROM scratch"; for layer in $(seq "$2"); do echo "COPY $layer /$layer"; done; } >"$folder/Dockerfile"
  for layer in $(seq "$2"); do head -c "$3M" /dev/urandom >"$folder/$layer"; done
  docker build -q -t "$name/$1:base" "$folder" >/dev/null 2>&1
  rm -rf "$folder"
}

# top SHAPE: the image, with a top layer that there never was
top() {
  docker rmi -f "$name/$1:1" >/dev/null 2>&1 || true
  mkdir -p "$work/top"
  head -c 1024 /dev/urandom >"$work/top/top"
  printf 'FROM %s/%s:base\nCOPY top /top\nCMD ["/top"]\n' "$name" "$1" >"$work/top/Dockerfile"
  docker build -q -t "$name/$1:1" "$work/top" >/dev/null 2>&1
}

# timed FILE COMMAND...: adds its seconds to FILE, and its peak memory to FILE.kb
timed() {
  local file=$1 start pid high=0 now
  shift
  start=$(date +%s.%N)
  "$@" >"$work/log" 2>&1 &
  pid=$!
  while now=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    [ "$now" -le "$high" ] || high=$now
    sleep 0.02
  done
  wait "$pid" || { cat "$work/log" >&2; exit 1; }
  echo "$start $(date +%s.%N)" | awk '{ printf "%.2f\n", $2 - $1 }' >>"$file"
  echo "$high" >>"$file.kb"
}

median() { [ -e "$1" ] && sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }' || echo -; }

names() { docker exec "$1" ctr -n k8s.io images ls -q | sort; }

# Removes every image that came since the start, under all names of it.
forget() {
  local node new
  for node in $("$skiff" get nodes --name "$name"); do
    new=$(names "$node" | comm -13 "$work/names-$node" -)
    [ -z "$new" ] || docker exec "$node" ctr -n k8s.io images rm --sync $new >/dev/null
  done
}

# cluster NODES: replaces the one before
cluster() {
  {
    printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n'
    for _ in $(seq 2 "$nodes"); do echo "- role: worker"; done
  } >"$work/lab.yaml"
  "$skiff" -q delete cluster --name "$name"
  "$skiff" -q create cluster --name "$name" --config "$work/lab.yaml"
  for node in $("$skiff" get nodes --name "$name"); do
    names "$node" >"$work/names-$node"
  done
}

# measure WHAT SHAPE: the rows of an image
measure() {
  local what=$1 shape=$2
  for _ in $(seq "$runs"); do
    for program in "$kind" "$skiff"; do
      out=$work/$nodes-$shape-$(basename "$program")
      top "$shape"
      forget
      sync
      timed "$out-first" "$program" load docker-image "$name/$shape:1" --name "$name"
      top "$shape"
      sync
      timed "$out-iterative" "$program" load docker-image "$name/$shape:1" --name "$name"
      cp "$work/log" "$out-log"
      [ "$program" = "$kind" ] || timed "$out-unchanged" "$program" load docker-image "$name/$shape:1" --name "$name"
    done
  done
  forget
  for program in kind skiff; do
    out=$work/$nodes-$shape-$program
    if [ $program = kind ]; then
      # The whole archive, to each node.
      sent="$(docker image inspect -f '{{.Size}}' "$name/$shape:1" | awk -v n="$nodes" '{ printf "%.0f MB", $1 * n / 1e6 }')"
    else
      sent=$(sed -n 's/.*: \(.*\) sent, .*/\1/p' "$out-log" | paste -sd, | sed "s/,/, /g")
    fi
    memory=$(cat "$out"-*.kb | sort -n | tail -n 1 | awk '{ printf "%.0f MB", $1 / 1000 }')
    echo "| $what | $nodes | $program | $(median "$out-first") s | $(median "$out-iterative") s | $(median "$out-unchanged") | $sent | $memory |"
  done
}

echo "| layers | nodes | program | first | iterative | nothing changed | sent, iterative | peak memory |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
for nodes in ${counts//,/ }; do
  cluster "$nodes"
  for shape in "$@"; do
    case $shape in
      few-large) base "$shape" 2 123; measure "2 × 123 MB" "$shape" ;;
      many-large) base "$shape" 20 123; measure "20 × 123 MB" "$shape" ;;
      few-small) base "$shape" 4 1; measure "4 × 1 MB" "$shape" ;;
    esac
  done
done
