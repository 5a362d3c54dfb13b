package crictl

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Flags that scripts use, in the places where they put them. Nothing listens at
// the endpoint, so a command line that is understood fails there.
func TestCommandLines(t *testing.T) {
	nobody := "unix://" + filepath.Join(t.TempDir(), "nobody.sock")
	for _, words := range [][]string{
		{"ps", "--name", "etcd", "-q"}, {"ps", "-aq", "--label", "a=b", "--state", "Running", "--image", "x", "--pod", "p", "-l"},
		{"ps", "-a", "-o", "json"}, {"ps", "--namespace", "kube-system", "--no-trunc", "-r", "-n", "3"},
		{"pods", "--name", "coredns", "--namespace", "kube-system", "--label", "a=b", "-s", "Ready", "-q"},
		{"images"}, {"img", "-q"}, {"image", "--digests", "--no-trunc", "--pinned"}, {"images", "-o", "yaml", "-f", "dangling=true", "name"},
		{"inspecti", "-o", "go-template", "--template", "{{.status.id}}", "image"}, {"inspect", "--name", "x"}, {"inspectp", "-q", "x"},
		{"rmi", "--prune"}, {"rmi", "-a"}, {"rmi", "one", "two"}, {"imagefsinfo"}, {"stats"}, {"stats", "-a", "-s", "2", "-o", "json"},
		{"exec", "id", "ls", "-l", "--all"}, {"exec", "-it", "id", "sh"}, {"exec", "-i", "-t", "id", "sh"}, {"exec", "--state=running", "ls", "-q"},
		{"logs", "--tail=1", "id"}, {"logs", "-f", "--timestamps", "--since", "5m", "-p", "id"},
		{"stop", "-t", "3", "id"}, {"rm", "-f", "id"}, {"rm", "-af"}, {"stopp", "id"}, {"rmp", "-fa"},
		{"version"}, {"info", "-o", "go-template", "--template", "x"}, {"pull", "--creds", "a:b", "image"},
		{"-t", "1ms", "ps"}, {"--timeout", "1ms", "-D", "-i", nobody, "images"},
	} {
		command := command()
		command.SetArgs(append([]string{"-r", nobody, "--timeout", "20ms"}, words...))
		if err := command.Execute(); err == nil || err.Error() != "no container runtime answers at "+nobody {
			t.Errorf("%v: %v", words, err)
		}
	}
	for _, words := range [][]string{{"logs"}, {"ps", "name"}, {"rmi"}, {"stopp"}, {"ps", "--no-such-flag"}, {"no-such-command"}} {
		command := command()
		command.SetArgs(append([]string{"-r", nobody, "--timeout", "20ms"}, words...))
		if err := command.Execute(); err == nil || err.Error() == "no container runtime answers at "+nobody {
			t.Errorf("%v: %v", words, err)
		}
	}
}

func TestTheFileIsRespectedAndFlagsComeFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "crictl.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded := func(words ...string) settings {
		c := command()
		var s settings
		c.ResetFlags()
		s.flags(c.Flags())
		if err := c.Flags().Parse(append(words, "--config", file)); err != nil {
			t.Fatal(err)
		}
		if err := s.load(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("runtime-endpoint: unix:///a.sock\ntimeout: 10\n")
	if s := loaded(); s.runtime != "unix:///a.sock" || s.timeout != 10*time.Second {
		t.Errorf("%+v", s)
	}
	if s := loaded("-r", "/b.sock"); s.runtime != "/b.sock" || withScheme(s.runtime) != "unix:///b.sock" {
		t.Errorf("%+v", s)
	}
	t.Setenv("CONTAINER_RUNTIME_ENDPOINT", "unix:///c.sock")
	if s := loaded(); s.runtime != "unix:///c.sock" {
		t.Errorf("%+v", s)
	}

	run := func(words ...string) error {
		c := command()
		c.SetArgs(append([]string{"--config", file, "config"}, words...))
		return c.Execute()
	}
	if err := run("--set", "timeout=7,debug=true"); err != nil {
		t.Fatal(err)
	}
	if err := run("image-endpoint", "unix:///i.sock"); err != nil {
		t.Fatal(err)
	}
	got, err := readConfig(file)
	if err != nil || got.get("timeout") != "7" || got.get("debug") != "true" ||
		got.get("image-endpoint") != "unix:///i.sock" || got.get("runtime-endpoint") != "unix:///a.sock" || got.get("disable-pull-on-run") != "false" {
		t.Errorf("%v %v", got, err)
	}
	for _, wrong := range [][]string{{"--get", "color"}, {"--set", "timeout=soon"}, {"--set", "color=red"}, {"--set", "timeout"}} {
		if err := run(wrong...); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
}

func TestMomentsAreReadAsPeopleWriteThem(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"42m":                       now.Add(-42 * time.Minute),
		"2013-01-02T13:23:37":       time.Date(2013, 1, 2, 13, 23, 37, 0, time.UTC),
		"2013-01-02T13:23:37.5Z":    time.Date(2013, 1, 2, 13, 23, 37, 500_000_000, time.UTC),
		"2013-01-02T13:23:37+02:00": time.Date(2013, 1, 2, 11, 23, 37, 0, time.UTC),
		"2013-01-02":                time.Date(2013, 1, 2, 0, 0, 0, 0, time.UTC),
		"1357133017.25":             time.Unix(1357133017, 250_000_000),
	} {
		if got, err := moment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	if _, err := moment("soon", now); err == nil {
		t.Error("\"soon\" is accepted")
	}
}

func TestTheUseOfProcessorsIsADifference(t *testing.T) {
	use := func(id string, at int64, nanoseconds, memory uint64) *cri.ContainerStats {
		return &cri.ContainerStats{
			Attributes: &cri.ContainerAttributes{Id: id, Metadata: &cri.ContainerMetadata{Name: "name-" + id}},
			Cpu:        &cri.CpuUsage{Timestamp: at, UsageCoreNanoSeconds: &cri.UInt64Value{Value: nanoseconds}},
			Memory:     &cri.MemoryUsage{WorkingSetBytes: &cri.UInt64Value{Value: memory}},
		}
	}
	first := []*cri.ContainerStats{use("b", 1000, 100, 1), use("a", 1000, 0, 0), use("c", 1000, 5, 5)}
	second := []*cri.ContainerStats{use("b", 2000, 350, 2_000_000), use("a", 2000, 0, 0), use("new", 2000, 9, 9)}
	for all, want := range map[bool][]string{false: {"CONTAINER", "b"}, true: {"CONTAINER", "a", "b"}} {
		rows := statsRows(first, second, all)
		if len(rows) != len(want) {
			t.Fatalf("%v: %v", all, rows)
		}
		for i, row := range rows {
			if row[0] != want[i] {
				t.Errorf("%v: %v", all, rows)
			}
		}
		last := rows[len(rows)-1]
		if last[1] != "name-b" || last[2] != "25.00" || last[3] != "2MB" {
			t.Errorf("%v", last)
		}
	}
}
