package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/tuner"
)

// large is a run of a thousand trials.
func large(t testing.TB) *tuner.PastRun {
	list := func(n int, format string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(format, i+1))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	p := profileOf(t, list(25, "%d"), list(10, "0.5%02d"), `["triton", "flashinfer", "fa3", "torch_native"]`)
	return past(p, history(p, true))
}

// The limit of a report of a thousand trials.
const mostBytes = 5e6

func TestAThousandTrialsStaySmall(t *testing.T) {
	run := large(t)
	if len(run.Results) < 1000 {
		t.Fatalf("%d trials", len(run.Results))
	}
	text := asHTML(t, document(t, run, "en"))
	t.Logf("%d trials: %.2f MB", len(run.Results), float64(len(text))/1e6)
	if len(text) > mostBytes {
		t.Errorf("%d bytes", len(text))
	}
}

func BenchmarkAThousandTrials(b *testing.B) {
	run := large(b)
	b.ResetTimer()
	for range b.N {
		d, err := NewDocument(run, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := d.HTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONOfAThousandTrials(b *testing.B) {
	run := large(b)
	b.ResetTimer()
	for range b.N {
		var text bytes.Buffer
		if err := JSON(&text, run, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPages writes the pages of every kind of run for scripts/report-page.sh, which opens
// them in a browser.
func TestPages(t *testing.T) {
	dir := os.Getenv("QTUNE_PAGES")
	if dir == "" {
		t.Skip("QTUNE_PAGES names no folder: scripts/report-page.sh does, and looks at the pages")
	}
	runs := kinds(t)
	runs["large"] = large(t)
	for name, run := range runs {
		for _, lang := range []string{"en", "ko"} {
			page := filepath.Join(dir, name+"."+lang+".html")
			if err := os.WriteFile(page, []byte(asHTML(t, document(t, run, lang))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
