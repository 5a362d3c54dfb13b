package podnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// clusterNets are the cluster's address ranges, as CIDRs.
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

func splitList(text string) []string {
	var out []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func ofFamily(cidrs []string, family string) []string {
	var out []string
	for _, cidr := range cidrs {
		if ip, network, err := net.ParseCIDR(cidr); err == nil && isV4(ip) == (family == "ip") {
			out = append(out, network.String())
		}
	}
	return out
}

func isV4(ip net.IP) bool { return ip.To4() != nil }
