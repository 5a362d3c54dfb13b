package podnet

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"

	"skiff/kubernetes/podnet/policy"
)

// While this directory exists, the podnet-ipam plugin writes each new pod's
// addresses to a file NAMESPACE_NAME in it, and the pod does not start before
// podnet has removed the file. So a pod's policies are in force before its
// first packet; the API server knows the addresses only once it runs.
const newPodsDirectory = "/run/podnet/new-pods"

type newPods struct {
	directory string
	watcher   *fsnotify.Watcher
	// By the file's name, until the API server knows them.
	addresses map[string][]netip.Addr
	// Files whose pods are among those being applied.
	applying []string
}

func (n *newPods) start(changed signals) error {
	n.addresses = map[string][]netip.Addr{}
	if err := os.MkdirAll(n.directory, 0o755); err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	n.watcher = watcher
	go func() {
		for event := range watcher.Events {
			if event.Has(fsnotify.Create) {
				changed.send()
			}
		}
	}()
	go func() {
		for range watcher.Errors {
			changed.send() // events were lost
		}
	}()
	return watcher.Add(n.directory)
}

// stop lets pods start without waiting.
func (n *newPods) stop() {
	if n.watcher != nil {
		n.watcher.Close()
		n.watcher = nil
	}
	os.RemoveAll(n.directory)
}

// complete gives the cluster's pods the addresses that they have got meanwhile.
func (n *newPods) complete(cluster *policy.Cluster) {
	files := map[string]bool{}
	entries, _ := os.ReadDir(n.directory)
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(n.directory, entry.Name()))
		if err != nil || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		files[entry.Name()] = true
		n.addresses[entry.Name()] = parseAddresses(string(text))
	}
	n.applying = nil
	current := map[string][]netip.Addr{}
	for i := range cluster.Pods {
		pod := &cluster.Pods[i]
		name := pod.Namespace + "_" + pod.Name
		noted, found := n.addresses[name]
		if !pod.Here || !found {
			continue
		}
		if files[name] {
			n.applying = append(n.applying, name)
		}
		missing := slices.DeleteFunc(slices.Clone(noted), func(address netip.Addr) bool {
			return slices.Contains(pod.Addresses, address)
		})
		pod.Addresses = append(pod.Addresses, missing...)
		if len(missing) > 0 || files[name] {
			current[name] = noted
		}
	}
	// Pods that are not known yet keep their files for the next time.
	n.addresses = current
}

// inForce lets the pods of the rules just loaded start.
func (n *newPods) inForce() {
	for _, name := range n.applying {
		os.Remove(filepath.Join(n.directory, name))
	}
	n.applying = nil
}

func parseAddresses(text string) []netip.Addr {
	var out []netip.Addr
	for _, line := range strings.Fields(text) {
		if prefix, err := netip.ParsePrefix(line); err == nil {
			out = append(out, prefix.Addr())
		}
	}
	return out
}
