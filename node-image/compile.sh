#!/bin/bash
# Compiles one program, statically, into $OUT/bin.
set -o errexit -o nounset -o pipefail
name=$1
mkdir -p "$OUT/bin"

if [ "$name" = pause ]; then
  gcc -Os -static -s -o "$OUT/bin/pause" "$SRC/pause.c"
  exit
fi

export GOCACHE=$CACHE/go-build GOMODCACHE=$CACHE/go-mod GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
export CGO_ENABLED=0 GOOS=linux GOARCH=$ARCH
[ ! -s /host-ca.crt ] || export SSL_CERT_FILE=/host-ca.crt

flags="-s -w"
module=$(mktemp -d)
case $name in
  kubernetes)
    cp -r "$SRC/kubernetes/main.go" "$SRC/kubernetes/crictl" "$SRC/kubernetes/podnet" "$SRC/kubernetes/$VERSION/." "$module"
    package=.
    IFS=. read -r major minor _ <<<"${VERSION#v}"
    for where in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      flags+=" -X $where.gitVersion=$VERSION -X $where.gitMajor=$major -X $where.gitMinor=$minor -X $where.gitTreeState=clean"
    done
    ;;
  etcd) cp -r "$SRC/etcd/$ETCD/." "$module" && package=go.etcd.io/etcd/server/v3 ;;
  coredns) cp -r "$SRC/coredns/$COREDNS/." "$module" && package=github.com/coredns/coredns ;;
  local-path-provisioner)
    cp -r "$SRC/local-path-provisioner/$LOCAL_PATH/." "$module"
    package=github.com/rancher/local-path-provisioner
    flags+=" -X main.VERSION=$LOCAL_PATH"
    ;;
esac
cd "$module"
# Downloads first: what fails there is worth another try, a compiler's error is not.
retry go mod download
go build -trimpath -ldflags "$flags" -o "$OUT/bin/$name" "$package"
rm -rf "$module"
