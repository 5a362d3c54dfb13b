#!/bin/bash
# metrics-server: one static program and nothing else.
. /builder/common.sh

version=v0.9.0
part metrics-server "$BUILDER/go.sh" "-X k8s.io/client-go/pkg/version.gitVersion=$version" module

root=$WORK/rootfs
rm -rf "$root"
mkdir -p "$root/etc"
cp "$(built metrics-server)/bin/metrics-server" "$root/metrics-server"
echo 'nonroot:x:65534:65534::/:/sbin/nologin' >"$root/etc/passwd"
sbom "$root" metrics-server "$version" metrics-server
pack "$root"
