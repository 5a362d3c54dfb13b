package crictl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func removeImagesCommand(c *client) *cobra.Command {
	var all, prune bool
	command := &cobra.Command{Use: "rmi IMAGE...", Short: "Removes images, each with all its names"}
	command.Flags().BoolVarP(&all, "all", "a", false, "all images")
	command.Flags().BoolVarP(&prune, "prune", "q", false, "all that no container uses and that are not pinned")
	command.RunE = func(command *cobra.Command, names []string) error {
		ctx := command.Context()
		if len(names) == 0 && !all && !prune {
			return errors.New("rmi needs an image, --all or --prune")
		}
		if err := c.connect(ctx); err != nil {
			return err
		}
		if all || prune {
			found, err := c.removable(ctx, prune)
			if err != nil {
				return err
			}
			names = append(names, found...)
		}
		return forEach(names, func(name string) error {
			err := c.removeImage(ctx, name)
			if prune { // another may have been faster
				return nil
			}
			return err
		})
	}
	return command
}

// removable are the ids of all images, or of those that nothing needs.
func (c *client) removable(ctx context.Context, prune bool) ([]string, error) {
	list, err := c.image.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	if !prune {
		return unused(list.GetImages(), nil, false), nil
	}
	containers, err := c.runtime.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, each := range containers.GetContainers() {
		for _, name := range []string{each.GetImage().GetImage(), each.GetImageRef(), each.GetImageId()} {
			id, err := c.imageID(ctx, name)
			if err == nil && id != "" {
				used[id] = true
			}
		}
	}
	return unused(list.GetImages(), used, true), nil
}

func unused(images []*cri.Image, used map[string]bool, keepPinned bool) (ids []string) {
	for _, each := range images {
		if !used[each.GetId()] && !(keepPinned && each.GetPinned()) {
			ids = append(ids, each.GetId())
		}
	}
	return ids
}

func (c *client) removeImage(ctx context.Context, name string) error {
	answer, err := c.imageStatus(ctx, name, false)
	if err != nil {
		return err
	}
	if answer.GetImage() == nil {
		return fmt.Errorf("no such image %s", name)
	}
	if _, err := c.image.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: name}}); err != nil {
		return fmt.Errorf("removing image %q: %w", name, err)
	}
	names := answer.GetImage().GetRepoTags()
	if len(names) == 0 {
		names = answer.GetImage().GetRepoDigests()
	}
	for _, name := range names {
		fmt.Println("Deleted:", name)
	}
	return nil
}
