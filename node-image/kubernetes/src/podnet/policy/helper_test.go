package policy

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// spec reads a policy of namespace "shop" from its spec.
func spec(t *testing.T, name, text string) *networkingv1.NetworkPolicy {
	t.Helper()
	policy := &networkingv1.NetworkPolicy{}
	policy.Namespace, policy.Name = "shop", name
	if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
		t.Fatal(err)
	}
	return policy
}

// town has two namespaces. Pods of "shop" run here, those of "street" elsewhere.
func town(policies ...*networkingv1.NetworkPolicy) *Cluster {
	pod := func(namespace, name, labelText, v4, v6 string, ports ...NamedPort) Pod {
		selected, err := labels.ConvertSelectorToLabelsMap(labelText)
		if err != nil {
			panic(err)
		}
		return Pod{Namespace: namespace, Name: name, Labels: selected, Ports: ports, Here: namespace == "shop",
			Addresses: []netip.Addr{netip.MustParseAddr(v4), netip.MustParseAddr(v6)}}
	}
	return &Cluster{
		Policies: policies,
		Namespaces: map[string]labels.Set{
			"shop":   {"kubernetes.io/metadata.name": "shop"},
			"street": {"kubernetes.io/metadata.name": "street", "open": "yes"},
		},
		Pods: []Pod{
			pod("shop", "till", "app=till", "10.1.0.1", "fd00::1", NamedPort{"pay", corev1.ProtocolTCP, 80}),
			pod("shop", "new-till", "app=till", "10.1.0.2", "fd00::2", NamedPort{"pay", corev1.ProtocolTCP, 8080}),
			pod("shop", "clerk", "app=clerk", "10.1.0.3", "fd00::3"),
			pod("street", "guest", "app=guest", "10.2.0.1", "fd00::2:1"),
			pod("street", "clerk", "app=clerk", "10.2.0.2", "fd00::2:2", NamedPort{"pay", corev1.ProtocolTCP, 90}),
		},
	}
}

// packet is the beginning of a connection.
type packet struct {
	from, to string
	protocol corev1.Protocol
	port     uint16
}

func tcp(from, to string, port uint16) packet { return packet{from, to, corev1.ProtocolTCP, port} }

// passes follows the rules in the order in which the kernel does.
func (r Rules) passes(p packet) bool {
	from, to := netip.MustParseAddr(p.from), netip.MustParseAddr(p.to)
	return r.Egress.passes(from, to, to, p) && r.Ingress.passes(to, from, to, p)
}

func (d Direction) passes(subject, peer, server netip.Addr, p packet) bool {
	for _, group := range d.Groups {
		for _, pod := range group.Pods {
			if !slices.Contains(pod.Addresses, subject) || subject == peer {
				continue
			}
			return slices.ContainsFunc(group.Policies, func(position int) bool {
				return slices.ContainsFunc(d.Policies[position].Rules, func(rule Rule) bool {
					return rule.passes(peer, server, p)
				})
			})
		}
	}
	return true
}

func (r Rule) passes(peer, server netip.Addr, p packet) bool {
	return (r.AnyPeer || contains(r.Peers, peer)) &&
		(r.AnyPort || slices.Contains(r.Endpoints, endpoint{server, p.protocol, p.port}) ||
			slices.ContainsFunc(r.Ports[p.protocol], func(ports portRange) bool { return ports.From <= p.port && p.port <= ports.To }))
}
