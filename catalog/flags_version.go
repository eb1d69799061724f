package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	versionText = regexp.MustCompile(`^v?(\d+(?:\.\d+)+)(?:\.?post(\d+))?|^b(\d+)$`)
	tagVersion  = regexp.MustCompile(`(?:^|-)(v?\d+\.\d+(?:\.\d+)*(?:\.?post\d+)?|b\d{3,})(?:$|[-+])`)
)

// ImageVersion is the engine's version that an image's tag names, as in
// "vllm/vllm-openai:v0.32.0-x86_64" and "llama.cpp:server-cuda-b10573"; "" where
// it names none ("latest", "nightly", a digest alone).
func ImageVersion(image string) string {
	image, _, _ = strings.Cut(image, "@")
	i := strings.LastIndex(image, ":")
	if i < 0 || strings.Contains(image[i:], "/") {
		return ""
	}
	m := tagVersion.FindStringSubmatch(image[i+1:])
	if m == nil {
		return ""
	}
	return strings.TrimPrefix(m[1], "v")
}

// parseVersion reads "0.32.0", "v0.5.10.post1" and "b10573"; nil: not a version.
func parseVersion(text string) []int {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	var version []int
	for _, part := range strings.Split(m[1]+m[3], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		version = append(version, n)
	}
	if post, err := strconv.Atoi(m[2]); err == nil {
		version = append(version, post)
	}
	return version
}

// reached says that a version is known and is at least another one.
func reached(version, since string) bool {
	v, s := parseVersion(version), parseVersion(since)
	return v != nil && s != nil && slices.Compare(v, s) >= 0
}

// Before says that a version is known and older than another one.
func Before(version, other string) bool {
	v, o := parseVersion(version), parseVersion(other)
	return v != nil && o != nil && slices.Compare(v, o) < 0
}
