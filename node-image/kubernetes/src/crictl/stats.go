package crictl

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const clearScreen = "\033[2J\033[H"

func statsCommand(c *client) *cobra.Command {
	var id, pod string
	var labels []string
	var seconds int
	var all, watch bool
	var out format
	command := &cobra.Command{Use: "stats [CONTAINER-ID]", Short: "Shows what containers use", Args: cobra.MaximumNArgs(1)}
	set := command.Flags()
	out.flags(set, "table")
	set.StringVar(&id, "id", "", "only the container with this id")
	set.StringVarP(&pod, "pod", "p", "", "only those of the pod with this id")
	set.StringSliceVar(&labels, "label", nil, "only those with this label, as KEY=VALUE")
	set.IntVarP(&seconds, "seconds", "s", 1, "how long to measure")
	set.BoolVarP(&all, "all", "a", false, "ended ones too")
	set.BoolVarP(&watch, "watch", "w", false, "go on")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx := command.Context()
		selector, err := pairs(labels)
		if err != nil {
			return err
		}
		if err := c.connect(ctx); err != nil {
			return err
		}
		asked := &cri.ListContainerStatsRequest{Filter: &cri.ContainerStatsFilter{
			Id: cmp.Or(id, strings.Join(args, "")), PodSandboxId: pod, LabelSelector: selector}}
		for {
			first, err := c.runtime.ListContainerStats(ctx, asked)
			if err != nil {
				return err
			}
			if out.name != "table" {
				return out.message(os.Stdout, first)
			}
			rows, err := c.measure(ctx, asked, first, time.Duration(seconds)*time.Second, all)
			if err != nil {
				return err
			}
			if watch {
				fmt.Print(clearScreen)
			}
			if err := printTable(os.Stdout, rows); err != nil || !watch {
				return err
			}
		}
	}
	return command
}

// measure asks again after a while, since the use of processors is a difference.
func (c *client) measure(
	ctx context.Context, asked *cri.ListContainerStatsRequest, first *cri.ListContainerStatsResponse, sample time.Duration, all bool,
) ([][]string, error) {
	time.Sleep(sample)
	second, err := c.runtime.ListContainerStats(ctx, asked)
	if err != nil {
		return nil, err
	}
	return statsRows(first.GetStats(), second.GetStats(), all), nil
}

func statsRows(first, second []*cri.ContainerStats, all bool) [][]string {
	before := map[string]*cri.ContainerStats{}
	for _, each := range first {
		before[each.GetAttributes().GetId()] = each
	}
	second = slices.Clone(second)
	slices.SortFunc(second, func(a, b *cri.ContainerStats) int {
		return cmp.Compare(a.GetAttributes().GetId(), b.GetAttributes().GetId())
	})
	rows := [][]string{{"CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"}}
	for _, each := range second {
		old, known := before[each.GetAttributes().GetId()]
		used, memory := each.GetCpu().GetUsageCoreNanoSeconds().GetValue(), each.GetMemory().GetWorkingSetBytes().GetValue()
		if !known || (!all && used == 0 && memory == 0) {
			continue
		}
		percent := 0.0
		if duration := each.GetCpu().GetTimestamp() - old.GetCpu().GetTimestamp(); duration > 0 {
			percent = float64(used-old.GetCpu().GetUsageCoreNanoSeconds().GetValue()) / float64(duration) * 100
		}
		rows = append(rows, []string{
			short(each.GetAttributes().GetId(), false), each.GetAttributes().GetMetadata().GetName(),
			strconv.FormatFloat(percent, 'f', 2, 64), size(memory), size(each.GetWritableLayer().GetUsedBytes().GetValue()),
			strconv.FormatUint(each.GetWritableLayer().GetInodesUsed().GetValue(), 10), size(each.GetSwap().GetSwapUsageBytes().GetValue()),
		})
	}
	return rows
}
