# shellcheck shell=bash
# e2e-framework (Kubernetes SIGs): tests in Go whose cluster is made by
# its provider for kind. That one waits for pods with kind's own labels.
VERSION=v0.7.0

get() {
  go_test sigs.k8s.io/e2e-framework $VERSION <<'GO'
package test

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/e2e-framework/klient/wait"
	"sigs.k8s.io/e2e-framework/klient/wait/conditions"
	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/envfuncs"
	"sigs.k8s.io/e2e-framework/pkg/features"
	"sigs.k8s.io/e2e-framework/support/kind"
)

const name, namespace = "cl-e2e", "test"

var environment env.Environment

func TestMain(m *testing.M) {
	environment = env.NewWithConfig(envconf.New())
	environment.Setup(
		envfuncs.CreateClusterWithConfig(kind.NewProvider(), name, "definition.yaml"),
		envfuncs.CreateNamespace(namespace),
		envfuncs.LoadImageToCluster(name, "skiff-test/e2e:1"),
		envfuncs.LoadImageArchiveToCluster(name, "archive.tar"),
	)
	environment.Finish(
		envfuncs.DeleteNamespace(namespace),
		envfuncs.ExportClusterLogs(name, "logs"),
		envfuncs.DestroyCluster(name),
	)
	os.Exit(environment.Run(m))
}

func says(image string) func(context.Context, *testing.T, *envconf.Config) context.Context {
	return func(ctx context.Context, t *testing.T, cfg *envconf.Config) context.Context {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "app-", Namespace: namespace},
			Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: "app", Image: image, ImagePullPolicy: corev1.PullNever}}},
		}
		resources := cfg.Client().Resources()
		if err := resources.Create(ctx, pod); err != nil {
			t.Fatal(err)
		}
		if err := wait.For(conditions.New(resources).PodReady(pod), wait.WithTimeout(time.Minute)); err != nil {
			t.Fatal(err)
		}
		client, err := kubernetes.NewForConfig(cfg.Client().RESTConfig())
		if err != nil {
			t.Fatal(err)
		}
		stream, err := client.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).Stream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if said, _ := io.ReadAll(stream); !bytes.Contains(said, []byte(image)) {
			t.Fatalf("the pod says %q", said)
		}
		return ctx
	}
}

func TestLoadedImages(t *testing.T) {
	environment.Test(t, features.New("loaded images").
		Assess("from the engine", says("skiff-test/e2e:1")).
		Assess("from an archive", says("skiff-test/e2e-archive:1")).Feature())
}
GO
}

check() {
  cluster cl-e2e
  busybox_image skiff-test/e2e:1
  busybox_image skiff-test/e2e-archive:1
  docker save --output archive.tar skiff-test/e2e-archive:1
  printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n' >definition.yaml
  step "tests"
  "$CLIENT/test" -test.v
  step "afterwards"
  gone cl-e2e
  [ -s logs/cl-e2e-control-plane/kubelet.log ] || fail "no logs were exported"
}
