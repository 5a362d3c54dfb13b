package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Rules are what the pods of one node may receive and send.
type Rules struct{ Ingress, Egress Direction }

// Direction holds one direction's rules. Pods in no group are not isolated.
type Direction struct {
	Policies []Policy
	Groups   []Group
}

// Policy is one NetworkPolicy's allow rules of one direction.
type Policy struct {
	Name  string
	Rules []Rule
}

// Group is the pods of this node that the same policies select.
type Group struct {
	Pods []*Pod
	// Positions in Direction.Policies; traffic passes if one of them allows it.
	Policies []int
}

// Compile computes a node's rules. A policy that is invalid still isolates its
// pods, allows nothing, and is reported; the others are not affected.
func Compile(cluster *Cluster) (Rules, error) {
	index := newIndex(cluster)
	ingress, egress := newCollector(), newCollector()
	var failures []error
	policies := slices.Clone(cluster.Policies)
	slices.SortFunc(policies, func(a, b *networkingv1.NetworkPolicy) int { return strings.Compare(key(a), key(b)) })
	for _, policy := range policies {
		subjects, err := subjectsHere(index, policy)
		if len(subjects) == 0 && err == nil {
			continue
		}
		isolatesIngress, isolatesEgress := directions(policy)
		var in, out []Rule
		if err == nil {
			in, err = ingressRules(index, policy, subjects)
		}
		if err == nil {
			out, err = egressRules(index, policy)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("NetworkPolicy %s allows nothing: %w", key(policy), err))
			in, out = nil, nil
		}
		if isolatesIngress {
			ingress.add(Policy{key(policy), in}, subjects)
		}
		if isolatesEgress {
			egress.add(Policy{key(policy), out}, subjects)
		}
	}
	return Rules{ingress.direction(), egress.direction()}, errors.Join(failures...)
}

func key(policy *networkingv1.NetworkPolicy) string { return policy.Namespace + "/" + policy.Name }

// subjectsHere returns the pods of this node that a policy selects: all of its
// namespace if the selector is invalid.
func subjectsHere(index index, policy *networkingv1.NetworkPolicy) ([]*Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		selector = labels.Everything()
	}
	subjects := index.selected(policy.Namespace, selector)
	return slices.DeleteFunc(subjects, func(pod *Pod) bool { return !pod.Here }), err
}

// directions tells what a policy isolates; the API server fills policyTypes in,
// policies from before it did may lack them.
func directions(policy *networkingv1.NetworkPolicy) (ingress, egress bool) {
	types := policy.Spec.PolicyTypes
	if len(types) == 0 {
		return true, len(policy.Spec.Egress) > 0
	}
	return slices.Contains(types, networkingv1.PolicyTypeIngress), slices.Contains(types, networkingv1.PolicyTypeEgress)
}

// collector groups pods by the policies that select them.
type collector struct {
	policies []Policy
	byPod    map[*Pod][]int
	order    []*Pod
}

func newCollector() *collector { return &collector{byPod: map[*Pod][]int{}} }

func (c *collector) add(policy Policy, subjects []*Pod) {
	if len(subjects) == 0 {
		return
	}
	position := len(c.policies)
	c.policies = append(c.policies, policy)
	for _, pod := range subjects {
		if c.byPod[pod] == nil {
			c.order = append(c.order, pod)
		}
		c.byPod[pod] = append(c.byPod[pod], position)
	}
}

func (c *collector) direction() Direction {
	out := Direction{Policies: c.policies}
	groups := map[string]int{}
	for _, pod := range c.order {
		policies := c.byPod[pod]
		id := fmt.Sprint(policies)
		if _, known := groups[id]; !known {
			groups[id] = len(out.Groups)
			out.Groups = append(out.Groups, Group{Policies: policies})
		}
		group := &out.Groups[groups[id]]
		group.Pods = append(group.Pods, pod)
	}
	return out
}

// Isolated is the number of pods that have rules in this direction.
func (d Direction) Isolated() int {
	count := 0
	for _, group := range d.Groups {
		count += len(group.Pods)
	}
	return count
}
