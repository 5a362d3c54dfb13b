#!/usr/bin/env bash
# The central part of the tests on other engines: clusters of one, two and three
# nodes, loading in all ways, add-ons, deletion.
#
#   tests/engines.sh [KIND...]    as in tests/engine.sh; by default all of them
#
# The images are those of the usual engine, where tests/run.sh has built them.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
KINDS=("$@")
[ ${#KINDS[@]} != 0 ] || KINDS=(docker-28 docker-28-containerd podman)
SOURCE=${DOCKER_HOST:-unix:///run/docker.sock}
TESTS=(
  lab::the_devops_lab_works
  load::images_are_loaded_from_any_engine
  shapes::dual_stack
)

engine() { curl -fsS --unix-socket "${1#unix://}" "${@:2}"; }

# The images that skiff has built, from one engine into the other.
copy_images() {
  local image images
  images=$(engine "$SOURCE" http://engine/images/json | grep -oE '"skiff/[^":]+:[^"]+"' | tr -d '"' | sort -u | grep -v v1.36)
  for image in $images; do
    engine "$SOURCE" "http://engine/images/$image/get" |
      engine "$1" -X POST -H 'Content-Type: application/x-tar' -T - -o /dev/null http://engine/images/load || return 1
  done
}

on() {
  local kind=$1 socket test start failed=0
  socket=$(tests/engine.sh start "$kind") || { echo "    $kind: did not start"; return 1; }
  if copy_images "$socket"; then
    for test in "${TESTS[@]}"; do
      start=$SECONDS
      if DOCKER_HOST=unix://$socket tests/engine.sh run "$kind" \
        cargo test --quiet --locked --test cluster -- --include-ignored --nocapture --exact "$test"; then
        echo "    $kind: $test passed in $((SECONDS - start)) s"
      else
        echo "    $kind: $test FAILED"
        failed=1
      fi
    done
  else
    echo "    $kind: the images could not be copied"
    failed=1
  fi
  tests/engine.sh stop "$kind"
  return $failed
}

failed=0
for kind in "${KINDS[@]}"; do on "$kind" || failed=1; done
exit $failed
