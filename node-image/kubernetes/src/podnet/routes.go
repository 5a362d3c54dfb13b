package podnet

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// Marks podnet's routes in the kernel: a number that no program of
// iproute2's rt_protos has.
const routeProtocol = netlink.RouteProtocol(112)

// peerRoute leads a peer's pods through that peer's address of the same family.
type peerRoute struct{ destination, gateway string }

func routesTo(node *corev1.Node) ([]peerRoute, error) {
	var out []peerRoute
	for _, cidr := range node.Spec.PodCIDRs {
		_, destination, err := net.ParseCIDR(cidr)
		if err != nil {
			return nil, err
		}
		// A node that has just registered has no address yet.
		for _, address := range node.Status.Addresses {
			gateway := net.ParseIP(address.Address)
			if address.Type == corev1.NodeInternalIP && gateway != nil && isV4(gateway) == isV4(destination.IP) {
				out = append(out, peerRoute{destination.String(), gateway.String()})
				break
			}
		}
	}
	return out, nil
}

// setRoutes adds what is missing among the kernel's routes of podnet, and
// removes those that are not wanted: of nodes that are gone.
func setRoutes(wanted []peerRoute) error {
	present, err := netlink.RouteListFiltered(netlink.FAMILY_ALL,
		&netlink.Route{Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("listing routes: %w", err)
	}
	missing, surplus := compareRoutes(present, wanted)
	for _, route := range surplus {
		if err := netlink.RouteDel(&route); err != nil {
			return fmt.Errorf("removing the route to %s: %w", route.Dst, err)
		}
	}
	for _, route := range missing {
		_, destination, err := net.ParseCIDR(route.destination)
		if err != nil {
			return err
		}
		err = netlink.RouteReplace(&netlink.Route{Dst: destination, Gw: net.ParseIP(route.gateway), Protocol: routeProtocol})
		if err != nil {
			return fmt.Errorf("route to %s through %s: %w", route.destination, route.gateway, err)
		}
	}
	return nil
}

// compareRoutes counts a route whose gateway has changed as missing only: it is
// replaced, so that packets always have one.
func compareRoutes(present []netlink.Route, wanted []peerRoute) (missing []peerRoute, surplus []netlink.Route) {
	there := map[peerRoute]bool{}
	destinations := map[string]bool{}
	for _, route := range wanted {
		destinations[route.destination] = true
	}
	for _, route := range present {
		if route.Dst == nil || !destinations[route.Dst.String()] {
			surplus = append(surplus, route)
			continue
		}
		there[peerRoute{route.Dst.String(), route.Gw.String()}] = true
	}
	for _, route := range wanted {
		if !there[route] {
			missing = append(missing, route)
		}
	}
	return missing, surplus
}
