package podnet

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"skiff/kubernetes/podnet/policy"
)

func TestNewPods(t *testing.T) {
	notes := newPods{directory: filepath.Join(t.TempDir(), "new-pods")}
	changed := make(signals, 1)
	if err := notes.start(changed); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(notes.directory, "shop_till")
	if err := os.WriteFile(file, []byte("10.244.1.2/24\nfd00::2/64\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	<-changed

	addresses := func(known ...netip.Addr) int {
		cluster := policy.Cluster{Pods: []policy.Pod{{Namespace: "shop", Name: "till", Here: true, Addresses: known}}}
		notes.complete(&cluster)
		return len(cluster.Pods[0].Addresses)
	}
	gone := func() bool {
		_, err := os.Stat(file)
		return os.IsNotExist(err)
	}

	notes.complete(&policy.Cluster{})
	if notes.inForce(); gone() {
		t.Error("a pod that is not known yet may start")
	}
	if addresses() != 2 || gone() {
		t.Error("the addresses are not those of the file, or the pod may start before its rules are loaded")
	}
	if notes.inForce(); !gone() {
		t.Error("the pod may not start")
	}
	if addresses() != 2 {
		t.Error("the addresses are lost before the API server knows them")
	}
	if addresses(netip.MustParseAddr("10.244.1.2"), netip.MustParseAddr("fd00::2")) != 2 || len(notes.addresses) != 0 {
		t.Error("what the API server knows is kept")
	}
	if notes.stop(); addresses() != 0 {
		t.Error("stopped, and yet addresses")
	}
	if _, err := os.Stat(notes.directory); !os.IsNotExist(err) {
		t.Error("pods wait although nothing lets them go on")
	}
}
