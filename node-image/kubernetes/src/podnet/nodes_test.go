package podnet

import (
	"net"
	"reflect"
	"testing"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
)

func node(cidrs []string, addresses ...string) *corev1.Node {
	var out corev1.Node
	out.Spec.PodCIDRs = cidrs
	for _, address := range addresses {
		out.Status.Addresses = append(out.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	return &out
}

func TestRoutesGoThroughTheAddressOfTheSameFamily(t *testing.T) {
	both := []string{"10.244.1.0/24", "fd00:10:244:1::/64"}
	for _, c := range []struct {
		node *corev1.Node
		want []peerRoute
	}{
		{node(both, "172.18.0.3", "fc00::3"), []peerRoute{{both[0], "172.18.0.3"}, {both[1], "fc00::3"}}},
		{node(both, "fc00::3"), []peerRoute{{both[1], "fc00::3"}}},
		{node(both), nil},
		{node(nil, "172.18.0.3"), nil},
	} {
		found, err := routesTo(c.node)
		if err != nil || !reflect.DeepEqual(found, c.want) {
			t.Errorf("%v, %v instead of %v", found, err, c.want)
		}
	}
}

func TestRoutesOfNodesThatAreGoneAreSurplus(t *testing.T) {
	present := func(cidr, gateway string) netlink.Route {
		_, destination, _ := net.ParseCIDR(cidr)
		return netlink.Route{Dst: destination, Gw: net.ParseIP(gateway)}
	}
	missing, surplus := compareRoutes(
		[]netlink.Route{present("10.244.1.0/24", "172.18.0.3"), present("10.244.2.0/24", "172.18.0.4"), present("10.244.3.0/24", "172.18.0.5")},
		[]peerRoute{{"10.244.1.0/24", "172.18.0.3"}, {"10.244.3.0/24", "172.18.0.9"}, {"10.244.4.0/24", "172.18.0.6"}},
	)
	if want := []peerRoute{{"10.244.3.0/24", "172.18.0.9"}, {"10.244.4.0/24", "172.18.0.6"}}; !reflect.DeepEqual(missing, want) {
		t.Error(missing)
	}
	if len(surplus) != 1 || surplus[0].Dst.String() != "10.244.2.0/24" {
		t.Error(surplus)
	}
}

func TestOnlyWhatPodnetUsesCountsAsAChange(t *testing.T) {
	before := node([]string{"10.244.1.0/24"}, "172.18.0.3")
	before.ResourceVersion = "1"
	heartbeat := before.DeepCopy()
	heartbeat.ResourceVersion = "2"
	heartbeat.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	moved := before.DeepCopy()
	moved.Status.Addresses[0].Address = "172.18.0.4"
	if !equal(keepNode(before), keepNode(heartbeat)) {
		t.Error("a heartbeat counts as a change")
	}
	if equal(keepNode(before), keepNode(moved)) {
		t.Error("another address does not count as a change")
	}
	if !reflect.DeepEqual(keepNode(keepNode(before)), keepNode(before)) {
		t.Error("keeping twice is not the same as keeping once")
	}
}
