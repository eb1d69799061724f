package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/qtune/qtune/tuner"
)

// FuzzReport makes every form of a report from whatever a run's folder may hold:
// old, torn and foreign journals and results. None may end in a panic.
func FuzzReport(f *testing.F) {
	run := sample(f, true)
	journal := func(records []tuner.Record) string {
		var b strings.Builder
		for _, r := range records {
			line, err := json.Marshal(r)
			if err != nil {
				f.Fatal(err)
			}
			b.Write(line)
			b.WriteByte('\n')
		}
		return b.String()
	}
	stored, err := json.Marshal(run.Outcome)
	if err != nil {
		f.Fatal(err)
	}
	records := history(run.Profile, true)
	f.Add(journal(records[:3]), string(stored))
	f.Add(journal(records[:6]), "")
	f.Add(journal(records[:2]), `{"summary":{"winner":{"engine":"vllm"},"gain":1},"rows":[{"value":1,"winner":true}]}`)
	f.Add(journal(records[:1])+`{"type":"trial_done"}`+"\n"+`{"type":"level"}`+"\n", `{}`)
	f.Fuzz(func(t *testing.T, journal, result string) {
		records, err := tuner.ReadJournal(strings.NewReader(journal))
		if err != nil && len(records) == 0 {
			t.Skip("no journal")
		}
		var outcome *tuner.Outcome
		if result != "" {
			outcome = &tuner.Outcome{}
			if json.Unmarshal([]byte(result), outcome) != nil {
				t.Skip("no result")
			}
		}
		everyForm(t, tuner.Rebuild(records, nil, outcome), []string{"en", "ko"}[len(journal)%2])
	})
}

func everyForm(t *testing.T, run *tuner.PastRun, lang string) {
	d := document(t, run, lang)
	text := asHTML(t, d)
	if strings.Contains(text, "<script") {
		t.Error("a script in the page")
	}
	asMarkdown(t, d)
	if err := d.Plain(io.Discard); err != nil {
		t.Error(err)
	}
	var b bytes.Buffer
	for _, err := range []error{CSV(&b, run), FullCSV(&b, run), JSON(&b, run, "v1")} {
		if err != nil {
			t.Error(err)
		}
	}
}
