package engine

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/qtune/qtune/profiles"
)

// What a server says of a pull is read up to a bound, whatever it says.
func TestAPullIsFollowedWithinBounds(t *testing.T) {
	var many strings.Builder
	for i := range 2 * maxPullFiles {
		fmt.Fprintf(&many, "{\"digest\":\"%d\",\"total\":1,\"completed\":1}\n", i)
	}
	for _, tt := range []struct {
		why    string
		stream io.Reader
		says   string // "": it succeeds
		files  int64  // counted by its end
	}{
		{"two files", strings.NewReader("{\"status\":\"pulling\"}\n{\"digest\":\"a\",\"total\":1}\n{\"digest\":\"b\",\"total\":1}\n{\"status\":\"success\"}"), "", 2},
		{"blank lines between", strings.NewReader("\n{\"digest\":\"a\",\"total\":1}\r\n\r\n \n{\"status\":\"success\"}"), "", 1},
		{"a string without an end", io.MultiReader(strings.NewReader(`{"status":"`), endless{}), "too long", 0},
		{"more files than any model has", strings.NewReader(many.String() + `{"status":"success"}`), "", maxPullFiles},
		{"an error", strings.NewReader(`{"error":"no such model"}`), "no such model", 0},
		{"no word of the end", strings.NewReader(`{"status":"pulling"}`), "without saying why (HTTP 200)", 0},
		{"no JSON", strings.NewReader("<html>"), "invalid character", 0},
	} {
		files := int64(0)
		p := &puller{store: t.TempDir(), fetch: Fetch{Model: profiles.Model{ID: "m"}, Progress: func(_, total int64) { files = total }}}
		err := p.follow(tt.stream, 200, func() {})
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) || files != tt.files {
			t.Errorf("%s: %v, %d files", tt.why, err, files)
		}
	}
}

// endless is text that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
