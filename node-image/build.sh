#!/bin/bash
# Builds a node image's file system: build.sh VERSION
. /builder/common.sh

export VERSION=$1 ETCD COREDNS PAUSE LOCAL_PATH ETCD_TAG
# shellcheck source=/dev/null
. "versions/$VERSION" || { say "no recipe for Kubernetes $VERSION"; exit 1; }

IFS=. read -r major minor _ <<<"${VERSION#v}"
flags=
for where in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $where.gitVersion=$VERSION -X $where.gitMajor=$major -X $where.gitMinor=$minor -X $where.gitTreeState=clean"
done

part base "$BUILDER/debian.sh" minbase packages
part kubernetes "$BUILDER/go.sh" "$flags" kubernetes/src "kubernetes/$VERSION"
part etcd "$BUILDER/go.sh" "" etcd/src "etcd/$ETCD"
part coredns "$BUILDER/go.sh" "" "coredns/$COREDNS"
part local-path-provisioner "$BUILDER/go.sh" "-X main.VERSION=$LOCAL_PATH" "local-path-provisioner/$LOCAL_PATH"
part pause pause.sh pause.c
part containerd-stamp "$BUILDER/go.sh" "" containerd-stamp
dated base
tools jq busybox-static
say "assembling"
bash assemble.sh
