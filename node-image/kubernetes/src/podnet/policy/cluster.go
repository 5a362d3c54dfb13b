// Package policy computes the nftables rules of one node from the cluster's
// NetworkPolicies, pods and namespaces. It has no effects of its own:
//
//	Cluster --Compile--> Rules --Text--> input of `nft -f -`
package policy

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Cluster is what the rules of a node depend on.
type Cluster struct {
	Policies []*networkingv1.NetworkPolicy
	// The labels of each namespace.
	Namespaces map[string]labels.Set
	// Pods that have addresses of their own and have not finished: pods in the
	// host's network are not selected by policies, neither as subject nor as peer.
	Pods []Pod
}

// Pod is what the rules depend on in a pod.
type Pod struct {
	Namespace, Name string
	Labels          labels.Set
	Addresses       []netip.Addr
	Ports           []NamedPort
	// Here means that the pod runs on the node whose rules are computed.
	Here bool
	// Leaving pods have a deletion timestamp; Age orders pods by creation.
	Leaving bool
	Age     int64
}

// NamedPort is a port of a container that has a name.
type NamedPort struct {
	Name     string
	Protocol corev1.Protocol
	Number   uint16
}

// index holds the cluster's pods by namespace, with each address in one pod.
type index struct {
	namespaces map[string]labels.Set
	pods       map[string][]*Pod
	// All pods, sorted by namespace and name.
	every []*Pod
}

// newIndex gives an address that two pods have to the newer pod: an address can
// be given out again before the deletion of its first pod is known.
func newIndex(cluster *Cluster) index {
	owners := map[netip.Addr]*Pod{}
	for i := range cluster.Pods {
		pod := &cluster.Pods[i]
		for _, address := range pod.Addresses {
			if other := owners[address]; other == nil || replaces(pod, other) {
				owners[address] = pod
			}
		}
	}
	found := index{namespaces: cluster.Namespaces, pods: map[string][]*Pod{}}
	for i := range cluster.Pods {
		pod := cluster.Pods[i]
		own := &cluster.Pods[i]
		pod.Addresses = slices.DeleteFunc(slices.Clone(pod.Addresses), func(address netip.Addr) bool {
			return owners[address] != own
		})
		if len(pod.Addresses) > 0 {
			found.pods[pod.Namespace] = append(found.pods[pod.Namespace], &pod)
		}
	}
	// An order that does not depend on the caller's keeps the text the same.
	for _, namespace := range sortedKeys(found.pods) {
		pods := found.pods[namespace]
		slices.SortFunc(pods, func(a, b *Pod) int { return cmp.Compare(a.Name, b.Name) })
		found.every = append(found.every, pods...)
	}
	return found
}

func replaces(pod, other *Pod) bool {
	if pod.Leaving != other.Leaving {
		return other.Leaving
	}
	return pod.Age > other.Age
}

// selected returns the pods of a namespace that a selector matches.
func (x index) selected(namespace string, selector labels.Selector) []*Pod {
	var out []*Pod
	for _, pod := range x.pods[namespace] {
		if selector.Matches(pod.Labels) {
			out = append(out, pod)
		}
	}
	return out
}

func sortedKeys[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
