package crictl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubectl/pkg/util/term"
)

func execCommand(c *client) *cobra.Command {
	var f filter
	var tty, interactive, sync, quiet, ignore bool
	var timeout int64
	command := &cobra.Command{Use: "exec CONTAINER-ID COMMAND...", Short: "Runs a command in a container"}
	set := command.Flags()
	set.SetInterspersed(false) // what follows the id are the command's own
	f.containerFlags(set)
	set.BoolVarP(&tty, "tty", "t", false, "give it a terminal")
	set.BoolVarP(&interactive, "interactive", "i", false, "give it standard input")
	set.BoolVar(&sync, "sync", false, "print its output when it has ended")
	set.Int64Var(&timeout, "timeout", 0, "with --sync, the seconds it may take")
	set.BoolVarP(&quiet, "quiet", "q", false, "do not print the ids of containers chosen by filters")
	set.BoolVarP(&ignore, "ignore-errors", "e", false, "do not fail if it fails")
	set.StringP("transport", "r", "spdy", "accepted, without effect")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx := command.Context()
		if err := c.connect(ctx); err != nil {
			return err
		}
		ids, words, err := c.chosenFor(command, &f, args)
		if err != nil {
			return err
		}
		err = forEach(ids, func(id string) error {
			if len(ids) > 1 && !quiet {
				fmt.Println(id + ":")
			}
			if sync {
				return c.execSync(ctx, id, words, timeout)
			}
			return c.exec(ctx, id, words, interactive, tty)
		})
		if ignore {
			return nil
		}
		return err
	}
	return command
}

// chosenFor are the containers and the command's words: the first argument is a
// container's id unless filters choose.
func (c *client) chosenFor(command *cobra.Command, f *filter, args []string) (ids, words []string, err error) {
	filtered := false
	for _, name := range []string{"name", "pod", "image", "state", "label", "latest", "last"} {
		filtered = filtered || command.Flags().Changed(name)
	}
	if !filtered {
		if len(args) < 2 {
			return nil, nil, errors.New("exec needs the id of a container and a command")
		}
		return args[:1], args[1:], nil
	}
	if len(args) == 0 {
		return nil, nil, errors.New("exec needs a command")
	}
	found, err := c.containers(command.Context(), f)
	for _, each := range found {
		ids = append(ids, each.GetId())
	}
	if err == nil && len(ids) == 0 {
		err = errors.New("no containers found by the filters")
	}
	return ids, args, err
}

func (c *client) execSync(ctx context.Context, id string, words []string, timeout int64) error {
	answer, err := c.runtime.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: words, Timeout: timeout})
	if err != nil {
		return err
	}
	os.Stdout.Write(answer.GetStdout())
	os.Stderr.Write(answer.GetStderr())
	if answer.GetExitCode() != 0 {
		return exitCode(answer.GetExitCode())
	}
	return nil
}

// exec runs a command whose streams are those of this process.
func (c *client) exec(ctx context.Context, id string, words []string, interactive, tty bool) error {
	answer, err := c.runtime.Exec(ctx, &cri.ExecRequest{ContainerId: id, Cmd: words, Tty: tty, Stdin: interactive, Stdout: true, Stderr: !tty})
	if err != nil {
		return err
	}
	where, err := url.Parse(answer.GetUrl())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, "POST", where)
	if err != nil {
		return err
	}
	terminal := term.TTY{In: os.Stdin, Out: os.Stdout, Raw: tty && interactive}
	streams := remotecommand.StreamOptions{Stdout: os.Stdout, Tty: tty}
	if interactive {
		streams.Stdin = os.Stdin
	}
	if !tty {
		streams.Stderr = os.Stderr
	} else if sizes := terminal.MonitorSize(terminal.GetSize()); sizes != nil {
		streams.TerminalSizeQueue = sizeQueue{sizes}
	}
	return terminal.Safe(func() error { return executor.StreamWithContext(ctx, streams) })
}

// sizeQueue is kubectl's terminal sizes as client-go wants them.
type sizeQueue struct{ from term.TerminalSizeQueue }

func (q sizeQueue) Next() *remotecommand.TerminalSize {
	next := q.from.Next()
	if next == nil {
		return nil
	}
	return &remotecommand.TerminalSize{Width: next.Width, Height: next.Height}
}
