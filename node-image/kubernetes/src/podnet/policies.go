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
	e := enforcer{
		client: client, self: self, changed: changed, policies: policies,
		newPods: newPods{directory: newPodsDirectory}, table: nftTable{name: policy.Table},
	}
	for {
		started := time.Now()
		next := resync
		if err := e.enforce(ctx); err != nil && ctx.Err() == nil {
			e.report.failed(fmt.Errorf("policies: %w", err))
			next = retry
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

type enforcer struct {
	client   kubernetes.Interface
	self     string
	changed  signals
	policies cache.Store
	// What policies select from, while there are policies.
	pods, namespaces cache.Store
	stopSubjects     context.CancelFunc
	newPods          newPods
	table            nftTable
	report           reporter
}

// enforce makes the table as the cluster is now.
func (e *enforcer) enforce(ctx context.Context) error {
	cluster := policy.Cluster{Policies: listed[*networkingv1.NetworkPolicy](e.policies)}
	if len(cluster.Policies) == 0 {
		e.forgetSubjects()
	} else {
		if err := e.watchSubjects(ctx); err != nil {
			e.forgetSubjects()
			return err
		}
		e.addSubjects(&cluster)
	}
	rules, invalid := policy.Compile(&cluster)
	if err := e.table.set(rules.Text()); err != nil {
		return err
	}
	e.newPods.inForce()
	if invalid != nil {
		e.report.failed(invalid)
		return nil
	}
	e.report.done(fmt.Sprintf("podnet: %d policies, isolated here: %d pods for ingress, %d for egress",
		len(cluster.Policies), rules.Ingress.Isolated(), rules.Egress.Isolated()))
	return nil
}

func (e *enforcer) watchSubjects(ctx context.Context) error {
	if e.stopSubjects != nil {
		return nil
	}
	ctx, e.stopSubjects = context.WithCancel(ctx)
	core := e.client.CoreV1().RESTClient()
	var err error
	e.namespaces, err = watch(ctx, source{client: core, resource: "namespaces", example: &corev1.Namespace{}, keep: keepNamespace}, e.changed)
	if err != nil {
		return err
	}
	e.pods, err = watch(ctx, source{client: core, resource: "pods", example: &corev1.Pod{}, selector: networkedPods, keep: keepPod}, e.changed)
	if err != nil {
		return err
	}
	return e.newPods.start(e.changed)
}

func (e *enforcer) forgetSubjects() {
	if e.stopSubjects != nil {
		e.stopSubjects()
	}
	e.stopSubjects, e.pods, e.namespaces = nil, nil, nil
	e.newPods.stop()
}

func (e *enforcer) addSubjects(cluster *policy.Cluster) {
	cluster.Namespaces = map[string]labels.Set{}
	for _, namespace := range listed[*corev1.Namespace](e.namespaces) {
		cluster.Namespaces[namespace.Name] = namespace.Labels
	}
	for _, pod := range listed[*corev1.Pod](e.pods) {
		cluster.Pods = append(cluster.Pods, policyPod(pod, e.self))
	}
	e.newPods.complete(cluster)
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
