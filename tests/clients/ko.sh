# shellcheck shell=bash
# ko: builds images of Go programs. For the repository `kind.local` it loads them
# into a cluster, with kind's Go library: it finds nodes by their labels.
VERSION=v0.19.1

get() { go_program ko github.com/google/ko $VERSION .; }

check() {
  local reference
  cluster cl-ko
  mkdir empty
  echo base >empty/base
  image ko.local/skiff-test-base:1 empty
  mkdir app
  cd app || exit
  printf 'module example.com/app\n\ngo 1.21\n' >go.mod
  cat >main.go <<'GO'
package main

import ("fmt"; "time")

func main() { for { fmt.Println("built by ko"); time.Sleep(time.Second) } }
GO
  kind create cluster --name cl-ko
  usable cl-ko
  step "ko build"
  export KO_DOCKER_REPO=kind.local KIND_CLUSTER_NAME=cl-ko KO_DEFAULTBASEIMAGE=ko.local/skiff-test-base:1
  reference=$(ko build --sbom=none .)
  step "a pod of $reference"
  kubectl run app --image="$reference" --image-pull-policy=Never
  kubectl wait --for=condition=Ready pod/app --timeout=60s
  eventually 20 says cl-ko app "built by ko"
  step "ko apply"
  printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: resolved}\nspec: {containers: [{name: app, image: "ko://example.com/app", imagePullPolicy: Never}]}\n' |
    ko apply --sbom=none -f -
  kubectl wait --for=condition=Ready pod/resolved --timeout=60s
  kind delete cluster --name cl-ko
  gone cl-ko
}
