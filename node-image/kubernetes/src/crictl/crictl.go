// Package crictl is a stand-in for the program of that name, which kind and
// people debugging a node expect there. Commands, flags and outputs are those of
// crictl, as far as a node's containers and images are looked at, followed,
// entered, stopped and removed; it makes none.
package crictl

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/version"
)

// Main runs one command and returns the exit code.
func Main() int {
	// The other components of this binary have put their own flags there.
	pflag.CommandLine = pflag.NewFlagSet("crictl", pflag.ContinueOnError)
	err := command().Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "crictl:", err)
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	return 1
}

// exitCode is that of a command in a container.
type exitCode int

func (code exitCode) Error() string { return fmt.Sprintf("exit code %d", int(code)) }

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "crictl",
		Short:         "Looks at the containers and images of this node (a stand-in for the program of that name)",
		Version:       version.Get().GitVersion,
		SilenceErrors: true,
		SilenceUsage:  true,
		// The flags before the command are other ones than those behind it.
		TraverseChildren: true,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Help()
			}
			return fmt.Errorf("%q is not in this stand-in; `ctr -n k8s.io` and `kubectl` can help", args[0])
		},
	}
	c := &client{}
	c.settings.flags(root.Flags())
	root.AddCommand(
		imagesCommand(c), inspectImagesCommand(c), pullCommand(c), removeImagesCommand(c), fileSystemsCommand(c),
		containersCommand(c), inspectContainersCommand(c), stopContainersCommand(c), startContainersCommand(c), removeContainersCommand(c),
		podsCommand(c), inspectPodsCommand(c), stopPodsCommand(c), removePodsCommand(c),
		execCommand(c), logsCommand(c), statsCommand(c),
		infoCommand(c), versionCommand(c), configCommand(c),
	)
	return root
}
