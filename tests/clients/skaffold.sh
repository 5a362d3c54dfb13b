# shellcheck shell=bash
# skaffold: builds an image with the engine and, as the context is called kind-*,
# loads it with `kind load docker-image` instead of pushing it.
VERSION=v2.24.0

get() { go_program skaffold github.com/GoogleContainerTools/skaffold/v2 $VERSION ./cmd/skaffold; }

check() {
  cluster cl-skaffold
  busybox_image skiff-test/skaffold-base:1
  export SKAFFOLD_UPDATE_CHECK=false SKAFFOLD_INTERACTIVE=false DOCKER_BUILDKIT=0
  later 'docker images --format "{{.Repository}}:{{.Tag}}" skiff-test/skaffold | xargs -r docker rmi --force'
  printf 'FROM skiff-test/skaffold-base:1\nCOPY name /name\n' >Dockerfile
  cat >skaffold.yaml <<'YAML'
apiVersion: skaffold/v4beta11
kind: Config
build: {artifacts: [{image: skiff-test/skaffold}]}
manifests: {rawYaml: [app.yaml]}
YAML
  cat >app.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: skiff-test/skaffold}]}
YAML
  skaffold config set --global collect-metrics false
  kind create cluster --name cl-skaffold
  usable cl-skaffold
  for round in first second; do
    step "skaffold run, the $round"
    echo "built by skaffold, $round" >name
    skaffold run --status-check --tail=false
    eventually 20 says cl-skaffold deployment/app "built by skaffold, $round"
  done
  step "skaffold delete"
  skaffold delete
  kind delete cluster --name cl-skaffold
  gone cl-skaffold
}
