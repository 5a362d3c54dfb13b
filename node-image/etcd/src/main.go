// One program for etcd and its two tools, as in Kubernetes' own etcd image:
// which one it is depends on the name that it is called by. They share most of
// their code, so one binary under three names is half the size of three.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "etcdctl":
		ctlv3.MustStart()
	case "etcdutl":
		offline()
	default:
		fmt.Fprintf(os.Stderr, "%s: no such program in this binary\n", name)
		os.Exit(2)
	}
}
