# The software bill of materials of an image, in CycloneDX's JSON
# (https://cyclonedx.org/docs/1.6/json/).
# shellcheck shell=bash

SBOM=usr/share/skiff/sbom.cdx.json

# sbom DIRECTORY NAME VERSION PART... [-- PACKAGE...]: writes it into the image's
# file system: the Debian packages and Go modules of the parts, and packages of this
# container that files were copied from.
sbom() {
  local root=$1 name=$2 version=$3 state=$WORK/sbom part
  shift 3
  tools jq
  rm -rf "$state"
  mkdir -p "$state" "$root/$(dirname "$SBOM")"
  touch "$state/packages" "$state/modules" "$state/indexes"
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    part=$(built "$1")
    [ ! -e "$part/packages" ] || cat "$part/packages" >>"$state/packages"
    [ ! -e "$part/modules.json" ] || cat "$part/modules.json" >>"$state/modules"
    [ ! -e "$part/base.tar" ] || cat "$part/state" >>"$state/indexes"
    shift
  done
  [ $# -lt 2 ] || dpkg-query --show --showformat='${Package} ${Version} ${Architecture}\n' "${@:2}" >>"$state/packages"
  jq -n --arg name "$name" --arg version "$version" --arg date "$(date -u +%FT%TZ -d "@$SOURCE_DATE_EPOCH")" \
    --rawfile packages "$state/packages" --rawfile indexes "$state/indexes" --slurpfile modules "$state/modules" \
    -f "$BUILDER/sbom.jq" >"$root/$SBOM"
  say "$(jq '.components | length' "$root/$SBOM") components"
}
export SBOM
export -f sbom
