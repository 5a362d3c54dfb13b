package podnet

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

const (
	// Where the podnet-ipam plugin looks for this node's ranges.
	rangesFile = "/run/podnet/ipam.json"
	// The network's definition as the node prepared it, and where containerd
	// reads it. Clusters made by skiff have it there before kubelet starts.
	preparedConflist  = "/kind/cni/10-podnet.conflist"
	installedConflist = "/etc/cni/net.d/10-podnet.conflist"
)

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
