package docker

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// noLeaks fails the test if goroutines of this package or of its connections
// outlive it. Call it first: its check then runs last.
func noLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		var left []string
		for range 100 {
			if left = goroutines(); len(left) == 0 {
				return
			}
			time.Sleep(30 * time.Millisecond)
		}
		t.Errorf("%d goroutines left:\n%s", len(left), strings.Join(left, "\n\n"))
	})
}

func goroutines() []string {
	buf := make([]byte, 1<<20)
	var left []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, mark := range []string{"qtune/docker.(*", "moby/client", "http.(*persistConn)", "http.(*conn)"} {
			if strings.Contains(g, mark) {
				left = append(left, g)
				break
			}
		}
	}
	return left
}
