# shellcheck shell=bash
# pytest-kind (PyPI): a fixture `kind_cluster` for pytest, which runs `kind`.
VERSION=22.11.1

get() { python_packages "pytest-kind==$VERSION" pytest==8.4.2 setuptools==80.9.0; }

check() {
  cluster pytest-kind
  busybox_image skiff-test/pytest-kind:1
  cat >test_app.py <<'PYTHON'
import pykube, urllib.request

IMAGE = "skiff-test/pytest-kind:1"
SERVE = "echo hello >/tmp/index.html; exec busybox httpd -f -p 8080 -h /tmp"


def test_nodes(kind_cluster):
    nodes = list(pykube.Node.objects(kind_cluster.api))
    assert [node.name for node in nodes] == ["pytest-kind-control-plane"]


def test_loaded_image_is_reached(kind_cluster):
    kind_cluster.load_docker_image(IMAGE)
    kind_cluster.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
    kind_cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    kind_cluster.kubectl("run", "app", f"--image={IMAGE}", "--image-pull-policy=Never",
                         "--command", "--", "/bin/sh", "-c", SERVE)
    kind_cluster.kubectl("wait", "--for=condition=Ready", "pod/app", "--timeout=60s")
    with kind_cluster.port_forward("pod/app", 8080) as port:
        body = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
    assert body == b"hello\n"
PYTHON
  step "pytest"
  "$CLIENT/venv/bin/pytest" -x -s --cluster-name=pytest-kind \
    --kind-bin="$(command -v kind)" --kind-kubectl-bin="$(command -v kubectl)"
  step "afterwards"
  gone pytest-kind
}
