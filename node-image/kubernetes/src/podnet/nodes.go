package podnet

import (
	"context"
	"fmt"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

// keepNodes makes this node agree with the list of nodes until ctx ends. Pods
// get no addresses before `enforced`: when a node restarts, its pods start again
// while podnet does. Nor do they before Services work.
func keepNodes(ctx context.Context, client kubernetes.Interface, self string, nets clusterNets, enforced <-chan struct{}) error {
	changed := make(signals, 1)
	nodes, err := watch(ctx, source{
		client:   client.CoreV1().RESTClient(),
		resource: "nodes",
		example:  &corev1.Node{},
		keep:     keepNode,
	}, changed)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-enforced:
	}
	table := nftTable{name: "podnet"}
	var report reporter
	if err := table.set(tableText(nets)); err != nil {
		report.failed(err) // apply tries again
	}
	awaitServices(ctx)
	for {
		all := listed[*corev1.Node](nodes)
		sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
		next := resync
		done, err := apply(self, all, nets, &table)
		if err != nil {
			// A peer may be half registered.
			report.failed(err)
			next = retry
		} else {
			report.done(done)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(next):
		}
	}
}

// apply says in one line what is in force.
func apply(self string, nodes []*corev1.Node, nets clusterNets, table *nftTable) (string, error) {
	var own []string
	var wanted []peerRoute
	for _, node := range nodes {
		if node.Name == self {
			own = node.Spec.PodCIDRs
			continue
		}
		routes, err := routesTo(node)
		if err != nil {
			return "", fmt.Errorf("routes to %s: %w", node.Name, err)
		}
		wanted = append(wanted, routes...)
	}
	if err := setRoutes(wanted); err != nil {
		return "", err
	}
	if len(own) > 0 {
		if err := writeRanges(own); err != nil {
			return "", err
		}
		if err := installConflist(); err != nil {
			return "", err
		}
	}
	if err := table.set(tableText(nets)); err != nil {
		return "", err
	}
	return fmt.Sprintf("podnet: own ranges %v, %d routes to peers", own, len(wanted)), nil
}
