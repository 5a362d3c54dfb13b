package crictl

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func infoCommand(c *client) *cobra.Command {
	var out format
	var quiet bool
	command := &cobra.Command{Use: "info", Short: "Shows the container runtime's state and settings", Args: cobra.NoArgs}
	out.flags(command.Flags(), "json")
	command.Flags().BoolVarP(&quiet, "quiet", "q", false, "without what the runtime adds")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := c.connect(command.Context()); err != nil {
			return err
		}
		answer, err := c.runtime.Status(command.Context(), &cri.StatusRequest{Verbose: !quiet})
		if err != nil {
			return err
		}
		shown, err := status(answer.GetStatus(), answer.GetInfo())
		if err != nil {
			return err
		}
		shown["runtimeHandlers"], shown["features"] = answer.GetRuntimeHandlers(), answer.GetFeatures()
		return out.statuses(os.Stdout, []map[string]any{shown})
	}
	return command
}

func versionCommand(c *client) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Shows the container runtime's version", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := c.connect(command.Context()); err != nil {
				return err
			}
			answer, err := c.runtime.Version(command.Context(), &cri.VersionRequest{Version: "v1"})
			if err == nil {
				fmt.Printf("Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n", answer.GetVersion(),
					answer.GetRuntimeName(), answer.GetRuntimeVersion(), answer.GetRuntimeApiVersion())
			}
			return err
		}}
}
