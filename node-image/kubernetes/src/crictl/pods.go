package crictl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// pods are those that the filter chooses.
func (c *client) pods(ctx context.Context, f *filter) ([]*cri.PodSandbox, error) {
	asked, err := f.askedPods()
	if err != nil {
		return nil, err
	}
	list, err := c.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: asked})
	if err != nil {
		return nil, err
	}
	return choose(f, list.GetItems(),
		func(each *cri.PodSandbox) string { return each.GetMetadata().GetName() },
		func(each *cri.PodSandbox) string { return each.GetMetadata().GetNamespace() })
}

func (c *client) podIDs(ctx context.Context, f *filter) (ids []string, err error) {
	found, err := c.pods(ctx, f)
	for _, each := range found {
		ids = append(ids, each.GetId())
	}
	return ids, err
}

func podsCommand(c *client) *cobra.Command {
	var f filter
	var out format
	var quiet, whole, verbose bool
	command := &cobra.Command{Use: "pods", Short: "Lists pods", Args: cobra.NoArgs}
	set := command.Flags()
	f.flags(set)
	out.flags(set, "table")
	set.BoolVarP(&quiet, "quiet", "q", false, "ids only")
	set.BoolVar(&whole, "no-trunc", false, "whole ids")
	set.BoolVarP(&verbose, "verbose", "v", false, "more about each")
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx := command.Context()
		if err := c.connect(ctx); err != nil {
			return err
		}
		found, err := c.pods(ctx, &f)
		if err != nil {
			return err
		}
		if out.name != "table" {
			return out.message(os.Stdout, &cri.ListPodSandboxResponse{Items: found})
		}
		rows := [][]string{{"POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"}}
		for _, each := range found {
			switch {
			case quiet:
				fmt.Println(each.GetId())
			case verbose:
				printPod(each)
			default:
				rows = append(rows, podRow(each, whole))
			}
		}
		if quiet || verbose {
			return nil
		}
		return printTable(os.Stdout, rows)
	}
	return command
}

func podRow(each *cri.PodSandbox, whole bool) []string {
	return []string{
		short(each.GetId(), whole), ago(each.GetCreatedAt()), podState(each.GetState()), each.GetMetadata().GetName(),
		each.GetMetadata().GetNamespace(), strconv.Itoa(int(each.GetMetadata().GetAttempt())), handler(each),
	}
}

func printPod(each *cri.PodSandbox) {
	printFields([2]string{"ID", each.GetId()}, [2]string{"Name", each.GetMetadata().GetName()},
		[2]string{"UID", each.GetMetadata().GetUid()}, [2]string{"Namespace", each.GetMetadata().GetNamespace()},
		[2]string{"Status", podState(each.GetState())}, [2]string{"Created", time.Unix(0, each.GetCreatedAt()).String()},
		[2]string{"Runtime", handler(each)})
}

func podState(state cri.PodSandboxState) string {
	if state == cri.PodSandboxState_SANDBOX_READY {
		return "Ready"
	}
	return "NotReady"
}

func handler(each *cri.PodSandbox) string {
	if each.GetRuntimeHandler() == "" {
		return "(default)"
	}
	return each.GetRuntimeHandler()
}

func inspectPodsCommand(c *client) *cobra.Command {
	var f filter
	command := &cobra.Command{Use: "inspectp [POD-ID...]", Short: "Shows all about pods"}
	f.flags(command.Flags())
	return c.inspecting(command,
		func(ctx context.Context) ([]string, error) { return c.podIDs(ctx, &f) },
		func(ctx context.Context, id string, verbose bool) (map[string]any, error) {
			answer, err := c.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id, Verbose: verbose})
			if err != nil {
				return nil, err
			}
			shown, err := status(answer.GetStatus(), answer.GetInfo())
			if err == nil {
				setTimes(shown, map[string]int64{"createdAt": answer.GetStatus().GetCreatedAt()})
			}
			return shown, err
		})
}

func stopPodsCommand(c *client) *cobra.Command {
	return &cobra.Command{Use: "stopp POD-ID...", Short: "Stops pods", Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			if err := c.connect(command.Context()); err != nil {
				return err
			}
			return forEach(ids, func(id string) error { return c.stopPod(command.Context(), id) })
		}}
}

func (c *client) stopPod(ctx context.Context, id string) error {
	_, err := c.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	if err == nil {
		fmt.Println("Stopped sandbox", id)
	}
	return err
}

func removePodsCommand(c *client) *cobra.Command {
	var force, all bool
	command := &cobra.Command{Use: "rmp POD-ID...", Short: "Removes pods"}
	command.Flags().BoolVarP(&force, "force", "f", false, "running ones too")
	command.Flags().BoolVarP(&all, "all", "a", false, "all there are")
	command.RunE = func(command *cobra.Command, ids []string) error {
		ctx := command.Context()
		err := c.connect(ctx)
		if err == nil && all {
			ids, err = c.podIDs(ctx, &filter{})
		}
		if err != nil {
			return err
		}
		if len(ids) == 0 && !all {
			return errors.New("rmp needs the id of a pod")
		}
		return forEach(ids, func(id string) error { return c.removePod(ctx, id, force) })
	}
	return command
}

func (c *client) removePod(ctx context.Context, id string, force bool) error {
	answer, err := c.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
	if err != nil {
		return err
	}
	if answer.GetStatus().GetState() == cri.PodSandboxState_SANDBOX_READY {
		if !force {
			return fmt.Errorf("pod sandbox %q is running, please stop it first", id)
		}
		if err := c.stopPod(ctx, id); err != nil {
			return err
		}
	}
	if _, err = c.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id}); err == nil {
		fmt.Println("Removed sandbox", id)
	}
	return err
}

// forEach does something to all, whether or not it fails for some.
func forEach(ids []string, do func(string) error) error {
	var all []error
	for _, id := range ids {
		if err := do(id); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}
