package podnet

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The functions here cut objects down to what podnet needs of them. They get
// anything a cache may hold, and may see an object twice.

func keepNode(object any) any {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object
	}
	out := &corev1.Node{ObjectMeta: identity(node.ObjectMeta)}
	out.Spec.PodCIDRs = node.Spec.PodCIDRs
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			out.Status.Addresses = append(out.Status.Addresses, address)
		}
	}
	return out
}

func keepNamespace(object any) any {
	namespace, ok := object.(*corev1.Namespace)
	if !ok {
		return object
	}
	out := &corev1.Namespace{ObjectMeta: identity(namespace.ObjectMeta)}
	out.Labels = namespace.Labels
	return out
}

func keepPolicy(object any) any {
	policy, ok := object.(*networkingv1.NetworkPolicy)
	if !ok {
		return object
	}
	return &networkingv1.NetworkPolicy{ObjectMeta: identity(policy.ObjectMeta), Spec: policy.Spec}
}

func keepPod(object any) any {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object
	}
	out := &corev1.Pod{ObjectMeta: identity(pod.ObjectMeta)}
	out.Labels = pod.Labels
	out.CreationTimestamp = pod.CreationTimestamp
	out.DeletionTimestamp = pod.DeletionTimestamp
	out.Spec.NodeName = pod.Spec.NodeName
	out.Status.PodIPs = pod.Status.PodIPs
	out.Spec.Containers = keepPorts(pod.Spec.Containers)
	// Sidecars are init containers that keep running; their ports have names too.
	out.Spec.InitContainers = keepPorts(pod.Spec.InitContainers)
	return out
}

func keepPorts(containers []corev1.Container) []corev1.Container {
	var ports []corev1.ContainerPort
	for _, container := range containers {
		for _, port := range container.Ports {
			if port.Name != "" {
				ports = append(ports, corev1.ContainerPort{Name: port.Name, ContainerPort: port.ContainerPort, Protocol: port.Protocol})
			}
		}
	}
	if len(ports) == 0 {
		return nil
	}
	return []corev1.Container{{Ports: ports}}
}

func identity(of metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: of.Namespace, Name: of.Name, ResourceVersion: of.ResourceVersion}
}
