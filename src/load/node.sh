#!/usr/bin/env bash
# What skiff runs in a node to load images, with one command a node: starting
# one takes 0.05 s. It needs bash, coreutils, ctr and containerd.
#
#   node.sh report BOUNDARY SNAPSHOTTER [FILTER]...
#     Reports what containerd has, images only as far as a filter matches. Then,
#     if fields arrive on stdin, pulls what they ask for and reports again.
#   node.sh import SNAPSHOTTER PLATFORM
#     Imports the archive on stdin.
#   node.sh tag NAME NEW_NAME...
#     Gives an image more names.
#
# A report consists of sections, each after a line "BOUNDARY SECTION". The
# boundary is random, so nothing in a node can contain it.
#
# The fields each end with a NUL byte, so none can contain another one:
#
#   "pull", LIST of filters for the report afterwards, HOST and PORT of the
#   registry, NUMBER of images, and for each image:
#     URL of the registry for this image, "daemon" or "client" (who pulls),
#     PLATFORM, LIST of names, the first of which is pulled
#
# where a LIST is a number followed by as many fields.
set -e
ctr=(ctr --namespace=k8s.io)
# Set by field and list.
request='' filters=() host='' port='' count=0

section() { printf '\n%s %s\n' "$boundary" "$1"; }

# containerd's configuration: its file, which is where kind and its patches write
# it, unless that imports other files.
configuration() {
  if grep -qs '^ *imports' /etc/containerd/config.toml; then
    containerd config dump 2>/dev/null
  else
    cat /etc/containerd/config.toml 2>/dev/null
  fi
}

# report [FILTER]...
report() {
  local images blobs
  "${ctr[@]}" images ls "$@" </dev/null >"$directory/images" & images=$!
  "${ctr[@]}" content ls -q </dev/null >"$directory/blobs" & blobs=$!
  "${ctr[@]}" snapshots --snapshotter "$snapshotter" ls </dev/null >"$directory/snapshots"
  wait "$images"
  wait "$blobs"
  section images
  cat "$directory/images"
  section blobs
  cat "$directory/blobs"
  section snapshots
  cat "$directory/snapshots"
  section configuration
  configuration || true
  section end
}

# Sets a variable to the next field.
field() { IFS= read -r -d '' "$1"; }

# Sets an array to the next list.
list() {
  local -n list_items=$1
  local list_count list_item
  list_items=()
  field list_count
  while ((list_count-- > 0)); do
    field list_item
    list_items+=("$list_item")
  done
}

# A firewall may drop packets silently; containerd would then wait for half a
# minute.
check_registry() {
  # shellcheck disable=SC2016 # the inner bash expands them
  timeout 3 bash -c ': <>"/dev/tcp/$0/$1"' "$host" "$port" || {
    echo "cannot reach port $port of $host" >&2
    exit 1
  }
}

pull() {
  local url client platform names name flags
  field url
  field client
  field platform
  list names
  flags=()
  [ "$client" = daemon ] || flags=(--local)
  printf 'server = "%s"\n[host."%s"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n' \
    "$url" "$url" >"$directory/_default/hosts.toml"
  "${ctr[@]}" images pull "${flags[@]}" --hosts-dir "$directory" --snapshotter "$snapshotter" \
    --platform "$platform" "${names[0]}" </dev/null >/dev/null
  for name in "${names[@]:1}"; do
    "${ctr[@]}" images tag --force "${names[0]}" "$name" </dev/null >/dev/null
  done
}

mode=$1
shift
case $mode in
  report)
    boundary=$1 snapshotter=$2
    shift 2
    directory=$(mktemp -d "${TMPDIR:-/run}/skiff-load.XXXXXX")
    trap 'rm -rf "$directory"' EXIT
    report "$@"
    # Without fields that was all.
    field request || exit 0
    [ "$request" = pull ]
    list filters
    field host
    field port
    field count
    check_registry
    mkdir "$directory/_default"
    while ((count-- > 0)); do pull; done
    report "${filters[@]}"
    ;;
  import)
    # The client does it where it can: handing the archive to the daemon takes
    # twice as long.
    flags=()
    if ctr images import --help </dev/null | grep -q -e --local; then flags=(--local); fi
    exec "${ctr[@]}" images import "${flags[@]}" --snapshotter "$1" --platform "$2" - >/dev/null
    ;;
  tag)
    name=$1
    shift
    for new_name; do "${ctr[@]}" images tag --force "$name" "$new_name" </dev/null >/dev/null; done
    ;;
esac
