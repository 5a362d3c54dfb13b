#!/bin/sh
# What skiff runs in a container of a node image to ask its programs whether they take
# what a definition sets. It goes on with lines that call these functions.
#
# The report consists of sections, each after a line that begins with the record
# separator (RS, octal 036), which no component writes.
set -u

dir=/tmp/component-config
mkdir -p "$dir/bin" "$dir/pki" /kind
# Without these the kubelet would make a key, which takes long.
: >"$dir/pki/kubelet.crt"
: >"$dir/pki/kubelet.key"
# kubeadm wants it to exist when a node is to join.
[ -e /kind/discovery.conf ] || : >/kind/discovery.conf

# In skiff's images all components are one program, which goes by its name.
kubelet=$(command -v kubelet)
# shellcheck disable=SC3013  # dash and bash have -ef
if [ "$kubelet" -ef "$(command -v kubeadm)" ]; then
  for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
    [ -e "$dir/bin/$name" ] || ln -s "$kubelet" "$dir/bin/$name"
  done
  PATH=$dir/bin:$PATH
fi

# ask NUMBER PROGRAM ARGUMENT…
ask() {
  number=$1
  shift
  timeout 3 "$@" >"$dir/$number.log" 2>&1 </dev/null
  echo $? >"$dir/$number.code"
}

# report NUMBER…: how they ended, and what they wrote first and last.
report() {
  for number; do
    printf '\n\036%s %s\n' "$number" "$(cat "$dir/$number.code")"
    if [ "$(wc -l <"$dir/$number.log")" -le 100 ]; then
      cat "$dir/$number.log"
    else
      head -n 50 "$dir/$number.log"
      tail -n 50 "$dir/$number.log"
    fi
  done
}

# names PROGRAM: its feature gates and flags, by its own help.
names() {
  printf '\n\036%s\n' "$1"
  timeout 3 "$1" --help 2>&1 </dev/null |
    grep -oE '[A-Za-z0-9]+=true\|false|(^|[ ,])--[a-z0-9-]+'
}
