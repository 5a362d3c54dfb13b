package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func TestText(t *testing.T) {
	rules, err := Compile(town(
		spec(t, "in", `{podSelector: {matchLabels: {app: clerk}}, ingress: [
			{from: [{ipBlock: {cidr: 10.2.0.0/16}}], ports: [{port: 80}, {port: 90, endPort: 95}, {port: 53, protocol: UDP}]}]}`),
		spec(t, "out", `{podSelector: {matchLabels: {app: clerk}}, policyTypes: [Egress], egress: [{ports: [{port: pay}], to: [{namespaceSelector: {}}]}]}`),
	))
	if err != nil {
		t.Fatal(err)
	}
	text := rules.Text()
	for _, line := range []string{
		"table inet podnet_policy\ndelete table inet podnet_policy\ntable inet podnet_policy {\n",
		"set set_0 {\n    type ipv4_addr; flags interval; elements = { 10.2.0.0-10.2.255.255 }",
		"    ct original ip saddr @set_0 ct protocol tcp ct reply proto-src { 80, 90-95 } accept\n" +
			"    ct original ip saddr @set_0 ct protocol udp ct reply proto-src { 53 } accept\n",
		"    jump ingress_0 comment \"shop/in\"\n    drop\n",
		"map ingress_v4 {\n    type ipv4_addr : verdict\n    elements = { 10.1.0.3 : goto ingress_pods_0 }",
		"map egress_v6 {\n    type ipv6_addr : verdict\n    elements = { fd00::3 : goto egress_pods_0 }",
		"    ct reply ip saddr vmap @ingress_v4\n    ct state invalid,untracked ip daddr vmap @ingress_v4\n",
		"    ct original ip6 saddr vmap @egress_v6\n    ct state invalid,untracked ip6 saddr vmap @egress_v6\n",
		"elements = { 10.1.0.1 . tcp . 80,\n      10.1.0.2 . tcp . 8080,\n      10.2.0.2 . tcp . 90 }",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing:\n%s\nin:\n%s", line, text)
		}
	}
	if strings.Count(text, "10.1.0.3 . 10.1.0.3") != 1 {
		t.Error("equal sets are in the text more than once")
	}
	cluster := town(spec(t, "in", `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`))
	first, _ := Compile(cluster)
	cluster.Pods[0], cluster.Pods[2] = cluster.Pods[2], cluster.Pods[0]
	second, _ := Compile(cluster)
	if first.Text() != second.Text() {
		t.Error("the text depends on the order of the pods")
	}
}

// crowd has 500 pods, a fifth of them here, and 50 policies that select all.
func crowd(t *testing.T) *Cluster {
	cluster := &Cluster{Namespaces: map[string]labels.Set{}}
	for i := range 500 {
		namespace := fmt.Sprintf("n%d", i%5)
		cluster.Namespaces[namespace] = labels.Set{"kubernetes.io/metadata.name": namespace}
		cluster.Pods = append(cluster.Pods, Pod{
			Namespace: namespace, Name: fmt.Sprintf("p%d", i), Here: i%25 < 5, Labels: labels.Set{"app": fmt.Sprintf("a%d", i%50)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), netip.AddrFrom16([16]byte{0xfd, 14: byte(i >> 8), 15: byte(i)})},
			Ports:     []NamedPort{{"web", "TCP", uint16(8000 + i)}},
		})
	}
	for i := range 50 {
		var policy networkingv1.NetworkPolicy
		policy.Namespace, policy.Name = fmt.Sprintf("n%d", i%5), fmt.Sprintf("policy-%d", i)
		peers := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}, PodSelector: &metav1.LabelSelector{}}}
		ports := spec(t, "", `{podSelector: {}, ingress: [{ports: [{port: web}, {port: 53, protocol: UDP}]}]}`).Spec.Ingress[0].Ports
		policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{From: peers, Ports: ports}}
		policy.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{To: peers, Ports: ports}}
		cluster.Policies = append(cluster.Policies, &policy)
	}
	return cluster
}

func TestACrowdTakesLittle(t *testing.T) {
	cluster := crowd(t)
	start := time.Now()
	rules, err := Compile(cluster)
	text := rules.Text()
	if took := time.Since(start); err != nil || took > time.Second {
		t.Errorf("%v, %v", took, err)
	} else {
		t.Logf("%v, %d bytes, %d pods isolated", took, len(text), rules.Ingress.Isolated())
	}
	if len(text) > 1<<20 {
		t.Errorf("%d bytes", len(text))
	}
}
