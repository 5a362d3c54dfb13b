package crictl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	internalapi "k8s.io/cri-api/pkg/apis"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
)

func logsCommand(c *client) *cobra.Command {
	var follow, previous, reopen, timestamps bool
	var tail, limit int64
	var since, stream string
	command := &cobra.Command{Use: "logs CONTAINER-ID", Short: "Prints a container's log", Args: cobra.ExactArgs(1)}
	set := command.Flags()
	set.BoolVarP(&follow, "follow", "f", false, "go on printing")
	set.BoolVarP(&previous, "previous", "p", false, "the log of the container before")
	set.BoolVarP(&reopen, "reopen", "r", false, "have the runtime open the file anew")
	set.BoolVarP(&timestamps, "timestamps", "t", false, "with times")
	set.Int64Var(&tail, "tail", -1, "only so many lines, the last")
	set.Int64Var(&limit, "limit-bytes", -1, "only so many bytes")
	set.StringVar(&since, "since", "", "only since a time (2006-01-02T15:04:05) or for a while (42m)")
	set.StringVarP(&stream, "stream", "s", "", "only stdout or stderr")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx := command.Context()
		options := &logs.LogOptions{Follow: follow, Timestamp: timestamps}
		var err error
		if options.Since, err = moment(since, time.Now()); err != nil {
			return err
		}
		if tail >= 0 {
			options.TailLines = &tail
		}
		if limit >= 0 {
			options.LimitBytes = &limit
		}
		var stdout, stderr io.Writer = os.Stdout, os.Stderr
		switch stream {
		case "":
		case "stdout":
			stderr = nil
		case "stderr":
			stdout = nil
		default:
			return fmt.Errorf(`invalid stream %q, must be "stdout" or "stderr"`, stream)
		}
		if err := c.connect(ctx); err != nil {
			return err
		}
		if reopen {
			if _, err := c.runtime.ReopenContainerLog(ctx, &cri.ReopenContainerLogRequest{ContainerId: args[0]}); err != nil {
				return err
			}
		}
		path, id, err := c.logFile(ctx, args[0], previous)
		if err != nil {
			return err
		}
		return logs.ReadLogs(ctx, path, id, options, containerStates{runtime: c.runtime}, stdout, stderr)
	}
	return command
}

// logFile is where a container's log is, or that of the container before, and
// the container's whole id.
func (c *client) logFile(ctx context.Context, id string, previous bool) (string, string, error) {
	answer, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return "", "", err
	}
	found := answer.GetStatus()
	path := found.GetLogPath()
	if path == "" {
		return "", "", errors.New("the container has no log file")
	}
	if previous {
		attempt := found.GetMetadata().GetAttempt()
		if attempt == 0 {
			return "", "", fmt.Errorf("previous terminated container %s not found", found.GetMetadata().GetName())
		}
		path = filepath.Join(filepath.Dir(path), strconv.Itoa(int(attempt-1))+filepath.Ext(path))
	}
	return path, found.GetId(), nil
}

// moment is a time as people write it: absolute, in seconds, or as a duration
// before now.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if duration, err := time.ParseDuration(text); err == nil {
		return now.Add(-duration), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	seconds, fraction, _ := strings.Cut(text, ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time nor a duration", text)
	}
	nanoseconds, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(whole, nanoseconds), nil
}

// containerStates is all that following a log asks the runtime for.
type containerStates struct {
	internalapi.RuntimeService
	runtime cri.RuntimeServiceClient
}

func (s containerStates) ContainerStatus(ctx context.Context, id string, verbose bool) (*cri.ContainerStatusResponse, error) {
	return s.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: verbose})
}
