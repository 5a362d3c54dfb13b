# shellcheck shell=bash
# pytest-kubernetes (PyPI): a fixture `k8s` for pytest, which runs `kind`.
VERSION=0.9.0

get() { python_packages "pytest-kubernetes==$VERSION" pytest==9.0.2; }

check() {
  cluster pytest-skiff
  busybox_image skiff-test/pytest-kubernetes:1
  # Its cluster gets a name and the image kindest/node:vVERSION, or a definition.
  cat >definition.yaml <<'YAML'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: pytest-skiff
YAML
  cat >test_app.py <<'PYTHON'
import pytest

IMAGE = "skiff-test/pytest-kubernetes:1"


@pytest.mark.k8s(provider="kind", provider_config="definition.yaml")
def test_cluster(k8s):
    k8s.create()
    assert k8s.version() >= (1, 30)
    k8s.wait("node/pytest-skiff-control-plane", "condition=Ready")
    k8s.load_image(IMAGE)
    k8s.apply({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
        "spec": {"containers": [{"name": "app", "image": IMAGE, "imagePullPolicy": "Never"}]},
    })
    k8s.wait("pod/app", "condition=Ready")
    assert IMAGE in k8s.logs("app")
    k8s.reset()
    assert [node["metadata"]["name"] for node in k8s.kubectl(["get", "nodes"])["items"]] \
        == ["pytest-skiff-control-plane"]
    assert k8s.kubectl(["get", "pods"])["items"] == []
PYTHON
  step "pytest"
  "$CLIENT/venv/bin/pytest" -x
  step "afterwards"
  gone pytest-skiff
}
