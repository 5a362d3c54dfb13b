# shellcheck shell=bash
# kubebuilder: the end-to-end helpers of the operators it scaffolds, and of its
# own tests. They run what the variable KIND names, and the cluster KIND_CLUSTER.
VERSION=v4.16.0

get() {
  go_test sigs.k8s.io/kubebuilder/v4 $VERSION <<'GO'
package test

import (
	"os"
	"os/exec"
	"testing"

	"sigs.k8s.io/kubebuilder/v4/test/e2e/utils"
)

func TestLoad(t *testing.T) {
	c, err := utils.NewTestContext("kubebuilder")
	if err != nil {
		t.Fatal(err)
	}
	if c.K8sVersion.ServerVersion.GitVersion == "v1.0.0-fake" {
		t.Fatal("the cluster's version was not found")
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadImageToKindClusterWithName("skiff-test/kubebuilder:1"); err != nil {
		t.Fatal(err)
	}
	// Of a name with a random suffix, as each of its tests has one.
	if out, err := exec.Command("docker", "tag", "skiff-test/kubebuilder:1", c.ImageName).CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	defer exec.Command("docker", "rmi", c.ImageName).Run()
	if err := c.LoadImageToKindCluster(); err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{"skiff-test/kubebuilder:1", c.ImageName} {
		args := []string{"run", "app-" + c.TestSuffix, "--image=" + image, "--image-pull-policy=Never"}
		if out, err := exec.Command("kubectl", args...).CombinedOutput(); err != nil {
			t.Fatal(string(out))
		}
		ready := exec.Command("kubectl", "wait", "--for=condition=Ready", "pod/app-"+c.TestSuffix, "--timeout=60s")
		if out, err := ready.CombinedOutput(); err != nil {
			t.Fatal(string(out))
		}
		if out, err := exec.Command("kubectl", "delete", "--now", "pod/app-"+c.TestSuffix).CombinedOutput(); err != nil {
			t.Fatal(string(out))
		}
	}
}
GO
}

check() {
  export KIND=kind KIND_CLUSTER=project-test-e2e
  cluster $KIND_CLUSTER
  busybox_image skiff-test/kubebuilder:1
  step "its Makefile's target setup-test-e2e"
  kind create cluster --name $KIND_CLUSTER
  listed $KIND_CLUSTER
  usable $KIND_CLUSTER
  step "tests"
  "$CLIENT/test" -test.v
  step "its Makefile's target cleanup-test-e2e"
  kind delete cluster --name $KIND_CLUSTER
  gone $KIND_CLUSTER
}
