package policy

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Table is the nftables table of the family inet that the rules are in.
const Table = "podnet_policy"

var protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}

// family is how nft names an IP version.
type family struct{ name, keyword, address string }

var families = []family{{"v4", "ip", "ipv4_addr"}, {"v6", "ip6", "ipv6_addr"}}

func (f family) has(address netip.Addr) bool { return address.Is4() == (f.name == "v4") }

// The two ends of a connection, as conntrack knows them. Every packet of either
// direction is judged by these, never by its own addresses:
//   - the first sender of the connection is the client, also in replies, so
//     replies need no rule, and forbidding a connection stops it both ways at
//     once although conntrack still has it;
//   - the reply's source is where the packets really go: the pod behind a
//     Service address, a node port or a host port;
//   - an ICMP error counts to the connection it is about.
const (
	client     = "ct original %s saddr"
	server     = "ct reply %s saddr"
	serverPort = "ct reply proto-src"
)

// Each direction is a chain of its own at the forward hook: accepting in one
// leaves the other its say. Packets of the node itself are not forwarded, so
// kubelet's probes and the pods' way to their own node stay open. Destinations
// are translated before this hook, sources after it.
const hook = "type filter hook forward priority filter - 5; policy accept;"

// Text is the input of `nft -f -` that makes the table as the rules say, in one
// transaction. There is no table at all if no pod is isolated.
func (r Rules) Text() string {
	w := &writer{sets: map[string]string{}}
	w.direction("ingress", r.Ingress, server, client, "daddr")
	w.direction("egress", r.Egress, client, server, "saddr")
	start := fmt.Sprintf("table inet %s\ndelete table inet %s\n", Table, Table)
	if w.chains.Len() == 0 {
		return start
	}
	return start + "table inet " + Table + " {\n" + w.declarations.String() + w.chains.String() + "}\n"
}

type writer struct {
	declarations, chains strings.Builder
	// Names of sets by what is in them.
	sets map[string]string
}

// direction writes one direction's chains: pods are looked up by `subject`,
// rules match `peer`; `field` is the subject in packets without a connection.
func (w *writer) direction(name string, d Direction, subject, peer, field string) {
	if len(d.Groups) == 0 {
		return
	}
	for i, policy := range d.Policies {
		fmt.Fprintf(&w.chains, "  chain %s_%d {\n", name, i)
		for _, rule := range policy.Rules {
			w.rule(rule, peer)
		}
		w.chains.WriteString("  }\n")
	}
	for i, group := range d.Groups {
		fmt.Fprintf(&w.chains, "  chain %s_pods_%d {\n", name, i)
		for _, position := range group.Policies {
			fmt.Fprintf(&w.chains, "    jump %s_%d comment %q\n", name, position, short(d.Policies[position].Name))
		}
		w.chains.WriteString("    drop\n  }\n")
	}
	fmt.Fprintf(&w.chains, "  chain %s {\n    %s\n", name, hook)
	for _, f := range families {
		var lookups, selves []string
		for i, group := range d.Groups {
			for _, address := range addresses(group.Pods, f) {
				lookups = append(lookups, fmt.Sprintf("%s : goto %s_pods_%d", address, name, i))
				selves = append(selves, fmt.Sprintf("%s . %s", address, address))
			}
		}
		if len(lookups) == 0 {
			continue
		}
		lookup := name + "_" + f.name
		fmt.Fprintf(&w.declarations, "  map %s {\n    type %s : verdict\n    elements = { %s }\n  }\n",
			lookup, f.address, strings.Join(lookups, ",\n      "))
		// A pod always reaches itself, through a Service too.
		self := w.set(f.address+" . "+f.address, "", selves)
		fmt.Fprintf(&w.chains, "    "+client+" . "+server+" @%s accept\n", f.keyword, f.keyword, self)
		fmt.Fprintf(&w.chains, "    "+subject+" vmap @%s\n", f.keyword, lookup)
		fmt.Fprintf(&w.chains, "    ct state invalid,untracked %s %s vmap @%s\n", f.keyword, field, lookup)
	}
	w.chains.WriteString("  }\n")
}

// rule writes one line for each combination of family and protocol.
func (w *writer) rule(rule Rule, peer string) {
	if rule.AnyPeer {
		w.ports(rule, "")
	}
	for _, f := range families {
		match := ""
		if !rule.AnyPeer {
			var elements []string
			for _, r := range rule.Peers {
				if f.has(r.From) {
					elements = append(elements, r.String())
				}
			}
			if len(elements) == 0 {
				continue
			}
			match = fmt.Sprintf(peer+" @%s ", f.keyword, w.set(f.address, "flags interval; ", elements))
			w.ports(rule, match)
		}
		w.endpoints(rule, match, f)
	}
}

func (w *writer) ports(rule Rule, match string) {
	if rule.AnyPort {
		fmt.Fprintf(&w.chains, "    %saccept\n", match)
		return
	}
	for _, protocol := range protocols {
		var ports []string
		for _, r := range rule.Ports[protocol] {
			if r.From == r.To {
				ports = append(ports, fmt.Sprint(r.From))
			} else {
				ports = append(ports, fmt.Sprintf("%d-%d", r.From, r.To))
			}
		}
		if len(ports) > 0 {
			fmt.Fprintf(&w.chains, "    %sct protocol %s %s { %s } accept\n", match,
				strings.ToLower(string(protocol)), serverPort, strings.Join(ports, ", "))
		}
	}
}

func (w *writer) endpoints(rule Rule, match string, f family) {
	var elements []string
	for _, e := range rule.Endpoints {
		if f.has(e.Address) {
			elements = append(elements, fmt.Sprintf("%s . %s . %d", e.Address, strings.ToLower(string(e.Protocol)), e.Port))
		}
	}
	if len(elements) > 0 {
		set := w.set(f.address+" . inet_proto . inet_service", "", elements)
		fmt.Fprintf(&w.chains, "    %s"+server+" . ct protocol . %s @%s accept\n", match, f.keyword, serverPort, set)
	}
}

// set declares a set, once for equal ones, and returns its name.
func (w *writer) set(kind, flags string, elements []string) string {
	body := fmt.Sprintf("type %s; %selements = { %s }", kind, flags, strings.Join(elements, ",\n      "))
	if name, known := w.sets[body]; known {
		return name
	}
	name := fmt.Sprintf("set_%d", len(w.sets))
	w.sets[body] = name
	fmt.Fprintf(&w.declarations, "  set %s {\n    %s\n  }\n", name, body)
	return name
}

func addresses(pods []*Pod, f family) []netip.Addr {
	var out []netip.Addr
	for _, pod := range pods {
		for _, address := range pod.Addresses {
			if f.has(address) {
				out = append(out, address)
			}
		}
	}
	return out
}

// short fits a name into nft's limit of 128 bytes for comments.
func short(name string) string { return name[:min(len(name), 120)] }
