package crictl

import (
	"slices"
	"strings"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	other  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	third  = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
)

func someImages() []*cri.Image {
	return []*cri.Image{
		{Id: other, RepoTags: []string{"registry.k8s.io/pause:3.10", "docker.io/library/web:1"}, Size: 1_500_000, Pinned: true},
		{Id: digest, RepoTags: []string{"docker.io/library/old:1"}, RepoDigests: []string{"docker.io/library/old@" + digest}, Size: 12},
		{Id: third, RepoDigests: []string{"example.org/lost@" + third}},
	}
}

func TestImagesAreChosen(t *testing.T) {
	for _, c := range []struct {
		name       string
		conditions []string
		want       []string
	}{
		{"", nil, []string{digest, third, other}},
		{"old", nil, []string{digest}},
		{"old:1", nil, []string{digest}},
		{"old:2", nil, nil},
		{"ol", nil, nil},
		{"docker.io/library/web", nil, []string{other}},
		{"registry.k8s.io/pause", nil, []string{other}},
		{"example.org/lost", nil, []string{third}},
		{"old@" + digest, nil, []string{digest}},
		{digest, nil, []string{digest}},
		{"1111111", nil, []string{digest}},
		{"", []string{"dangling=true"}, []string{third}},
		{"", []string{"dangling=false"}, []string{digest, other}},
		{"", []string{"reference=pause|lost"}, []string{third, other}},
		{"", []string{"since=registry.k8s.io/pause:3.10"}, []string{digest, third}},
		{"", []string{"dangling=false", "reference=old"}, []string{digest}},
		{"", []string{"before=old:1"}, []string{third, other}},
	} {
		chosen, err := chooseImages(someImages(), c.name, c.conditions)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, each := range chosen {
			got = append(got, each.GetId())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q %v: %v, want %v", c.name, c.conditions, got, c.want)
		}
	}
	if _, err := chooseImages(nil, "", []string{"size=3"}); err == nil {
		t.Error("an unknown filter must be refused")
	}
}

func TestImagesHaveARowForEachName(t *testing.T) {
	for _, c := range []struct {
		digests, whole, pinned bool
		want                   []string
	}{
		{false, false, false, []string{
			"IMAGE|TAG|IMAGE ID|SIZE",
			"registry.k8s.io/pause|3.10|2222222222222|1.5MB", "docker.io/library/web|1|2222222222222|1.5MB",
			"docker.io/library/old|1|1111111111111|12B", "example.org/lost|<none>|3333333333333|0B",
		}},
		{true, true, true, []string{
			"IMAGE|TAG|DIGEST|IMAGE ID|SIZE|PINNED",
			"registry.k8s.io/pause|3.10|<none>|" + other + "|1.5MB|true", "docker.io/library/web|1|<none>|" + other + "|1.5MB|true",
			"docker.io/library/old|1|" + digest + "|" + digest + "|12B|false", "example.org/lost|<none>|" + third + "|" + third + "|0B|false",
		}},
	} {
		var got []string
		for _, row := range imageRows(someImages(), c.digests, c.whole, c.pinned) {
			got = append(got, strings.Join(row, "|"))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPruningLeavesWhatIsUsedOrPinned(t *testing.T) {
	used := map[string]bool{digest: true}
	if got := unused(someImages(), used, true); !slices.Equal(got, []string{third}) {
		t.Errorf("prune: %v", got)
	}
	if got := unused(someImages(), nil, false); len(got) != 3 {
		t.Errorf("all: %v", got)
	}
}

func TestCredentials(t *testing.T) {
	for _, c := range []struct{ credentials, auth, name, password string }{
		{"me:se:cret", "", "me", "se:cret"}, {"me", "", "me", ""}, {"", "bWU6cHc=", "me", "pw"},
	} {
		got, err := authConfig(c.credentials, c.auth)
		if err != nil || got.Username != c.name || got.Password != c.password {
			t.Errorf("%v: %v %v", c, got, err)
		}
	}
	if got, err := authConfig("", ""); got != nil || err != nil {
		t.Errorf("%v %v", got, err)
	}
	for _, wrong := range [][2]string{{"a:b", "bWU6cHc="}, {"", "%"}} {
		if _, err := authConfig(wrong[0], wrong[1]); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
}
