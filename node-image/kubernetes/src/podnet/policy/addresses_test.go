package policy

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ cidr, except, want string }{
		{"10.0.0.0/8", "", "10.0.0.0-10.255.255.255"},
		{"10.1.2.3/8", "", "10.0.0.0-10.255.255.255"},
		{"010.0.0.1/32", "", "10.0.0.1"},
		{"10.0.0.0/30", "10.0.0.0/32", "10.0.0.1-10.0.0.3"},
		{"10.0.0.0/30", "10.0.0.3/32", "10.0.0.0-10.0.0.2"},
		{"10.0.0.0/30", "10.0.0.1/32,10.0.0.1/32", "10.0.0.0 10.0.0.2-10.0.0.3"},
		{"10.0.0.0/30", "10.0.0.2/31,10.0.0.0/31", ""},
		{"10.0.0.0/30", "10.0.0.0/8", ""},
		{"10.0.0.0/30", "11.0.0.0/8,9.0.0.0/8,fd00::/8", "10.0.0.0-10.0.0.3"},
		{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0-255.255.255.255"},
		{"0.0.0.0/0", "128.0.0.0/1", "0.0.0.0-127.255.255.255"},
		{"::/0", "fd00::/8", "::-fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		block := &networkingv1.IPBlock{CIDR: c.cidr}
		if c.except != "" {
			block.Except = strings.Split(c.except, ",")
		}
		ranges, err := blockRanges(block)
		var found []string
		for _, r := range ranges {
			found = append(found, r.String())
		}
		if err != nil || strings.Join(found, " ") != c.want {
			t.Errorf("%s without %q: %v, %v", c.cidr, c.except, found, err)
		}
	}
}

func TestMergedRangesAreApart(t *testing.T) {
	r := func(from, to string) addressRange {
		return addressRange{netip.MustParseAddr(from), netip.MustParseAddr(to)}
	}
	found := merged([]addressRange{
		r("10.0.0.5", "10.0.0.9"), r("fd00::1", "fd00::1"), r("10.0.0.1", "10.0.0.4"), r("10.0.0.2", "10.0.0.3"),
		r("10.0.0.11", "255.255.255.255"), r("::", "::1"),
	})
	want := []addressRange{r("10.0.0.1", "10.0.0.9"), r("10.0.0.11", "255.255.255.255"), r("::", "::1"), r("fd00::1", "fd00::1")}
	if !reflect.DeepEqual(found, want) {
		t.Error(found)
	}
	for address, inside := range map[string]bool{"10.0.0.1": true, "10.0.0.10": false, "255.255.255.255": true, "fd00::1": true, "fd00::2": false} {
		if contains(found, netip.MustParseAddr(address)) != inside {
			t.Error(address)
		}
	}
}
