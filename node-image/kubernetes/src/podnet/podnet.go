// Package podnet is the node's part of the default pod network: it lets pods
// of different nodes reach each other and the outside.
//
// It watches the nodes and keeps three things as they say: the address ranges
// that new pods on this node get (a file, read by the podnet-ipam plugin), one
// route per peer node, and one nftables table.
package podnet

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"
)

// Changes made by others (a flushed table, a deleted route) are mended this often.
const resync = 30 * time.Second

// Main runs the agent until it is told to stop; it returns the exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("NODE_NAME")); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "podnet:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, self string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	// The service address works only once kube-proxy does; the control plane's
	// own endpoint works from the start.
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	subnets, err := clusterSubnets(ctx, client)
	if err != nil {
		return err
	}
	fmt.Printf("podnet on %s: pods %v, services %v\n", self, subnets.pods, subnets.services)

	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err = nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { poke() },
		UpdateFunc: func(any, any) { poke() },
		DeleteFunc: func(any) { poke() },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	var last string
	for {
		all, err := nodes.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
		done, err := apply(self, all, subnets)
		if err != nil {
			// Reported and tried again: a peer may be half registered.
			fmt.Fprintln(os.Stderr, "podnet:", err)
		} else if done != last {
			fmt.Println(done)
			last = done
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(resync):
		}
	}
}

type clusterNets struct {
	pods, services []string
}

// clusterSubnets reads what kubeadm was told; it waits while the API server or
// the ConfigMap is not there yet.
func clusterSubnets(ctx context.Context, client kubernetes.Interface) (clusterNets, error) {
	for {
		found, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
		if err == nil {
			return parseSubnets(found)
		}
		fmt.Fprintln(os.Stderr, "podnet: waiting for the cluster's configuration:", err)
		select {
		case <-ctx.Done():
			return clusterNets{}, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func parseSubnets(config *corev1.ConfigMap) (clusterNets, error) {
	var cluster struct {
		Networking struct {
			PodSubnet     string `json:"podSubnet"`
			ServiceSubnet string `json:"serviceSubnet"`
		} `json:"networking"`
	}
	if err := yaml.Unmarshal([]byte(config.Data["ClusterConfiguration"]), &cluster); err != nil {
		return clusterNets{}, fmt.Errorf("kubeadm-config: %w", err)
	}
	nets := clusterNets{splitList(cluster.Networking.PodSubnet), splitList(cluster.Networking.ServiceSubnet)}
	if len(nets.pods) == 0 {
		return nets, fmt.Errorf("kubeadm-config names no podSubnet")
	}
	return nets, nil
}
