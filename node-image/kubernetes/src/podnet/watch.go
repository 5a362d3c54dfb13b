package podnet

import (
	"context"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// source is a kind of object to be watched.
type source struct {
	client   rest.Interface
	resource string
	example  runtime.Object
	selector fields.Selector
	// keep returns what podnet needs of an object; the rest is not stored, and
	// changes of it are not reported.
	keep func(object any) any
}

// watch keeps a copy of all objects of a source until ctx ends, and sends to
// `changed` after each change. It returns once the copy is complete.
func watch(ctx context.Context, from source, changed signals) (cache.Store, error) {
	selector := from.selector
	if selector == nil {
		selector = fields.Everything()
	}
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(from.client, from.resource, metav1.NamespaceAll, selector),
		ObjectType:    from.example,
		Transform:     func(object any) (any, error) { return from.keep(object), nil },
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { changed.send() },
			UpdateFunc: func(old, new any) {
				if !equal(old, new) {
					changed.send()
				}
			},
			DeleteFunc: func(any) { changed.send() },
		},
	})
	go controller.Run(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), controller.HasSynced) {
		return nil, ctx.Err()
	}
	return store, nil
}

// equal ignores the version, which every write changes.
func equal(old, new any) bool {
	before := old.(runtime.Object).DeepCopyObject()
	is, err := meta.Accessor(new)
	if err != nil {
		return false
	}
	was, err := meta.Accessor(before)
	if err != nil {
		return false
	}
	was.SetResourceVersion(is.GetResourceVersion())
	return reflect.DeepEqual(before, new)
}

func listed[T any](store cache.Store) []T {
	var out []T
	for _, object := range store.List() {
		out = append(out, object.(T))
	}
	return out
}
