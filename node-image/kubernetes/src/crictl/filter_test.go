package crictl

import (
	"slices"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func container(name, namespace string, created int64) *cri.Container {
	return &cri.Container{
		Id:        name,
		Metadata:  &cri.ContainerMetadata{Name: name},
		Labels:    map[string]string{podNamespaceLabel: namespace},
		CreatedAt: created,
	}
}

func TestContainersAreChosenByPatternNewestFirst(t *testing.T) {
	all := []*cri.Container{
		container("etcd", "kube-system", 1), container("coredns", "kube-system", 3),
		container("coredns", "other", 2), container("web", "default", 4),
	}
	for _, c := range []struct {
		filter filter
		want   []int64
	}{
		{filter{}, []int64{4, 3, 2, 1}},
		{filter{name: "core"}, []int64{3, 2}},
		{filter{name: "^etcd$"}, []int64{1}},
		{filter{name: "core", namespace: "kube"}, []int64{3}},
		{filter{latest: true}, []int64{4}},
		{filter{last: 2, name: "core|etcd"}, []int64{3, 2}},
		{filter{last: 9}, []int64{4, 3, 2, 1}},
	} {
		chosen, err := choose(&c.filter, all,
			func(each *cri.Container) string { return each.GetMetadata().GetName() },
			func(each *cri.Container) string { return each.GetLabels()[podNamespaceLabel] })
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, each := range chosen {
			got = append(got, each.GetCreatedAt())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
		}
	}
	if _, err := choose(&filter{name: "("}, all, nil, nil); err == nil {
		t.Error("an invalid pattern must be refused")
	}
}

func TestWhatTheRuntimeIsAsked(t *testing.T) {
	running := cri.ContainerState_CONTAINER_RUNNING
	for _, c := range []struct {
		filter filter
		want   *cri.ContainerState
	}{
		{filter{}, &running},
		{filter{state: "Running"}, &running},
		{filter{all: true, state: "running"}, &running},
		{filter{all: true}, nil},
		{filter{latest: true}, nil},
		{filter{last: 2, state: "running"}, nil},
	} {
		asked, err := c.filter.asked()
		if err != nil {
			t.Fatal(err)
		}
		if (asked.GetState() == nil) != (c.want == nil) || c.want != nil && asked.GetState().GetState() != *c.want {
			t.Errorf("%+v: %v", c.filter, asked.GetState())
		}
	}
	for _, wrong := range []filter{{state: "dead"}, {labels: []string{"no-value"}}} {
		if _, err := wrong.asked(); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
	f := filter{labels: []string{"a=b=c", "d="}, pod: "p", id: "i"}
	asked, err := f.asked()
	if err != nil || asked.LabelSelector["a"] != "b=c" || len(asked.LabelSelector) != 2 || asked.PodSandboxId != "p" || asked.Id != "i" {
		t.Errorf("%v %v", asked, err)
	}
	f = filter{state: "NotReady"}
	pods, err := f.askedPods()
	if err != nil || pods.GetState().GetState() != cri.PodSandboxState_SANDBOX_NOTREADY {
		t.Errorf("%v %v", pods, err)
	}
	f = filter{state: "running"}
	if _, err := f.askedPods(); err == nil {
		t.Error("pods have no state \"running\"")
	}
}
