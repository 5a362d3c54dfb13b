package policy

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	netutils "k8s.io/utils/net"
)

// addressRange is From to To, both included, of one family.
type addressRange struct{ From, To netip.Addr }

func single(address netip.Addr) addressRange { return addressRange{address, address} }

func (r addressRange) String() string {
	if r.From == r.To {
		return r.From.String()
	}
	return r.From.String() + "-" + r.To.String()
}

// merged sorts ranges and joins those that overlap or touch: nft refuses
// intervals of one set that overlap.
func merged(ranges []addressRange) []addressRange {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b addressRange) int { return a.From.Compare(b.From) })
	var out []addressRange
	for _, next := range ranges {
		last := len(out) - 1
		// The last address of a family has no successor, so families stay apart.
		if last >= 0 && sameFamily(out[last].To, next.From) &&
			(next.From.Compare(out[last].To) <= 0 || next.From == out[last].To.Next()) {
			if next.To.Compare(out[last].To) > 0 {
				out[last].To = next.To
			}
			continue
		}
		out = append(out, next)
	}
	return out
}

// without cuts the holes out of one range.
func (r addressRange) without(holes []addressRange) []addressRange {
	var out []addressRange
	for _, hole := range merged(holes) {
		if !sameFamily(hole.From, r.From) || hole.To.Compare(r.From) < 0 {
			continue
		}
		if hole.From.Compare(r.To) > 0 {
			break
		}
		if hole.From.Compare(r.From) > 0 {
			out = append(out, addressRange{r.From, hole.From.Prev()})
		}
		if hole.To.Compare(r.To) >= 0 {
			return out
		}
		r.From = hole.To.Next()
	}
	return append(out, r)
}

// contains expects merged ranges.
func contains(ranges []addressRange, address netip.Addr) bool {
	_, found := slices.BinarySearchFunc(ranges, address, func(r addressRange, address netip.Addr) int {
		switch {
		case r.To.Compare(address) < 0:
			return -1
		case r.From.Compare(address) > 0:
			return 1
		}
		return 0
	})
	return found
}

func sameFamily(a, b netip.Addr) bool { return a.Is4() == b.Is4() }

// blockRanges is an ipBlock without its exceptions.
func blockRanges(block *networkingv1.IPBlock) ([]addressRange, error) {
	all, err := cidrRange(block.CIDR)
	if err != nil {
		return nil, err
	}
	var holes []addressRange
	for _, except := range block.Except {
		hole, err := cidrRange(except)
		if err != nil {
			return nil, err
		}
		holes = append(holes, hole)
	}
	return all.without(holes), nil
}

// cidrRange accepts what the API server accepts, leading zeros included.
func cidrRange(text string) (addressRange, error) {
	_, network, err := netutils.ParseCIDRSloppy(text)
	if err != nil {
		return addressRange{}, fmt.Errorf("invalid CIDR %q", text)
	}
	last := make(net.IP, len(network.IP))
	for i := range network.IP {
		last[i] = network.IP[i] | ^network.Mask[i]
	}
	from, _ := netip.AddrFromSlice(network.IP)
	to, _ := netip.AddrFromSlice(last)
	return addressRange{from, to}, nil
}
