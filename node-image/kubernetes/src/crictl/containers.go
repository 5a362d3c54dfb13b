package crictl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	podNameLabel      = "io.kubernetes.pod.name"
	podNamespaceLabel = "io.kubernetes.pod.namespace"
)

// containers are those that the filter chooses.
func (c *client) containers(ctx context.Context, f *filter) ([]*cri.Container, error) {
	asked, err := f.asked()
	if err != nil {
		return nil, err
	}
	list, err := c.runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: asked})
	if err != nil {
		return nil, err
	}
	found := list.GetContainers()
	if f.image != "" {
		image, err := c.imageID(ctx, f.image)
		if err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(each *cri.Container) bool {
			id, err := c.imageID(ctx, each.GetImage().GetImage())
			return err != nil || id == "" || id != image
		})
	}
	return choose(f, found,
		func(each *cri.Container) string { return each.GetMetadata().GetName() },
		func(each *cri.Container) string { return each.GetLabels()[podNamespaceLabel] })
}

func containersCommand(c *client) *cobra.Command {
	var f filter
	var out format
	var quiet, whole, resolve, verbose bool
	command := &cobra.Command{Use: "ps", Short: "Lists containers", Args: cobra.NoArgs}
	set := command.Flags()
	f.containerFlags(set)
	out.flags(set, "table")
	set.BoolVarP(&quiet, "quiet", "q", false, "ids only")
	set.BoolVar(&whole, "no-trunc", false, "whole ids")
	set.BoolVarP(&resolve, "resolve-image-path", "r", false, "the image's name instead of its id")
	set.BoolVarP(&verbose, "verbose", "v", false, "more about each")
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx := command.Context()
		if err := c.connect(ctx); err != nil {
			return err
		}
		found, err := c.containers(ctx, &f)
		if err != nil {
			return err
		}
		if out.name != "table" {
			return out.message(os.Stdout, &cri.ListContainersResponse{Containers: found})
		}
		rows := [][]string{{"CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"}}
		for _, each := range found {
			image := short(each.GetImage().GetImage(), whole)
			if resolve {
				image = c.imageName(ctx, each.GetImage().GetImage())
			}
			switch {
			case quiet:
				fmt.Println(each.GetId())
			case verbose:
				printContainer(each)
			default:
				rows = append(rows, containerRow(each, image, whole))
			}
		}
		if quiet || verbose {
			return nil
		}
		return printTable(os.Stdout, rows)
	}
	return command
}

func containerRow(each *cri.Container, image string, whole bool) []string {
	return []string{
		short(each.GetId(), whole), image, ago(each.GetCreatedAt()), containerState(each.GetState()),
		each.GetMetadata().GetName(), strconv.Itoa(int(each.GetMetadata().GetAttempt())), short(each.GetPodSandboxId(), whole),
		label(each.GetLabels(), podNameLabel), label(each.GetLabels(), podNamespaceLabel),
	}
}

func printContainer(each *cri.Container) {
	printFields([2]string{"ID", each.GetId()}, [2]string{"PodID", each.GetPodSandboxId()},
		[2]string{"Namespace", label(each.GetLabels(), podNamespaceLabel)}, [2]string{"Name", each.GetMetadata().GetName()},
		[2]string{"Attempt", strconv.Itoa(int(each.GetMetadata().GetAttempt()))}, [2]string{"State", containerState(each.GetState())},
		[2]string{"Image", each.GetImage().GetImage()}, [2]string{"Created", ago(each.GetCreatedAt())})
}

func label(labels map[string]string, key string) string {
	if value, has := labels[key]; has {
		return value
	}
	return "unknown"
}

func containerState(state cri.ContainerState) string {
	switch state {
	case cri.ContainerState_CONTAINER_CREATED:
		return "Created"
	case cri.ContainerState_CONTAINER_RUNNING:
		return "Running"
	case cri.ContainerState_CONTAINER_EXITED:
		return "Exited"
	}
	return "Unknown"
}

func inspectContainersCommand(c *client) *cobra.Command {
	var f filter
	command := &cobra.Command{Use: "inspect [CONTAINER-ID...]", Short: "Shows all about containers"}
	f.containerFlags(command.Flags())
	return c.inspecting(command, func(ctx context.Context) (ids []string, err error) {
		found, err := c.containers(ctx, &f)
		for _, each := range found {
			ids = append(ids, each.GetId())
		}
		return ids, err
	}, func(ctx context.Context, id string, verbose bool) (map[string]any, error) {
		answer, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: verbose})
		if err != nil {
			return nil, err
		}
		shown, err := status(answer.GetStatus(), answer.GetInfo())
		if err == nil {
			setTimes(shown, map[string]int64{"createdAt": answer.GetStatus().GetCreatedAt(),
				"startedAt": answer.GetStatus().GetStartedAt(), "finishedAt": answer.GetStatus().GetFinishedAt()})
		}
		return shown, err
	})
}

// inspecting completes a command that shows what it is given, else what filters choose.
func (c *client) inspecting(
	command *cobra.Command,
	chosen func(context.Context) ([]string, error),
	get func(context.Context, string, bool) (map[string]any, error),
) *cobra.Command {
	var out format
	var quiet bool
	out.flags(command.Flags(), "json")
	command.Flags().BoolVarP(&quiet, "quiet", "q", false, "without what the runtime adds")
	command.RunE = func(command *cobra.Command, ids []string) error {
		ctx := command.Context()
		if err := c.connect(ctx); err != nil {
			return err
		}
		if len(ids) == 0 {
			var err error
			if ids, err = chosen(ctx); err != nil {
				return err
			}
		}
		if len(ids) == 0 {
			return fmt.Errorf("no ids given, and nothing found by the filters")
		}
		var all []map[string]any
		for _, id := range ids {
			one, err := get(ctx, id, !quiet)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		if out.name == "table" {
			out.name = "yaml"
		}
		return out.statuses(os.Stdout, all)
	}
	return command
}

func stopContainersCommand(c *client) *cobra.Command {
	var timeout int64
	var all bool
	command := &cobra.Command{Use: "stop CONTAINER-ID...", Short: "Stops containers"}
	command.Flags().Int64VarP(&timeout, "timeout", "t", 0, "seconds until they are killed")
	command.Flags().BoolVarP(&all, "all", "a", false, "all that run")
	command.RunE = func(command *cobra.Command, ids []string) error {
		return c.each(command, ids, all, &filter{}, func(ctx context.Context, id string) error {
			_, err := c.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: timeout})
			return err
		})
	}
	return command
}

func startContainersCommand(c *client) *cobra.Command {
	command := &cobra.Command{Use: "start CONTAINER-ID...", Short: "Starts containers that have been created"}
	command.RunE = func(command *cobra.Command, ids []string) error {
		return c.each(command, ids, false, nil, func(ctx context.Context, id string) error {
			_, err := c.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id})
			return err
		})
	}
	return command
}

func removeContainersCommand(c *client) *cobra.Command {
	var force, keep, all bool
	command := &cobra.Command{Use: "rm CONTAINER-ID...", Short: "Removes containers"}
	command.Flags().BoolVarP(&force, "force", "f", false, "running ones too")
	command.Flags().BoolVarP(&keep, "keep-logs", "k", false, "leave their logs")
	command.Flags().BoolVarP(&all, "all", "a", false, "all there are")
	command.RunE = func(command *cobra.Command, ids []string) error {
		return c.each(command, ids, all, &filter{all: true}, func(ctx context.Context, id string) error {
			return c.removeContainer(ctx, id, force, keep)
		})
	}
	return command
}

func (c *client) removeContainer(ctx context.Context, id string, force, keep bool) error {
	answer, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return err
	}
	if answer.GetStatus().GetState() == cri.ContainerState_CONTAINER_RUNNING {
		if !force {
			return fmt.Errorf("container %q is running, please stop it first", id)
		}
		if _, err := c.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id}); err != nil {
			return err
		}
	}
	if _, err := c.runtime.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id}); err != nil || keep {
		return err
	}
	path := answer.GetStatus().GetLogPath()
	rotated, _ := filepath.Glob(path + ".*")
	for _, file := range append(rotated, path) {
		_ = os.Remove(file)
	}
	return nil
}

// each does something to the given containers, or to all that the filter
// chooses, and prints their ids. What fails does not keep it from the others.
func (c *client) each(command *cobra.Command, ids []string, all bool, f *filter, do func(context.Context, string) error) error {
	ctx := command.Context()
	if err := c.connect(ctx); err != nil {
		return err
	}
	if all {
		found, err := c.containers(ctx, f)
		if err != nil {
			return err
		}
		for ids = nil; len(found) > 0; found = found[1:] {
			ids = append(ids, found[0].GetId())
		}
	} else if len(ids) == 0 {
		return fmt.Errorf("%s needs the id of a container", command.Name())
	}
	return forEach(ids, func(id string) error {
		err := do(ctx, id)
		if err == nil {
			fmt.Println(id)
		}
		return err
	})
}
