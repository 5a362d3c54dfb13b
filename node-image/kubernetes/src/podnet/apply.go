package podnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
)

const (
	// Where the podnet-ipam plugin looks for this node's ranges.
	rangesFile = "/run/podnet/ipam.json"
	// The network's definition as the node prepared it, and where containerd
	// reads it. Clusters made by skiff have it there before kubelet starts.
	preparedConflist  = "/kind/cni/10-podnet.conflist"
	installedConflist = "/etc/cni/net.d/10-podnet.conflist"
)

// apply makes the node agree with the list of nodes and says in one line what
// it did.
func apply(self string, nodes []*corev1.Node, nets clusterNets) (string, error) {
	var own []string
	routes := 0
	for _, node := range nodes {
		if node.Name == self {
			own = node.Spec.PodCIDRs
			continue
		}
		for _, cidr := range node.Spec.PodCIDRs {
			set, err := routeTo(cidr, node)
			if err != nil {
				return "", fmt.Errorf("route to %s of %s: %w", cidr, node.Name, err)
			}
			if set {
				routes++
			}
		}
	}
	if len(own) > 0 {
		if err := writeRanges(own); err != nil {
			return "", err
		}
		if err := installConflist(); err != nil {
			return "", err
		}
	}
	if err := writeTable(nets); err != nil {
		return "", err
	}
	return fmt.Sprintf("podnet: own ranges %v, %d routes to peers", own, routes), nil
}

// routeTo leads a peer's pods through that peer's address of the same family.
func routeTo(cidr string, node *corev1.Node) (bool, error) {
	_, destination, err := net.ParseCIDR(cidr)
	if err != nil {
		return false, err
	}
	for _, address := range node.Status.Addresses {
		gateway := net.ParseIP(address.Address)
		if address.Type != corev1.NodeInternalIP || gateway == nil || isV4(gateway) != isV4(destination.IP) {
			continue
		}
		return true, netlink.RouteReplace(&netlink.Route{Dst: destination, Gw: gateway})
	}
	return false, nil // not registered with an address yet
}

// writeRanges stores the ranges as the "ipam" part of a host-local
// configuration: the file appears whole or not at all.
func writeRanges(cidrs []string) error {
	type subnet struct {
		Subnet string `json:"subnet"`
	}
	type route struct {
		Dst string `json:"dst"`
	}
	var ranges [][]subnet
	var routes []route
	for _, cidr := range cidrs {
		ranges = append(ranges, []subnet{{cidr}})
		if strings.Contains(cidr, ":") {
			routes = append(routes, route{"::/0"})
		} else {
			routes = append(routes, route{"0.0.0.0/0"})
		}
	}
	text, err := json.Marshal(map[string]any{
		"type": "host-local", "dataDir": "/run/cni-ipam-state", "ranges": ranges, "routes": routes,
	})
	if err != nil {
		return err
	}
	return writeWhole(rangesFile, text)
}

func installConflist() error {
	text, err := os.ReadFile(preparedConflist)
	if err != nil {
		return err
	}
	return writeWhole(installedConflist, text)
}

// writeWhole puts a file in place by renaming; an equal one is left alone.
func writeWhole(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// writeTable replaces the agent's nftables table in one transaction.
func writeTable(nets clusterNets) error {
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(table(nets))
	if output, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, output)
	}
	return nil
}

// table renders the rules: what pods send outside leaves under the node's
// address, and packets to a service that kube-proxy has not translated (it has
// no endpoint, or kube-proxy is still starting) are refused at once instead of
// getting lost, so that clients try again at once.
func table(nets clusterNets) string {
	var out strings.Builder
	out.WriteString("table inet podnet\ndelete table inet podnet\ntable inet podnet {\n")
	out.WriteString("  chain outgoing {\n    type nat hook postrouting priority srcnat;\n")
	for _, family := range []string{"ip", "ip6"} {
		pods := ofFamily(nets.pods, family)
		if len(pods) == 0 {
			continue
		}
		set := "{ " + strings.Join(pods, ", ") + " }"
		fmt.Fprintf(&out, "    %s saddr %s %s daddr != %s masquerade\n", family, set, family, set)
	}
	out.WriteString("  }\n")
	for _, hook := range []string{"forward", "output"} {
		fmt.Fprintf(&out, "  chain refuse_%s {\n    type filter hook %s priority 10;\n", hook, hook)
		for _, family := range []string{"ip", "ip6"} {
			services := ofFamily(nets.services, family)
			if len(services) == 0 {
				continue
			}
			set := "{ " + strings.Join(services, ", ") + " }"
			fmt.Fprintf(&out, "    %s daddr %s meta l4proto tcp reject with tcp reset\n", family, set)
			fmt.Fprintf(&out, "    %s daddr %s reject\n", family, set)
		}
		out.WriteString("  }\n")
	}
	out.WriteString("}\n")
	return out.String()
}

func ofFamily(cidrs []string, family string) []string {
	var out []string
	for _, cidr := range cidrs {
		if ip, network, err := net.ParseCIDR(cidr); err == nil && isV4(ip) == (family == "ip") {
			out = append(out, network.String())
		}
	}
	return out
}

func isV4(ip net.IP) bool { return ip.To4() != nil }

func splitList(text string) []string {
	var out []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
