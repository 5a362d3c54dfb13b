// Package crictl is a small stand-in for the program of that name, which kind
// and people debugging a node expect there. It knows what they use most:
// images, inspecti, pull, rmi, ps, pods, inspect, logs, info and version.
package crictl

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const endpoint = "unix:///run/containerd/containerd.sock"

// shown is how much of an id people see.
const shown = 13

type client struct {
	context.Context
	images  cri.ImageServiceClient
	runtime cri.RuntimeServiceClient
	quiet   bool
	all     bool
	json    bool
	args    []string
}

var commands = map[string]func(*client) error{
	"images": (*client).listImages, "image": (*client).listImages, "img": (*client).listImages,
	"inspecti": (*client).inspectImages, "pull": (*client).pull, "rmi": (*client).removeImages,
	"ps": (*client).listContainers, "pods": (*client).listPods,
	"inspect": (*client).inspectContainers, "logs": (*client).logs,
	"info": (*client).info, "version": (*client).version,
}

// Main runs one command and returns the exit code.
func Main() int {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		return 1
	}
	return 0
}

func run(args []string) error {
	c := &client{}
	var output string
	set := flag.NewFlagSet("crictl", flag.ContinueOnError)
	set.BoolVar(&c.quiet, "q", false, "print ids only")
	set.BoolVar(&c.quiet, "quiet", false, "print ids only")
	set.BoolVar(&c.all, "a", false, "ended containers too")
	set.BoolVar(&c.all, "all", false, "ended containers too")
	set.StringVar(&output, "o", "table", "table or json")
	set.StringVar(&output, "output", "table", "table or json")
	where := set.String("runtime-endpoint", endpoint, "the container runtime's socket")
	set.StringVar(where, "r", endpoint, "the container runtime's socket")
	// Flags may stand before and after the command, and between its arguments.
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return err
		}
		if args = set.Args(); len(args) > 0 {
			c.args, args = append(c.args, args[0]), args[1:]
		}
	}
	if len(c.args) == 0 {
		return errors.New("no command; a stand-in that knows images, inspecti, pull, rmi, ps, pods, inspect, logs, info and version")
	}
	command, known := commands[c.args[0]]
	if !known {
		return fmt.Errorf("%q is not in this small stand-in; `ctr -n k8s.io` and `kubectl` can help", c.args[0])
	}
	c.json = output == "json" || strings.HasPrefix(c.args[0], "inspect")
	c.args = c.args[1:]
	connection, err := grpc.NewClient(*where, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	var cancel context.CancelFunc
	c.Context, cancel = context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c.images, c.runtime = cri.NewImageServiceClient(connection), cri.NewRuntimeServiceClient(connection)
	return command(c)
}

// table prints rows, or only their ids, or the message as JSON.
func (c *client) table(message proto.Message, header string, ids []string, rows [][]string) error {
	if c.json {
		return printJSON(message)
	}
	if c.quiet {
		for _, id := range ids {
			fmt.Println(id)
		}
		return nil
	}
	out := tabwriter.NewWriter(os.Stdout, 20, 1, 3, ' ', 0)
	fmt.Fprintln(out, strings.ReplaceAll(header, " / ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	return out.Flush()
}

func printJSON(message proto.Message) error {
	text, err := protojson.MarshalOptions{Multiline: true, Indent: "  ", EmitUnpopulated: true}.Marshal(message)
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	return err
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(shown, len(id))]
}

func (c *client) listImages() error {
	filter := &cri.ImageFilter{}
	if len(c.args) > 0 {
		filter.Image = &cri.ImageSpec{Image: c.args[0]}
	}
	list, err := c.images.ListImages(c, &cri.ListImagesRequest{Filter: filter})
	if err != nil {
		return err
	}
	var ids []string
	var rows [][]string
	for _, image := range list.GetImages() {
		ids = append(ids, image.GetId())
		names := image.GetRepoTags()
		if len(names) == 0 {
			names = []string{"<none>:<none>"}
		}
		for _, name := range names {
			at := strings.LastIndex(name, ":")
			rows = append(rows, []string{name[:at], name[at+1:], short(image.GetId()), megabytes(image.GetSize())})
		}
	}
	return c.table(list, "IMAGE / TAG / IMAGE ID / SIZE", ids, rows)
}

func megabytes(bytes uint64) string { return fmt.Sprintf("%.1fMB", float64(bytes)/1e6) }

func (c *client) inspectImages() error {
	for _, name := range c.args {
		status, err := c.images.ImageStatus(c, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}, Verbose: true})
		if err != nil {
			return err
		}
		if status.GetImage() == nil {
			return fmt.Errorf("no such image %q present", name)
		}
		// crictl calls the image "status" here.
		text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(status.GetImage())
		if err != nil {
			return err
		}
		fmt.Printf("{\"status\": %s, \"info\": %s}\n", text, orEmpty(status.GetInfo()["info"]))
	}
	return nil
}

func orEmpty(text string) string {
	if text == "" {
		return "{}"
	}
	return text
}

func (c *client) pull() error {
	for _, name := range c.args {
		pulled, err := c.images.PullImage(c, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
		if err != nil {
			return err
		}
		fmt.Println("Image is up to date for", pulled.GetImageRef())
	}
	return nil
}

func (c *client) removeImages() error {
	for _, name := range c.args {
		if _, err := c.images.RemoveImage(c, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: name}}); err != nil {
			return err
		}
		fmt.Println("Deleted:", name)
	}
	return nil
}

func (c *client) listContainers() error {
	filter := &cri.ContainerFilter{}
	if !c.all {
		filter.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	}
	list, err := c.runtime.ListContainers(c, &cri.ListContainersRequest{Filter: filter})
	if err != nil {
		return err
	}
	var ids []string
	var rows [][]string
	for _, one := range list.GetContainers() {
		ids = append(ids, one.GetId())
		rows = append(rows, []string{short(one.GetId()), short(one.GetImageRef()), age(one.GetCreatedAt()),
			word(one.GetState().String()), one.GetMetadata().GetName(), one.GetLabels()["io.kubernetes.pod.name"]})
	}
	return c.table(list, "CONTAINER / IMAGE / AGE / STATE / NAME / POD", ids, rows)
}

func (c *client) listPods() error {
	list, err := c.runtime.ListPodSandbox(c, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	var ids []string
	var rows [][]string
	for _, pod := range list.GetItems() {
		ids = append(ids, pod.GetId())
		rows = append(rows, []string{short(pod.GetId()), age(pod.GetCreatedAt()), word(pod.GetState().String()),
			pod.GetMetadata().GetName(), pod.GetMetadata().GetNamespace()})
	}
	return c.table(list, "POD ID / AGE / STATE / NAME / NAMESPACE", ids, rows)
}

func age(created int64) string { return time.Since(time.Unix(0, created)).Round(time.Second).String() }

// word turns CONTAINER_RUNNING into Running.
func word(state string) string {
	last := strings.ToLower(state[strings.LastIndex(state, "_")+1:])
	return strings.ToUpper(last[:1]) + last[1:]
}

func (c *client) inspectContainers() error {
	for _, id := range c.args {
		status, err := c.runtime.ContainerStatus(c, &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})
		if err != nil {
			return err
		}
		if err := printJSON(status); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) logs() error {
	for _, id := range c.args {
		status, err := c.runtime.ContainerStatus(c, &cri.ContainerStatusRequest{ContainerId: id})
		if err != nil {
			return err
		}
		file, err := os.Open(status.GetStatus().GetLogPath())
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) info() error {
	status, err := c.runtime.Status(c, &cri.StatusRequest{})
	if err != nil {
		return err
	}
	return printJSON(status)
}

func (c *client) version() error {
	version, err := c.runtime.Version(c, &cri.VersionRequest{})
	if err == nil {
		fmt.Printf("RuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n",
			version.GetRuntimeName(), version.GetRuntimeVersion(), version.GetRuntimeApiVersion())
	}
	return err
}
