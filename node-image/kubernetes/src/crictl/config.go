package crictl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

const (
	configFile      = "/etc/crictl.yaml"
	defaultEndpoint = "unix:///run/containerd/containerd.sock"
	defaultTimeout  = 2 * time.Second
)

// settings come from flags, else from the environment, else from the file.
type settings struct {
	file, runtime, image string
	timeout              time.Duration
	set                  *pflag.FlagSet
}

func (s *settings) flags(set *pflag.FlagSet) {
	s.set = set
	set.StringVarP(&s.file, "config", "c", fromEnvironment("CRI_CONFIG_FILE", configFile), "the configuration file")
	set.StringVarP(&s.runtime, "runtime-endpoint", "r", "", "the container runtime's socket")
	set.StringVarP(&s.image, "image-endpoint", "i", "", "the image service's socket, if it is another one")
	set.DurationVarP(&s.timeout, "timeout", "t", 0, "how long to wait for a connection")
	set.BoolP("debug", "D", false, "accepted, without effect")
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// load reads what flags have left open.
func (s *settings) load() error {
	file, err := readConfig(s.file)
	if err != nil && (s.set.Changed("config") || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	first := func(values ...string) string {
		for _, value := range values {
			if value != "" {
				return value
			}
		}
		return ""
	}
	s.runtime = first(s.runtime, os.Getenv("CONTAINER_RUNTIME_ENDPOINT"), file.get("runtime-endpoint"), defaultEndpoint)
	s.image = first(s.image, os.Getenv("IMAGE_SERVICE_ENDPOINT"), file.get("image-endpoint"))
	if seconds, _ := strconv.Atoi(file.get("timeout")); s.timeout <= 0 && seconds > 0 {
		s.timeout = time.Duration(seconds) * time.Second
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	return nil
}

// option is one that crictl's file may have, with its default.
type option struct {
	key     string
	initial any
}

var options = []option{
	{"runtime-endpoint", ""}, {"image-endpoint", ""}, {"timeout", 0}, {"debug", false},
	{"pull-image-on-create", false}, {"disable-pull-on-run", false}, {"max-retries", 0},
}

func findOption(key string) (option, error) {
	for _, option := range options {
		if option.key == key {
			return option, nil
		}
	}
	return option{}, fmt.Errorf("no configuration option named %s", key)
}

// config is such a file.
type config map[string]any

func readConfig(name string) (config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	read := config{}
	if err := yaml.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return read, nil
}

func (c config) get(key string) string {
	if value, has := c[key]; has && value != nil {
		return fmt.Sprint(value)
	}
	option, _ := findOption(key)
	return fmt.Sprint(option.initial)
}

// put sets an option to a value of its type.
func (c config) put(key, text string) error {
	option, err := findOption(key)
	if err != nil {
		return err
	}
	var value any = text
	switch option.initial.(type) {
	case int:
		value, err = strconv.Atoi(text)
	case bool:
		value, err = strconv.ParseBool(text)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not a value of this option", key, text)
	}
	c[key] = value
	return nil
}

func configCommand(c *client) *cobra.Command {
	var get string
	var set []string
	var list bool
	command := &cobra.Command{Use: "config [OPTION VALUE]", Short: "Shows or changes the configuration file", Args: cobra.MaximumNArgs(2)}
	command.Flags().StringVar(&get, "get", "", "show an option's value")
	command.Flags().StringSliceVar(&set, "set", nil, "OPTION=VALUE")
	command.Flags().BoolVar(&list, "list", false, "show all options")
	command.RunE = func(_ *cobra.Command, args []string) error {
		file, err := readConfig(c.settings.file)
		if errors.Is(err, fs.ErrNotExist) {
			file, err = config{}, nil
		}
		switch {
		case err != nil:
			return err
		case get != "":
			_, err := findOption(get)
			if err == nil {
				fmt.Println(file.get(get))
			}
			return err
		case list:
			rows := [][]string{{"KEY", "VALUE"}}
			for _, option := range options {
				rows = append(rows, []string{option.key, file.get(option.key)})
			}
			return printTable(os.Stdout, rows)
		case len(set) == 0 && len(args) == 2:
			set = []string{args[0] + "=" + args[1]}
		case len(set) == 0:
			return command.Help()
		}
		return file.change(c.settings.file, set)
	}
	return command
}

// change writes the file with these options.
func (c config) change(name string, pairs []string) error {
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is not OPTION=VALUE", pair)
		}
		if err := c.put(key, value); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}
