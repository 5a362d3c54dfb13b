#!/bin/bash
# metrics-server: one static program and nothing else.
. /builder/common.sh

version=v0.9.0
tools golang-1.26-go ca-certificates
part metrics-server "$BUILDER/go.sh" "-X k8s.io/client-go/pkg/version.gitVersion=$version" module

root=$WORK/rootfs
rm -rf "$root"
mkdir -p "$root/etc/ssl/certs"
cp "$(built metrics-server)/bin/metrics-server" "$root/metrics-server"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'nonroot:x:65534:65534::/:/sbin/nologin' >"$root/etc/passwd"
pack "$root"
