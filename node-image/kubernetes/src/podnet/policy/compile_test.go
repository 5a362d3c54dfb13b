package policy

import (
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

const (
	till, newTill, clerk   = "10.1.0.1", "10.1.0.2", "10.1.0.3"
	guest, otherClerk      = "10.2.0.1", "10.2.0.2"
	outside, till6, guest6 = "192.0.2.7", "fd00::1", "fd00::2:1"
)

func TestWhatPasses(t *testing.T) {
	udp := packet{guest, till, corev1.ProtocolUDP, 53}
	sctp := packet{guest, till, corev1.ProtocolSCTP, 9}
	cases := []struct {
		name, spec      string
		passes, stopped []packet
	}{
		{"an empty podSelector selects the namespace", `{podSelector: {}}`,
			[]packet{tcp(till, till, 80), tcp(till, guest, 80), tcp(guest, otherClerk, 80)},
			[]packet{tcp(guest, till, 80), tcp(clerk, till, 80), tcp(guest6, till6, 80), udp}},
		{"only selected pods are isolated", `{podSelector: {matchLabels: {app: till}}}`,
			[]packet{tcp(guest, clerk, 80)}, []packet{tcp(guest, till, 80), tcp(guest, newTill, 80)}},
		{"an empty rule allows everything", `{podSelector: {}, ingress: [{}]}`,
			[]packet{tcp(guest, till, 80), tcp(outside, till, 1), udp, sctp}, nil},
		{"policyTypes default to egress if there are egress rules", `{podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}]}]}`,
			[]packet{{till, outside, corev1.ProtocolUDP, 53}},
			[]packet{tcp(till, outside, 53), tcp(guest, till, 80)}},
		{"egress alone leaves ingress open", `{podSelector: {}, policyTypes: [Egress]}`,
			[]packet{tcp(guest, till, 80), tcp(till, till, 80)},
			[]packet{tcp(till, guest, 80), tcp(till, outside, 80), tcp(clerk, till, 80)}},
		{"a podSelector means the policy's namespace", `{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: clerk}}}]}]}`,
			[]packet{tcp(clerk, till, 80)}, []packet{tcp(otherClerk, till, 80), tcp(guest, till, 80)}},
		{"a namespaceSelector means all its pods", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {open: "yes"}}}]}]}`,
			[]packet{tcp(guest, till, 80), tcp(otherClerk, till, 80), tcp(guest6, till6, 80)}, []packet{tcp(clerk, till, 80)}},
		{"an empty namespaceSelector means all pods, not the outside", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`,
			[]packet{tcp(guest, till, 80), tcp(clerk, till, 80)}, []packet{tcp(outside, till, 80)}},
		{"both selectors of one peer must match",
			`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {open: "yes"}}, podSelector: {matchExpressions: [{key: app, operator: In, values: [clerk]}]}}]}]}`,
			[]packet{tcp(otherClerk, till, 80)}, []packet{tcp(guest, till, 80), tcp(clerk, till, 80)}},
		{"one of several peers is enough",
			`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: clerk}}}, {ipBlock: {cidr: 192.0.2.0/24}}]}]}`,
			[]packet{tcp(clerk, till, 80), tcp(outside, till, 80)}, []packet{tcp(guest, till, 80)}},
		{"an ipBlock has exceptions, for pods as well",
			`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.2.0.0/31, 192.0.2.7/32, 192.0.2.0/28]}}]}]}`,
			[]packet{tcp(otherClerk, till, 80), tcp("192.0.2.16", till, 80)},
			[]packet{tcp(guest, till, 80), tcp(outside, till, 80), tcp(guest6, till6, 80)}},
		{"an ipBlock of IPv6", `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "fd00::/16"}}]}]}`,
			[]packet{tcp(guest6, till6, 80)}, []packet{tcp(guest, till, 80)}},
		{"ports need the right protocol",
			`{podSelector: {}, ingress: [{ports: [{port: 53, protocol: UDP}, {protocol: SCTP}, {port: 80}]}]}`,
			[]packet{udp, sctp, tcp(guest, till, 80)}, []packet{tcp(guest, till, 53), {guest, till, corev1.ProtocolUDP, 80}}},
		{"endPort is part of the range",
			`{podSelector: {}, ingress: [{ports: [{port: 80, endPort: 90}, {port: 85, endPort: 95}]}]}`,
			[]packet{tcp(guest, till, 80), tcp(guest, till, 90), tcp(guest, till, 95)},
			[]packet{tcp(guest, till, 79), tcp(guest, till, 96)}},
		{"a named port is each receiver's own", `{podSelector: {}, ingress: [{ports: [{port: pay}]}]}`,
			[]packet{tcp(guest, till, 80), tcp(guest, newTill, 8080), tcp(guest6, till6, 80)},
			[]packet{tcp(guest, till, 8080), tcp(guest, newTill, 80), tcp(guest, clerk, 80)}},
		{"a named port for egress is the destination's",
			`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: pay}], to: [{namespaceSelector: {matchLabels: {open: "yes"}}}]}]}`,
			[]packet{tcp(till, otherClerk, 90)}, []packet{tcp(till, otherClerk, 80), tcp(clerk, till, 80), tcp(till, outside, 90)}},
		{"a named port for egress to everywhere is that of any pod", `{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: pay}]}]}`,
			[]packet{tcp(till, otherClerk, 90), tcp(clerk, newTill, 8080)}, []packet{tcp(till, outside, 90), tcp(till, guest, 90)}},
		{"a named port that nobody has allows nothing", `{podSelector: {}, ingress: [{ports: [{port: none}]}]}`,
			nil, []packet{tcp(guest, till, 80)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rules, err := Compile(town(spec(t, "a", c.spec)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.passes {
				if !rules.passes(p) {
					t.Errorf("%v is stopped", p)
				}
			}
			for _, p := range c.stopped {
				if rules.passes(p) {
					t.Errorf("%v passes", p)
				}
			}
		})
	}
}

func TestPoliciesAddUp(t *testing.T) {
	rules, err := Compile(town(
		spec(t, "closed", `{podSelector: {}, policyTypes: [Ingress, Egress]}`),
		spec(t, "guests", `{podSelector: {matchLabels: {app: till}}, ingress: [{from: [{namespaceSelector: {matchLabels: {open: "yes"}}}]}]}`),
		spec(t, "clerks-in", `{podSelector: {matchLabels: {app: till}}, ingress: [{from: [{podSelector: {}}]}]}`),
		spec(t, "clerks-out", `{podSelector: {matchLabels: {app: clerk}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}`),
	))
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[packet]bool{
		tcp(guest, till, 80): true, tcp(guest, clerk, 80): false,
		tcp(clerk, till, 80): true, tcp(till, clerk, 80): false, tcp(till, newTill, 80): false,
	} {
		if rules.passes(p) != want {
			t.Errorf("%v passes: %v", p, !want)
		}
	}
	if len(rules.Ingress.Groups) != 2 {
		t.Errorf("the two tills have the same policies: %v", rules.Ingress.Groups)
	}
}

func TestAnInvalidPolicyAllowsNothingAndIsAlone(t *testing.T) {
	for name, text := range map[string]string{
		"CIDR":     `{podSelector: {matchLabels: {app: till}}, ingress: [{}, {from: [{ipBlock: {cidr: 10.0.0.0/99}}]}]}`,
		"except":   `{podSelector: {matchLabels: {app: till}}, ingress: [{}, {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}]}]}`,
		"selector": `{podSelector: {matchExpressions: [{key: app, operator: Like}]}, ingress: [{}]}`,
		"peer":     `{podSelector: {matchLabels: {app: till}}, ingress: [{from: [{}]}]}`,
		"protocol": `{podSelector: {matchLabels: {app: till}}, ingress: [{ports: [{protocol: ICMP}]}]}`,
		"ports":    `{podSelector: {matchLabels: {app: till}}, ingress: [{ports: [{port: 9, endPort: 8}]}]}`,
	} {
		rules, err := Compile(town(spec(t, "bad", text),
			spec(t, "good", `{podSelector: {matchLabels: {app: till}}, ingress: [{ports: [{port: 80}]}]}`)))
		if err == nil || !strings.Contains(err.Error(), "shop/bad") {
			t.Errorf("%s: %v", name, err)
		}
		if rules.passes(tcp(guest, till, 81)) || !rules.passes(tcp(guest, till, 80)) {
			t.Errorf("%s: the good policy does not decide alone", name)
		}
	}
}

func TestOnlyPodsOfThisNodeHaveRules(t *testing.T) {
	policy := spec(t, "a", `{podSelector: {}, policyTypes: [Ingress, Egress]}`)
	policy.Namespace = "street"
	rules, err := Compile(town(policy))
	if err != nil || rules.Ingress.Isolated()+rules.Egress.Isolated() != 0 {
		t.Errorf("%v, %v", rules, err)
	}
}

func TestAnAddressBelongsToTheNewestPod(t *testing.T) {
	address := []netip.Addr{netip.MustParseAddr(till)}
	cluster := town(spec(t, "a", `{podSelector: {matchLabels: {age: old}}}`))
	for name, c := range map[string]struct {
		old, new Pod
		isolated bool
	}{
		"by creation": {Pod{Age: 1}, Pod{Age: 2}, false},
		"by deletion": {Pod{Age: 2, Leaving: true}, Pod{Age: 1}, false},
		"still there": {Pod{Age: 2}, Pod{Age: 1}, true},
	} {
		c.old.Labels, c.new.Labels = map[string]string{"age": "old"}, map[string]string{"age": "new"}
		for i, pod := range []*Pod{&c.old, &c.new} {
			pod.Namespace, pod.Name, pod.Addresses, pod.Here = "shop", []string{"old", "new"}[i], address, true
		}
		for _, pods := range [][]Pod{{c.old, c.new}, {c.new, c.old}} {
			rules, _ := Compile(&Cluster{Policies: cluster.Policies, Namespaces: cluster.Namespaces, Pods: pods})
			if rules.passes(tcp(guest, till, 80)) == c.isolated {
				t.Errorf("%s: isolated is %v", name, !c.isolated)
			}
		}
	}
}

func TestNoPoliciesNoRules(t *testing.T) {
	for _, policies := range [][]*networkingv1.NetworkPolicy{nil, {spec(t, "a", `{podSelector: {matchLabels: {app: nothing}}}`)}} {
		rules, _ := Compile(town(policies...))
		if text := rules.Text(); text != "table inet podnet_policy\ndelete table inet podnet_policy\n" {
			t.Error(text)
		}
	}
}
