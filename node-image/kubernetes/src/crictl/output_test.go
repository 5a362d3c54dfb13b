package crictl

import (
	"bytes"
	"encoding/json"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func shownContainer(t *testing.T) map[string]any {
	message := &cri.ContainerStatus{Id: "abc", State: cri.ContainerState_CONTAINER_RUNNING, CreatedAt: 1_700_000_000_000_000_000}
	shown, err := status(message, map[string]string{"info": `{"pid": 42}`, "golang": `"go1.26"`})
	if err != nil {
		t.Fatal(err)
	}
	setTimes(shown, map[string]int64{"createdAt": message.CreatedAt, "finishedAt": 0})
	return shown
}

func TestObjectsAreShownInEachFormat(t *testing.T) {
	for _, c := range []struct {
		format format
		want   string
	}{
		{format{"go-template", "{{.status.state}} {{.info.pid}} {{.golang}}"}, "CONTAINER_RUNNING 42 go1.26\n"},
		{format{"go-template", "{{json .info}}"}, "{\"pid\":42}\n\n"},
		{format{"go-template", "{{title (lower .status.state)}}"}, "Container_running\n"},
	} {
		var out bytes.Buffer
		if err := c.format.statuses(&out, []map[string]any{shownContainer(t)}); err != nil || out.String() != c.want {
			t.Errorf("%v: %q %v", c.format, out.String(), err)
		}
	}
	for _, name := range []string{"json", "yaml"} {
		var out bytes.Buffer
		if err := (format{name: name}).statuses(&out, []map[string]any{shownContainer(t)}); err != nil || out.Len() == 0 {
			t.Errorf("%s: %q %v", name, out.String(), err)
		}
	}
	for _, wrong := range []format{{name: "xml"}, {"go-template", "{{.missing}}"}, {"go-template", "{{"}} {
		if err := wrong.statuses(&bytes.Buffer{}, []map[string]any{shownContainer(t)}); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
}

func TestSeveralObjectsAreAList(t *testing.T) {
	var out bytes.Buffer
	one := shownContainer(t)
	if err := (format{name: "json"}).statuses(&out, []map[string]any{one, one}); err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Status struct{ ID, CreatedAt, FinishedAt string }
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list) != 2 || list[1].Status.ID != "abc" {
		t.Fatalf("%s: %v", out.String(), err)
	}
	if got := list[0].Status.FinishedAt; got != "0001-01-01T00:00:00Z" {
		t.Errorf("what has not ended has no time: %s", got)
	}
}

func TestListsHaveTheirFieldsEvenWhenEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := (format{name: "json"}).message(&out, &cri.ListImagesResponse{Images: []*cri.Image{{Id: "a"}}}); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Images []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"id", "repoTags", "repoDigests", "size", "pinned"} {
		if _, has := answer.Images[0][field]; !has {
			t.Errorf("no %s: %s", field, out.String())
		}
	}
}

func TestIdsAreShortened(t *testing.T) {
	for _, c := range []struct {
		id    string
		whole bool
		want  string
	}{
		{"sha256:0123456789abcdef", false, "0123456789abc"}, {"0123456789abcdef", false, "0123456789abc"},
		{"sha256:0123456789abcdef", true, "sha256:0123456789abcdef"}, {"ab", false, "ab"},
	} {
		if got := short(c.id, c.whole); got != c.want {
			t.Errorf("%s: %s", c.id, got)
		}
	}
}
