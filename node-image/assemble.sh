#!/bin/bash
# Puts the parts together: base, programs, and the container images, unpacked
# in containerd's own store so that no node has to do it again.
set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit

root=$WORK/rootfs
images=$WORK/images

leave() {
  [ -z "${containerd:-}" ] || { kill "$containerd" 2>/dev/null && wait "$containerd" || true; }
  awk -v below="$root/" 'index($2 "/", below) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" || true; done
}
trap leave EXIT
leave
rm -rf "$root" "$images"
mkdir -p "$root" "$images"

# --- the node's own files ----------------------------------------------------
tar -C "$root" -xf "$(built base)/base.tar" --exclude='./dev/*'
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/usr/share/i18n \
  "$root"/usr/lib/udev/hwdb.* "$root"/etc/udev/hwdb.bin
# Each node gets names of its own, and the engine's name service.
: >"$root/etc/machine-id"
rm -f "$root/etc/iscsi/initiatorname.iscsi" "$root/etc/hostname" "$root"/etc/.resolv.conf.*
cp -r --no-preserve=ownership rootfs/. "$root/"
chmod +x "$root/usr/local/bin/entrypoint" "$root/kind/bin/"* "$root/opt/cni/bin/podnet-ipam"
sed -i "s|@PAUSE@|registry.k8s.io/pause:$PAUSE|" "$root/etc/containerd/config.toml"
for plugin in ptp host-local portmap loopback; do mv "$root/usr/lib/cni/$plugin" "$root/opt/cni/bin/"; done
rm -rf "$root/usr/lib/cni"
echo "$VERSION" >"$root/kind/version"
cp "$(built kubernetes)/bin/kubernetes" "$root/usr/bin/kubelet"
for name in kubeadm kubectl crictl; do ln -f "$root/usr/bin/kubelet" "$root/usr/bin/$name"; done

# What the runtime gives every container before Kubernetes' own settings: people
# patch this file, for limits above all, so it has none of its own.
chroot "$root" ctr oci spec | jq 'del(.process.rlimits)' >"$root/etc/containerd/cri-base.json"

# Nothing starts because its package is installed. The services of NFS and iSCSI
# are started by the first mount that needs them.
rm -f "$root"/etc/systemd/system/*.wants/*
chroot "$root" systemctl --quiet enable containerd kubelet node-dns unpack-images end-control-plane
chroot "$root" systemctl --quiet mask systemd-resolved.service systemd-binfmt.service systemd-networkd.service getty.target console-getty.service \
  systemd-logind.service systemd-udevd.service systemd-firstboot.service haproxy.service
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nReadKMsg=no\nStorage=persistent\nSystemMaxUse=64M\n' >"$root/etc/systemd/journald.conf.d/node.conf"

# --- container images --------------------------------------------------------
# One archive in Docker's format holds them all; equal layers are in it once.
archive=$images/archive
mkdir -p "$archive"
echo '[]' >"$archive/manifest.json"

# layer NAME FOLDER
layer() { "$root/kind/bin/pack-layer" "$2" "$archive/$1.tar"; }

# image REFERENCE CONFIG LAYER...
image() {
  local reference=$1 config=$2 digests=() files=() name
  shift 2
  for name in "$@"; do
    files+=("$name.tar")
    digests+=("sha256:$(sha256sum <"$archive/$name.tar" | cut -d' ' -f1)")
  done
  local file
  file=$(echo "$reference" | tr '/:' '__').json
  jq -n --arg arch "$ARCH" --argjson config "$config" \
    '{architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z", rootfs: {type: "layers", diff_ids: $ARGS.positional},
      config: ({Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]} + $config)}' \
    --args "${digests[@]}" >"$archive/$file"
  jq --arg config "$file" --arg tag "$reference" '. + [{Config: $config, RepoTags: [$tag], Layers: $ARGS.positional}]' \
    "$archive/manifest.json" --args "${files[@]}" >"$archive/manifest.new"
  mv "$archive/manifest.new" "$archive/manifest.json"
}

# with_libraries FOLDER FILE...: programs of the node with the libraries they load.
with_libraries() {
  local target=$1 file
  shift
  mkdir -p "$target/usr/sbin" "$target/usr/bin" "$target/usr/lib64"
  for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$target/$link"; done
  for file in "$@"; do
    mkdir -p "$target/$(dirname "$file")"
    cp -a "$root/$file" "$target/$file"
    chroot "$root" ldd "/$file" 2>/dev/null | grep -o '/[^ )]*' | while read -r library; do
      mkdir -p "$target/usr/$(dirname "${library#/usr}")"
      cp -L "$root$library" "$target/usr/${library#/usr}"
    done || true
  done
}

mkdir -p "$images/kubernetes/usr/local/bin" "$images/kubernetes/tmp"
chmod 1777 "$images/kubernetes/tmp"
for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy podnet; do
  ln -f "$root/usr/bin/kubelet" "$images/kubernetes/usr/local/bin/$name"
done
layer kubernetes "$images/kubernetes"

# Of kube-proxy's modes, ipvs also needs ipset, and modprobe for ip_vs.
netfilter=(usr/sbin/xtables-nft-multi usr/sbin/nft usr/sbin/conntrack usr/sbin/ipset usr/bin/kmod usr/sbin/modprobe etc/protocols etc/services)
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  mkdir -p "$images/netfilter/usr/sbin"
  ln -sfn xtables-nft-multi "$images/netfilter/usr/sbin/$name"
done
# Extensions are loaded by name when a rule needs them, each with libraries of its own.
extensions=$(dirname "$(find "$root/usr/lib" -name 'libxt_comment.so' | head -n 1)")
for file in "$extensions"/*.so; do netfilter+=("${file#"$root/"}"); done
with_libraries "$images/netfilter" "${netfilter[@]}"
layer netfilter "$images/netfilter"

for name in etcd coredns local-path-provisioner pause; do
  place=/
  [ "$name" != etcd ] || place=/usr/local/bin
  mkdir -p "$images/$name$place" "$images/$name/tmp"
  chmod 1777 "$images/$name/tmp"
  cp "$(built $name)/bin/"* "$images/$name$place/$name"
  [ "$name" != etcd ] || for tool in etcdctl etcdutl; do ln "$images/etcd$place/etcd" "$images/etcd$place/$tool"; done
  layer $name "$images/$name"
done
mkdir -p "$images/helper/bin" "$images/helper/tmp"
cp /bin/busybox "$images/helper/bin/busybox"
for name in sh mkdir rm ls cat; do ln -s busybox "$images/helper/bin/$name"; done
layer helper "$images/helper"

for name in kube-apiserver kube-controller-manager kube-scheduler; do
  image "registry.k8s.io/$name:$VERSION" "{\"Entrypoint\": [\"/usr/local/bin/$name\"]}" kubernetes
done
image "registry.k8s.io/kube-proxy:$VERSION" '{"Entrypoint": ["/usr/local/bin/kube-proxy"]}' kubernetes netfilter
image "docker.io/skiff/podnet:node" '{"Entrypoint": ["/usr/local/bin/podnet"]}' kubernetes netfilter
image "registry.k8s.io/etcd:$ETCD_TAG" '{"Entrypoint": ["/usr/local/bin/etcd"]}' etcd
image "registry.k8s.io/coredns/coredns:$COREDNS" '{"Entrypoint": ["/coredns"], "WorkingDir": "/"}' coredns
image "registry.k8s.io/pause:$PAUSE" '{"Entrypoint": ["/pause"], "User": "65535:65535"}' pause
image "docker.io/skiff/local-path-provisioner:node" '{"Entrypoint": ["/local-path-provisioner"]}' local-path-provisioner
image "docker.io/skiff/helper:node" '{"Entrypoint": ["/bin/sh"]}' helper

# --- containerd's store ------------------------------------------------------
say "unpacking the container images"
mount --bind "$root" "$root" # containerd wants to know what its root is mounted from
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
# A plain configuration: the node's own wants the host's cgroups.
: >"$root/tmp/containerd.toml"
chroot "$root" /usr/bin/containerd --config /tmp/containerd.toml --log-level warn >"$WORK/containerd.log" 2>&1 &
containerd=$!
ctr() { chroot "$root" /usr/bin/ctr --namespace k8s.io "$@"; }
for _ in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
tar -C "$archive" -cf - . | ctr images import --local --label io.cri-containerd.pinned=pinned --snapshotter overlayfs - >/dev/null ||
  { tail -n 20 "$WORK/containerd.log" >&2; exit 1; }

# What unpack-images needs besides: the images, and the snapshot of each layer.
mkdir -p "$root/kind/images"
cp "$archive"/*.json "$root/kind/images/"
containerd_root=$root/var/lib/containerd
snapshots=$containerd_root/io.containerd.snapshotter.v1.overlayfs/snapshots
for file in "$archive"/*.tar; do
  for snapshot in "$snapshots"/*; do
    "$root/kind/bin/pack-layer" "$snapshot/fs" - | cmp -s - "$file" || continue
    echo "${file##*/} ${snapshot##*/}" >>"$root/kind/images/layers"
    continue 2
  done
  say "no snapshot holds ${file##*/}"
  exit 1
done

# The layers are unpacked; their tarballs would only take space a second time.
layers=()
for file in "$archive"/*.tar; do layers+=("$(sha256sum <"$file" | cut -d' ' -f1)"); done
ctr content rm "${layers[@]/#/sha256:}" >/dev/null
kubeadm=$(chroot "$root" /usr/bin/kubeadm config images list --kubernetes-version "$VERSION" 2>/dev/null)
have=$(ctr images list -q)
for name in $kubeadm; do
  grep -qxF "$name" <<<"$have" || { say "kubeadm wants $name, which is not in the image"; exit 1; }
done
kill "$containerd"
wait "$containerd" || true
containerd=
umount "$root/proc" "$root/dev" "$root/run" "$root/tmp" "$root"

# What the garbage collection would have done some time later.
for layer in "${layers[@]}"; do rm -f "$containerd_root/io.containerd.content.v1.content/blobs/sha256/$layer"; done

# The times in containerd's databases, and what differs in each run.
for database in "$containerd_root"/*/*.db; do
  "$(built containerd-stamp)/bin/containerd-stamp" "$database" "$SOURCE_DATE_EPOCH"
done
rm -f "$containerd_root/io.containerd.grpc.v1.introspection/uuid"

# Inside the snapshots too, the one Kubernetes binary is stored once.
for file in "$snapshots"/*/fs/usr/local/bin/{kube-*,podnet}; do
  [ ! -f "$file" ] || ln -f "$root/usr/bin/kubelet" "$file"
done
rm -rf "$containerd_root"/tmpmounts "$containerd_root"/io.containerd.runtime.*

# A node's entrypoint gives its containerd the databases, and links to the snapshots.
mkdir "$root/kind/images/snapshots"
mv "$snapshots"/* "$root/kind/images/snapshots/"
mv "$containerd_root/io.containerd.metadata.v1.bolt" "$root/kind/images/metadata"
mv "$containerd_root" "$root/kind/images/containerd"

# systemd would take a node's first start for one after an upgrade of /usr, and
# build caches anew that are here.
touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated"

sbom "$root" node "$VERSION" base kubernetes etcd coredns local-path-provisioner pause -- busybox-static
pack "$root"
rm -rf "$root" "$images"
