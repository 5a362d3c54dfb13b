// Package podnet is the node's part of the default pod network: it lets pods
// of different nodes reach each other and the outside, and enforces
// NetworkPolicies.
//
//	nodes.go     watches nodes; keeps address ranges, routes, and table "podnet"
//	services.go  lets pods start once Services work
//	policies.go  watches NetworkPolicies; keeps table "podnet_policy"
//	newpods.go   lets pods start once their policies are in force
//	policy/      computes that table
package podnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// Changes made by others (a flushed table, a deleted route) are mended this often.
	resync = 30 * time.Second
	// What failed is tried again after this time.
	retry = time.Second
)

// Main runs the agent until it is told to stop; it returns the exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("NODE_NAME")); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "podnet:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, self string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// The service address works only once kube-proxy does; the control plane's
	// own endpoint works from the start.
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	// A third of JSON's memory and time.
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	subnets, err := clusterSubnets(ctx, client)
	if err != nil {
		return err
	}
	fmt.Printf("podnet on %s: pods %v, services %v\n", self, subnets.pods, subnets.services)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	enforced := make(chan struct{})
	go func() { ended <- keepPolicies(ctx, client, self, sync.OnceFunc(func() { close(enforced) })) }()
	go func() { ended <- keepNodes(ctx, client, self, subnets, enforced) }()
	first := <-ended
	stop()
	return errors.Join(first, <-ended)
}

// signals is a channel that remembers that something happened, not how often.
type signals chan struct{}

func (s signals) send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// reporter prints each state once.
type reporter struct{ last string }

func (r *reporter) done(text string) { r.print(os.Stdout, text) }

func (r *reporter) failed(err error) { r.print(os.Stderr, "podnet: "+err.Error()) }

func (r *reporter) print(to *os.File, text string) {
	if text != r.last {
		fmt.Fprintln(to, text)
		r.last = text
	}
}
