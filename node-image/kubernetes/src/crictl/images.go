package crictl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const none = "<none>"

// imageStatus has no image in it if there is no such image.
func (c *client) imageStatus(ctx context.Context, name string, verbose bool) (*cri.ImageStatusResponse, error) {
	return c.image.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}, Verbose: verbose})
}

// imageID is an image's id, empty if there is no such image.
func (c *client) imageID(ctx context.Context, name string) (string, error) {
	answer, err := c.imageStatus(ctx, name, false)
	return answer.GetImage().GetId(), err
}

// imageName is an image's first name, else what was asked for.
func (c *client) imageName(ctx context.Context, id string) string {
	if answer, err := c.imageStatus(ctx, id, false); err == nil && len(answer.GetImage().GetRepoTags()) > 0 {
		return answer.GetImage().GetRepoTags()[0]
	}
	return id
}

func (c *client) listImages(ctx context.Context, name string, conditions []string) ([]*cri.Image, error) {
	list, err := c.image.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	return chooseImages(list.GetImages(), name, conditions)
}

func imagesCommand(c *client) *cobra.Command {
	var out format
	var conditions []string
	var quiet, verbose, digests, whole, pinned bool
	command := &cobra.Command{Use: "images [NAME]", Aliases: []string{"image", "img"}, Short: "Lists images", Args: cobra.MaximumNArgs(1)}
	set := command.Flags()
	out.flags(set, "table")
	set.StringSliceVarP(&conditions, "filter", "f", nil, "dangling=true|false, reference=REGEXP, before=IMAGE or since=IMAGE")
	set.BoolVarP(&quiet, "quiet", "q", false, "ids only")
	set.BoolVarP(&verbose, "verbose", "v", false, "more about each")
	set.BoolVar(&digests, "digests", false, "digests too")
	set.BoolVar(&whole, "no-trunc", false, "whole ids")
	set.BoolVar(&pinned, "pinned", false, "whether they are pinned")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := c.connect(command.Context()); err != nil {
			return err
		}
		found, err := c.listImages(command.Context(), strings.Join(args, ""), conditions)
		if err != nil {
			return err
		}
		switch {
		case out.name != "table":
			return out.message(os.Stdout, &cri.ListImagesResponse{Images: found})
		case quiet:
			for _, each := range found {
				fmt.Println(each.GetId())
			}
		case verbose:
			for _, each := range found {
				printImage(each)
			}
		default:
			return printTable(os.Stdout, imageRows(found, digests, whole, pinned))
		}
		return nil
	}
	return command
}

// imageRows has a row for each name.
func imageRows(images []*cri.Image, digests, whole, pinned bool) [][]string {
	row := func(name, tag, digest, id, size, pin string) []string {
		row := []string{name, tag}
		if digests {
			row = append(row, digest)
		}
		row = append(row, id, size)
		if pinned {
			row = append(row, pin)
		}
		return row
	}
	rows := [][]string{row("IMAGE", "TAG", "DIGEST", "IMAGE ID", "SIZE", "PINNED")}
	for _, each := range images {
		repository, digest := repositoryAndDigest(each)
		names := each.GetRepoTags()
		if len(names) == 0 {
			names = []string{repository + ":" + none}
		}
		for _, name := range names {
			at := strings.LastIndex(name, ":")
			rows = append(rows, row(name[:at], name[at+1:], short(digest, whole), short(each.GetId(), whole),
				size(each.GetSize()), strconv.FormatBool(each.GetPinned())))
		}
	}
	return rows
}

func repositoryAndDigest(image *cri.Image) (string, string) {
	if len(image.GetRepoDigests()) > 0 {
		if repository, digest, ok := strings.Cut(image.GetRepoDigests()[0], "@"); ok {
			return repository, digest
		}
	}
	return none, none
}

func printImage(each *cri.Image) {
	lines := [][2]string{{"ID", each.GetId()}}
	for _, name := range each.GetRepoTags() {
		lines = append(lines, [2]string{"RepoTags", name})
	}
	for _, digest := range each.GetRepoDigests() {
		lines = append(lines, [2]string{"RepoDigests", digest})
	}
	lines = append(lines, [2]string{"Size", strconv.FormatUint(each.GetSize(), 10)}, [2]string{"Username", each.GetUsername()})
	if each.GetUid() != nil {
		lines = append(lines, [2]string{"Uid", each.GetUid().String()})
	}
	if each.GetPinned() {
		lines = append(lines, [2]string{"Pinned", "true"})
	}
	printFields(lines...)
}

func inspectImagesCommand(c *client) *cobra.Command {
	var name string
	var conditions []string
	command := &cobra.Command{Use: "inspecti [IMAGE...]", Short: "Shows all about images"}
	command.Flags().StringVar(&name, "name", "", "those with this name")
	command.Flags().StringSliceVarP(&conditions, "filter", "f", nil, "as for images")
	return c.inspecting(command, func(ctx context.Context) (ids []string, err error) {
		found, err := c.listImages(ctx, name, conditions)
		for _, each := range found {
			ids = append(ids, each.GetId())
		}
		return ids, err
	}, func(ctx context.Context, name string, verbose bool) (map[string]any, error) {
		answer, err := c.imageStatus(ctx, name, verbose)
		if err != nil {
			return nil, err
		}
		if answer.GetImage() == nil {
			return nil, fmt.Errorf("no such image %q present", name)
		}
		return status(answer.GetImage(), answer.GetInfo())
	})
}

func pullCommand(c *client) *cobra.Command {
	var credentials, auth string
	var annotations []string
	command := &cobra.Command{Use: "pull IMAGE", Short: "Pulls an image", Args: cobra.ExactArgs(1)}
	command.Flags().StringVar(&credentials, "creds", os.Getenv("CRICTL_CREDS"), "USERNAME[:PASSWORD] at the registry")
	command.Flags().StringVar(&auth, "auth", os.Getenv("CRICTL_AUTH"), "the same, in base64")
	command.Flags().StringSliceVarP(&annotations, "annotation", "a", nil, "KEY=VALUE")
	command.RunE = func(command *cobra.Command, args []string) error {
		login, err := authConfig(credentials, auth)
		if err != nil {
			return err
		}
		notes, err := pairs(annotations)
		if err != nil {
			return err
		}
		if err := c.connect(command.Context()); err != nil {
			return err
		}
		pulled, err := c.image.PullImage(command.Context(),
			&cri.PullImageRequest{Image: &cri.ImageSpec{Image: args[0], Annotations: notes}, Auth: login})
		if err == nil {
			fmt.Println("Image is up to date for", pulled.GetImageRef())
		}
		return err
	}
	return command
}

func authConfig(credentials, auth string) (*cri.AuthConfig, error) {
	switch {
	case credentials != "" && auth != "":
		return nil, errors.New("either --creds or --auth")
	case auth != "":
		decoded, err := base64.StdEncoding.DecodeString(auth)
		if err != nil {
			return nil, fmt.Errorf("--auth is not base64: %w", err)
		}
		credentials = string(decoded)
	case credentials == "":
		return nil, nil
	}
	name, password, _ := strings.Cut(credentials, ":")
	return &cri.AuthConfig{Username: name, Password: password}, nil
}

func fileSystemsCommand(c *client) *cobra.Command {
	var out format
	command := &cobra.Command{Use: "imagefsinfo", Short: "Shows the file systems that images are in", Args: cobra.NoArgs}
	out.flags(command.Flags(), "json")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := c.connect(command.Context()); err != nil {
			return err
		}
		answer, err := c.image.ImageFsInfo(command.Context(), &cri.ImageFsInfoRequest{})
		if err != nil {
			return err
		}
		if out.name == "table" {
			printFileSystems("Container", answer.GetContainerFilesystems())
			printFileSystems("Image", answer.GetImageFilesystems())
			return nil
		}
		shown, err := status(answer, nil)
		if err != nil {
			return err
		}
		return out.statuses(os.Stdout, []map[string]any{shown})
	}
	return command
}

func printFileSystems(title string, all []*cri.FilesystemUsage) {
	fmt.Println(title, "Filesystem")
	for i, each := range all {
		fmt.Printf("TimeStamp[%d]: %d\nDisk[%d]: %s\nInodes[%d]: %d\nMountpoint[%d]: %s\n", i, each.GetTimestamp(), i,
			size(each.GetUsedBytes().GetValue()), i, each.GetInodesUsed().GetValue(), i, each.GetFsId().GetMountpoint())
	}
}
