package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Rule allows traffic that matches its peers and one of its ports.
type Rule struct {
	// Sources of an ingress rule, destinations of an egress rule.
	AnyPeer bool
	Peers   []addressRange
	// AnyPort includes protocols without ports.
	AnyPort bool
	Ports   map[corev1.Protocol][]portRange
	// Named ports: where each leads to depends on the pod that receives.
	Endpoints []endpoint
}

// portRange is From to To, both included.
type portRange struct{ From, To uint16 }

// endpoint is one port of one pod.
type endpoint struct {
	Address  netip.Addr
	Protocol corev1.Protocol
	Port     uint16
}

func ingressRules(index index, policy *networkingv1.NetworkPolicy, subjects []*Pod) ([]Rule, error) {
	var out []Rule
	for i, rule := range policy.Spec.Ingress {
		made, err := newRule(index, policy.Namespace, rule.From, rule.Ports, func(Rule) []*Pod { return subjects })
		if err != nil {
			return nil, fmt.Errorf("ingress rule %d: %w", i, err)
		}
		out = append(out, made...)
	}
	return out, nil
}

func egressRules(index index, policy *networkingv1.NetworkPolicy) ([]Rule, error) {
	// Only pods have named ports: those that are among the rule's destinations.
	receivers := func(rule Rule) []*Pod {
		if rule.AnyPeer {
			return index.every
		}
		return slices.DeleteFunc(slices.Clone(index.every), func(pod *Pod) bool {
			return !slices.ContainsFunc(pod.Addresses, func(address netip.Addr) bool { return contains(rule.Peers, address) })
		})
	}
	var out []Rule
	for i, rule := range policy.Spec.Egress {
		made, err := newRule(index, policy.Namespace, rule.To, rule.Ports, receivers)
		if err != nil {
			return nil, fmt.Errorf("egress rule %d: %w", i, err)
		}
		out = append(out, made...)
	}
	return out, nil
}

// newRule returns no rule if nothing can match it.
func newRule(index index, namespace string, peers []networkingv1.NetworkPolicyPeer,
	ports []networkingv1.NetworkPolicyPort, receivers func(Rule) []*Pod) ([]Rule, error) {
	rule := Rule{AnyPeer: len(peers) == 0, AnyPort: len(ports) == 0, Ports: map[corev1.Protocol][]portRange{}}
	for _, peer := range peers {
		ranges, err := peerRanges(index, namespace, peer)
		if err != nil {
			return nil, err
		}
		rule.Peers = append(rule.Peers, ranges...)
	}
	rule.Peers = merged(rule.Peers)
	if !rule.AnyPeer && len(rule.Peers) == 0 {
		return nil, nil
	}
	for _, port := range ports {
		if err := rule.addPort(port, receivers); err != nil {
			return nil, err
		}
	}
	for protocol, ranges := range rule.Ports {
		rule.Ports[protocol] = mergedPorts(ranges)
	}
	slices.SortFunc(rule.Endpoints, func(a, b endpoint) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	rule.Endpoints = slices.Compact(rule.Endpoints)
	if !rule.AnyPort && len(rule.Ports) == 0 && len(rule.Endpoints) == 0 {
		return nil, nil
	}
	return []Rule{rule}, nil
}

func peerRanges(index index, namespace string, peer networkingv1.NetworkPolicyPeer) ([]addressRange, error) {
	if peer.IPBlock != nil {
		return blockRanges(peer.IPBlock)
	}
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return nil, fmt.Errorf("a peer without a selector")
	}
	pods := labels.Everything()
	namespaces := []string{namespace}
	var err error
	if peer.PodSelector != nil {
		if pods, err = metav1.LabelSelectorAsSelector(peer.PodSelector); err != nil {
			return nil, err
		}
	}
	if peer.NamespaceSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
		if err != nil {
			return nil, err
		}
		namespaces = slices.DeleteFunc(sortedKeys(index.namespaces), func(name string) bool {
			return !selector.Matches(index.namespaces[name])
		})
	}
	var out []addressRange
	for _, namespace := range namespaces {
		for _, pod := range index.selected(namespace, pods) {
			for _, address := range pod.Addresses {
				out = append(out, single(address))
			}
		}
	}
	return out, nil
}

func (r *Rule) addPort(port networkingv1.NetworkPolicyPort, receivers func(Rule) []*Pod) error {
	protocol := corev1.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	if !slices.Contains(protocols, protocol) {
		return fmt.Errorf("unknown protocol %q", protocol)
	}
	if port.Port != nil && port.Port.Type == intstr.String {
		for _, pod := range receivers(*r) {
			for _, named := range pod.Ports {
				if named.Name != port.Port.StrVal || named.Protocol != protocol {
					continue
				}
				for _, address := range pod.Addresses {
					r.Endpoints = append(r.Endpoints, endpoint{address, protocol, named.Number})
				}
			}
		}
		return nil
	}
	first, last := int32(0), int32(65535)
	if port.Port != nil {
		first, last = port.Port.IntVal, port.Port.IntVal
		if port.EndPort != nil {
			last = *port.EndPort
		}
	}
	if first < 0 || last > 65535 || first > last {
		return fmt.Errorf("invalid ports %d-%d", first, last)
	}
	r.Ports[protocol] = append(r.Ports[protocol], portRange{uint16(first), uint16(last)})
	return nil
}

func mergedPorts(ranges []portRange) []portRange {
	slices.SortFunc(ranges, func(a, b portRange) int { return cmp.Compare(a.From, b.From) })
	var out []portRange
	for _, next := range ranges {
		if last := len(out) - 1; last >= 0 && int(next.From) <= int(out[last].To)+1 {
			out[last].To = max(out[last].To, next.To)
			continue
		}
		out = append(out, next)
	}
	return out
}
