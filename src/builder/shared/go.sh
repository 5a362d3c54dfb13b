#!/bin/bash
# Compiles Go programs, statically, into $OUT/bin.
#
#   go.sh NAME LINKER-FLAGS FOLDER...
#
# The folders' files make up a module: its main.go becomes the program NAME; a
# module without one gives the tools that its go.mod lists. $OUT/modules.json says
# what is in them.
set -o errexit -o nounset -o pipefail
name=$1 flags=$2
shift 2
tools golang-1.26-go ca-certificates
made_with versions golang-1.26-go

export GOCACHE=$CACHE/go-build GOMODCACHE=$CACHE/go-mod GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
export CGO_ENABLED=0 GOOS=linux GOARCH=$ARCH
[ ! -s /host-ca.crt ] || export SSL_CERT_FILE=/host-ca.crt

module=$(mktemp -d)
for folder in "$@"; do cp -r "$folder/." "$module"; done
mkdir -p "$OUT/bin"
cd "$module"
# Downloads first: what fails there is worth another try, a compiler's error is not.
retry go mod download
go mod verify >&2
if [ -e main.go ]; then out=$OUT/bin/$name package=.; else out=$OUT/bin/ package=tool; fi
go build -trimpath -ldflags "-s -w $flags" -o "$out" "$package"
go version -m -json "$OUT"/bin/* >"$OUT/modules.json"
rm -rf "$module"
