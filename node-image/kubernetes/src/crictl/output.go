package crictl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// format is how a command prints: table, json, yaml or go-template.
type format struct{ name, template string }

func (f *format) flags(set *pflag.FlagSet, initial string) {
	set.StringVarP(&f.name, "output", "o", initial, "json, yaml, table or go-template")
	set.StringVar(&f.template, "template", "", "the template, for go-template")
}

// message prints what the runtime has answered; not as a table.
func (f format) message(out io.Writer, message proto.Message) error {
	text, err := messageJSON(message)
	if err != nil {
		return err
	}
	return f.json(out, text)
}

// json prints JSON in this format.
func (f format) json(out io.Writer, text []byte) (err error) {
	switch f.name {
	case "json":
		var indented bytes.Buffer
		err = json.Indent(&indented, text, "", "  ")
		text = indented.Bytes()
	case "yaml":
		text, err = yaml.JSONToYAML(text)
	case "go-template":
		text, err = executed(f.template, text)
	default:
		err = fmt.Errorf("unsupported output format %q", f.name)
	}
	if err == nil {
		_, err = fmt.Fprintln(out, string(text))
	}
	return err
}

// statuses prints one object by itself, several as a list.
func (f format) statuses(out io.Writer, all []map[string]any) error {
	var value any = all
	if len(all) == 1 {
		value = all[0]
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return f.json(out, text)
}

func messageJSON(message proto.Message) ([]byte, error) {
	return protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
}

// status is an object as crictl's inspect commands show it: what the interface
// says under "status", beside what the runtime itself adds.
func status(message proto.Message, info map[string]string) (map[string]any, error) {
	text, err := messageJSON(message)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	shown := map[string]any{"status": fields}
	for key, value := range info {
		object := map[string]any{}
		if strings.HasPrefix(value, "{") && json.Unmarshal([]byte(value), &object) == nil {
			shown[key] = object
		} else {
			shown[key] = strings.Trim(value, `"`)
		}
	}
	return shown, nil
}

// setTimes replaces nanoseconds by times that people read.
func setTimes(shown map[string]any, times map[string]int64) {
	fields := shown["status"].(map[string]any)
	for key, nanoseconds := range times {
		moment := time.Time{}
		if nanoseconds > 0 {
			moment = time.Unix(0, nanoseconds)
		}
		fields[key] = moment.Format(time.RFC3339Nano)
	}
}

// executed is the template's outcome for this JSON.
func executed(text string, input []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(input))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	functions := template.FuncMap{
		"json": func(value any) (string, error) {
			text, err := json.Marshal(value)
			return string(text) + "\n", err
		},
		"lower": strings.ToLower, "upper": strings.ToUpper,
		"title": func(text string) string {
			if text == "" {
				return text
			}
			return strings.ToUpper(text[:1]) + text[1:]
		},
	}
	parsed, err := template.New("template").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, value)
	return out.Bytes(), err
}

// printTable prints rows, of which the first is the header.
func printTable(out io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(out, 20, 1, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// printFields prints "name: value" for each that has a value, then an empty line.
func printFields(pairs ...[2]string) {
	for _, pair := range pairs {
		if pair[1] != "" {
			fmt.Fprintf(os.Stdout, "%s: %s\n", pair[0], pair[1])
		}
	}
	fmt.Println()
}

// shown is how much of an id people see.
const shown = 13

// short is the beginning of an id or digest, unless the whole is wanted.
func short(id string, whole bool) string {
	if whole {
		return id
	}
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(shown, len(id))]
}

func ago(nanoseconds int64) string {
	return units.HumanDuration(time.Since(time.Unix(0, nanoseconds))) + " ago"
}

func size(bytes uint64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }
