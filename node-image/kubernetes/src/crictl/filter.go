package crictl

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// filter chooses among containers or pods.
type filter struct {
	id, name, namespace, pod, image, state string
	labels                                 []string
	all, latest                            bool
	last                                   int
}

// flags are those that containers and pods have in common.
func (f *filter) flags(set *pflag.FlagSet) {
	set.StringVar(&f.id, "id", "", "only the one with this id")
	set.StringVar(&f.name, "name", "", "only those whose name matches this regular expression")
	set.StringVar(&f.namespace, "namespace", "", "only those whose pod's namespace matches this regular expression")
	set.StringVarP(&f.state, "state", "s", "", "only those in this state")
	set.StringSliceVar(&f.labels, "label", nil, "only those with this label, as KEY=VALUE")
	set.BoolVarP(&f.latest, "latest", "l", false, "only the newest")
	set.IntVarP(&f.last, "last", "n", 0, "only this many, the newest")
}

func (f *filter) containerFlags(set *pflag.FlagSet) {
	f.flags(set)
	set.StringVarP(&f.pod, "pod", "p", "", "only those of the pod with this id")
	set.StringVar(&f.image, "image", "", "only those made from this image")
	set.BoolVarP(&f.all, "all", "a", false, "ended ones too")
}

// asked is the part that the runtime itself can answer, for containers.
func (f *filter) asked() (*cri.ContainerFilter, error) {
	labels, err := pairs(f.labels)
	if err != nil {
		return nil, err
	}
	asked := &cri.ContainerFilter{Id: f.id, PodSandboxId: f.pod, LabelSelector: labels}
	wanted := f.state
	if wanted == "" && !f.all {
		wanted = "running"
	}
	if wanted != "" {
		state, known := cri.ContainerState_value["CONTAINER_"+strings.ToUpper(wanted)]
		if !known {
			return nil, fmt.Errorf("--state should be one of created, running, exited or unknown")
		}
		asked.State = &cri.ContainerStateValue{State: cri.ContainerState(state)}
	}
	if f.latest || f.last > 0 {
		asked.State = nil
	}
	return asked, nil
}

// askedPods is the part that the runtime itself can answer, for pods.
func (f *filter) askedPods() (*cri.PodSandboxFilter, error) {
	labels, err := pairs(f.labels)
	if err != nil {
		return nil, err
	}
	asked := &cri.PodSandboxFilter{Id: f.id, LabelSelector: labels}
	if f.state != "" {
		state, known := cri.PodSandboxState_value["SANDBOX_"+strings.ToUpper(f.state)]
		if !known {
			return nil, fmt.Errorf("--state should be ready or notready")
		}
		asked.State = &cri.PodSandboxStateValue{State: cri.PodSandboxState(state)}
	}
	return asked, nil
}

func pairs(labels []string) (map[string]string, error) {
	selector := map[string]string{}
	for _, label := range labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not a label, as KEY=VALUE", label)
		}
		selector[key] = value
	}
	return selector, nil
}

// one is what containers and pods have in common.
type one interface{ GetCreatedAt() int64 }

// choose applies the rest of the filter, newest first.
func choose[T one](f *filter, all []T, name, namespace func(T) string) ([]T, error) {
	names, err := regexp.Compile(f.name)
	if err != nil {
		return nil, err
	}
	namespaces, err := regexp.Compile(f.namespace)
	if err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(each T) bool {
		return !names.MatchString(name(each)) || !namespaces.MatchString(namespace(each))
	})
	slices.SortStableFunc(chosen, func(a, b T) int { return cmp.Compare(b.GetCreatedAt(), a.GetCreatedAt()) })
	count := len(chosen)
	if f.latest {
		count = 1
	}
	if f.last > 0 {
		count = f.last
	}
	return chosen[:min(count, len(chosen))], nil
}
