package podnet

import (
	"fmt"
	"os/exec"
	"strings"
)

// nftTable is a table of the family inet that podnet owns.
type nftTable struct {
	name string
	// What was loaded last, and how nft lists it: others may change it.
	loaded, listing string
}

// set loads the text, which replaces the table in one transaction, unless the
// kernel has it already. Only podnet makes its tables, so one that does not
// exist needs no second look.
func (t *nftTable) set(text string) error {
	if text == t.loaded && (t.listing == "" || t.list() == t.listing) {
		return nil
	}
	t.loaded = ""
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(text)
	if output, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %.2000s", err, output)
	}
	t.loaded, t.listing = text, t.list()
	return nil
}

// list is empty if the table does not exist.
func (t *nftTable) list() string {
	output, _ := exec.Command("nft", "list", "table", "inet", t.name).Output()
	return string(output)
}

// tableText renders the rules: what pods send outside leaves under the node's
// address, and packets to a service that kube-proxy has not translated (it has
// no endpoint, or kube-proxy is still starting) are refused at once instead of
// getting lost, so that clients try again at once.
func tableText(nets clusterNets) string {
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
