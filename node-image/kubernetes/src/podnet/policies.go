package podnet

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"skiff/kubernetes/podnet/policy"
)

// Changes that come within this time are applied together.
const gather = 50 * time.Millisecond

// Pods that policies can apply to, as the API server can filter them: a pod
// that ends is reported as deleted.
var networkedPods = fields.ParseSelectorOrDie("spec.hostNetwork=false,status.phase!=Succeeded,status.phase!=Failed")

// keepPolicies keeps the policy table as the cluster says until ctx ends. While
// the cluster has no NetworkPolicy there is no table, and neither pods nor
// namespaces are watched. It calls `tried` after each attempt, failed or not.
func keepPolicies(ctx context.Context, client kubernetes.Interface, self string, tried func()) error {
	changed := make(signals, 1)
	policies, err := watch(ctx, source{
		client:   client.NetworkingV1().RESTClient(),
		resource: "networkpolicies",
		example:  &networkingv1.NetworkPolicy{},
		keep:     keepPolicy,
	}, changed)
	if err != nil {
		return err
	}
	table := nftTable{name: policy.Table}
	subjects := subjectWatch{client: client, changed: changed}
	defer subjects.stop()
	var report reporter
	for {
		started := time.Now()
		cluster := policy.Cluster{Policies: listed[*networkingv1.NetworkPolicy](policies)}
		if len(cluster.Policies) == 0 {
			subjects.stop()
		} else if err := subjects.fill(ctx, &cluster, self); err != nil {
			return err
		}
		next := resync
		rules, invalid := policy.Compile(&cluster)
		if err := table.set(rules.Text()); err != nil {
			report.failed(fmt.Errorf("policies: %w", err))
			next = retry
		} else {
			subjects.newPods.inForce()
			report.policies(&cluster, rules, invalid)
		}
		tried()
		// Never more than half of the time is spent on this.
		pause := max(gather, time.Since(started))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		case <-changed:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
		}
	}
}

func (r *reporter) policies(cluster *policy.Cluster, rules policy.Rules, invalid error) {
	if invalid != nil {
		r.failed(invalid)
		return
	}
	r.done(fmt.Sprintf("podnet: %d policies, isolated here: %d pods for ingress, %d for egress",
		len(cluster.Policies), rules.Ingress.Isolated(), rules.Egress.Isolated()))
}

// subjectWatch watches what policies select from, while there are policies.
type subjectWatch struct {
	client           kubernetes.Interface
	changed          signals
	cancel           context.CancelFunc
	pods, namespaces cache.Store
	newPods          newPods
}

func (s *subjectWatch) stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.cancel, s.pods, s.namespaces = nil, nil, nil
	s.newPods.stop()
}

func (s *subjectWatch) start(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(ctx)
	core := s.client.CoreV1().RESTClient()
	var err error
	s.namespaces, err = watch(ctx, source{client: core, resource: "namespaces", example: &corev1.Namespace{}, keep: keepNamespace}, s.changed)
	if err != nil {
		return err
	}
	s.pods, err = watch(ctx, source{client: core, resource: "pods", example: &corev1.Pod{}, selector: networkedPods, keep: keepPod}, s.changed)
	if err != nil {
		return err
	}
	return s.newPods.start(s.changed)
}

func (s *subjectWatch) fill(ctx context.Context, cluster *policy.Cluster, self string) error {
	if s.cancel == nil {
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	cluster.Namespaces = map[string]labels.Set{}
	for _, namespace := range listed[*corev1.Namespace](s.namespaces) {
		cluster.Namespaces[namespace.Name] = namespace.Labels
	}
	for _, pod := range listed[*corev1.Pod](s.pods) {
		cluster.Pods = append(cluster.Pods, policyPod(pod, self))
	}
	s.newPods.complete(cluster)
	return nil
}

func policyPod(pod *corev1.Pod, self string) policy.Pod {
	out := policy.Pod{
		Namespace: pod.Namespace,
		Name:      pod.Name,
		Labels:    pod.Labels,
		Here:      pod.Spec.NodeName == self,
		Leaving:   pod.DeletionTimestamp != nil,
		Age:       pod.CreationTimestamp.Unix(),
	}
	for _, ip := range pod.Status.PodIPs {
		if address, err := netip.ParseAddr(ip.IP); err == nil {
			out.Addresses = append(out.Addresses, address)
		}
	}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for _, container := range containers {
			for _, port := range container.Ports {
				out.Ports = append(out.Ports, policy.NamedPort{Name: port.Name, Protocol: port.Protocol, Number: uint16(port.ContainerPort)})
			}
		}
	}
	return out
}
