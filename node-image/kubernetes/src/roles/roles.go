// Package roles lets a component start once its roles exist.
package roles

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	patience = time.Minute
	pause    = 50 * time.Millisecond
)

// Await returns once the API server lets the component in whose arguments these are.
// In a new cluster it is refused until the API server has created the roles. Its
// informers wait longer after each refusal, so a scheduler that starts earlier works
// later, by two seconds.
func Await(args []string) {
	if path := kubeconfigFlag(args); path != "" {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		await(ctx, path)
	}
}

// await returns when the component may read what it needs roles for, or when waiting
// is pointless; the component itself then says why.
func await(ctx context.Context, kubeconfig string) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return
	}
	config.QPS = -1 // no limit
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return
	}
	for {
		// The role for it is one of the last that the API server creates.
		_, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
		answered := err == nil || apierrors.ReasonForError(err) != metav1.StatusReasonUnknown
		if answered && !apierrors.IsForbidden(err) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// kubeconfigFlag is the value of --kubeconfig, empty if it is not given.
func kubeconfigFlag(args []string) string {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case strings.TrimLeft(name, "-") != "kubeconfig":
		case joined:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}
