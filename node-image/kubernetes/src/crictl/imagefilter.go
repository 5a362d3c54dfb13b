package crictl

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// chooseImages are those with a name and under all conditions, sorted by name.
// containerd itself ignores the name.
func chooseImages(all []*cri.Image, name string, conditions []string) ([]*cri.Image, error) {
	chosen := slices.DeleteFunc(slices.Clone(all), func(each *cri.Image) bool { return name != "" && !hasName(each, name) })
	slices.SortStableFunc(chosen, func(a, b *cri.Image) int { return cmp.Compare(sortKey(a), sortKey(b)) })
	for _, condition := range conditions {
		kind, value, _ := strings.Cut(condition, "=")
		switch kind {
		case "dangling":
			chosen = slices.DeleteFunc(chosen, func(each *cri.Image) bool { return (len(each.GetRepoTags()) == 0) != (value == "true") })
		case "reference":
			pattern, err := regexp.Compile(value)
			if err != nil {
				return nil, err
			}
			chosen = slices.DeleteFunc(chosen, func(each *cri.Image) bool { return !matches(each, pattern) })
		case "since": // crictl means the order of the list
			chosen = before(chosen, value)
		case "before":
			slices.Reverse(chosen)
			chosen = before(chosen, value)
			slices.Reverse(chosen)
		default:
			return nil, fmt.Errorf("unknown filter: %s", condition)
		}
	}
	return chosen, nil
}

func sortKey(image *cri.Image) string {
	for _, names := range [][]string{image.GetRepoTags(), image.GetRepoDigests()} {
		if len(names) > 0 {
			return names[0]
		}
	}
	return image.GetId()
}

// hasName also takes a name without tag, without Docker's registry, and an id.
func hasName(image *cri.Image, name string) bool {
	if strings.HasPrefix(strings.TrimPrefix(image.GetId(), "sha256:"), strings.TrimPrefix(name, "sha256:")) {
		return true
	}
	named, err := reference.ParseDockerRef(name)
	if err != nil {
		return false
	}
	wanted := named.String()
	if parsed, err := reference.ParseNormalizedNamed(name); err == nil && reference.IsNameOnly(parsed) {
		wanted = parsed.String() // any tag
	}
	return slices.ContainsFunc(slices.Concat(image.GetRepoTags(), image.GetRepoDigests()), func(each string) bool {
		return each == wanted || strings.HasPrefix(each, wanted+":") || strings.HasPrefix(each, wanted+"@")
	})
}

func matches(image *cri.Image, pattern *regexp.Regexp) bool {
	repository, _ := repositoryAndDigest(image)
	return pattern.MatchString(repository) || slices.ContainsFunc(image.GetRepoTags(), pattern.MatchString)
}

func before(images []*cri.Image, name string) []*cri.Image {
	if at := slices.IndexFunc(images, func(each *cri.Image) bool { return hasName(each, name) }); at >= 0 {
		return images[:at]
	}
	return images
}
