package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report/chart"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

func asHTML(t testing.TB, d *Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func asMarkdown(t testing.TB, d *Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// kinds are runs of every kind that a report may meet.
func kinds(t testing.TB) map[string]*tuner.PastRun {
	p := profileOf(t, "[4, 16]", "[0.8, 0.9, 0.97]", `["triton", "flashinfer"]`)
	records := history(p, false)
	noWinner, kept := sample(t, false), sample(t, false)
	noWinner.Outcome.Summary.Winner, noWinner.Outcome.Summary.Gain, noWinner.Outcome.Best = nil, nil, nil
	kept.Outcome.Summary.KeptBaseline, kept.Outcome.Summary.Winner, kept.Outcome.Best = true, kept.Outcome.Summary.Baseline, kept.Outcome.Base
	doubted := sample(t, true)
	doubted.Outcome.Summary.Doubt = "the intervals of the winner and the baseline overlap: the difference may be noise"
	interrupted := sample(t, false)
	interrupted.Outcome.Summary.Error, interrupted.Outcome.Summary.NotRun = "The run ended early: interrupt", 3
	return map[string]*tuner.PastRun{
		"measured": sample(t, false), "simulated": sample(t, true), "doubted": doubted, "interrupted": interrupted,
		"no-winner": noWinner, "kept": kept, "two": ofTwo(t),
		"crashed":         tuner.Rebuild(records[:30], p, nil),
		"crashed-at-once": tuner.Rebuild(records[:1], p, nil),
		"no-profile":      tuner.Rebuild(records[:40], nil, nil),
		"stored":          {Outcome: outcome()},
	}
}

func TestMarkdown(t *testing.T) {
	runs := kinds(t)
	for _, name := range []string{"measured", "simulated", "crashed", "no-profile", "two"} {
		for _, lang := range words.Tags() {
			golden(t, name+"."+lang+".md", asMarkdown(t, document(t, runs[name], lang)))
		}
	}
}

func TestPlain(t *testing.T) {
	for _, lang := range words.Tags() {
		var b bytes.Buffer
		if err := document(t, sample(t, true), lang).Plain(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, "simulated."+lang+".txt", b.String())
		for line := range strings.Lines(b.String()) {
			if words.Columns(line) > lineWidth+60 && !strings.Contains(line, "  ") {
				t.Errorf("a paragraph of %d columns: %s", words.Columns(line), line)
			}
		}
	}
}

func TestEveryRunHasWordsInEveryLanguage(t *testing.T) {
	for name, run := range kinds(t) {
		for _, lang := range words.Tags() {
			d := document(t, run, lang)
			text := asHTML(t, d) + asMarkdown(t, d)
			for _, bad := range []string{words.Missing, "%!", "NaN", "Inf", "0x"} {
				if at := strings.Index(text, bad); at >= 0 {
					t.Errorf("%s in %s has %q: …%s…", name, lang, bad, text[max(0, at-80):min(len(text), at+80)])
				}
			}
			if len(d.Headline) < 10 {
				t.Errorf("%s in %s: headline %q", name, lang, d.Headline)
			}
		}
	}
}

func TestEveryMetricHasWords(t *testing.T) {
	for _, lang := range words.Tags() {
		w, err := words.For(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range bench.Metrics() {
			if !w.Has("metric." + m.Name) {
				t.Errorf("%s has no words for %s", lang, m.Name)
			}
		}
	}
}

// english are words that a Korean page may hold: names, units and what a
// program printed.
var english = regexp.MustCompile(`^[A-Za-z0-9 .,:;/()=×·%|<>&#*"'\[\]\\_+−–…≤≥-]*$`)

func TestKoreanPageIsNotHalfTranslated(t *testing.T) {
	run := sample(t, true)
	d := document(t, run, "ko")
	check := func(where, text string) {
		if strings.Count(text, " ") >= 4 && english.MatchString(text) {
			t.Errorf("%s is English: %q", where, text)
		}
	}
	check("headline", d.Headline)
	for _, s := range d.Sections {
		check("title of "+s.ID, s.Title)
		check("lead of "+s.ID, s.Lead)
		for _, b := range s.Blocks {
			check("text in "+s.ID, b.Text)
			for _, l := range b.List {
				check("list in "+s.ID, l)
			}
			if b.Fault != nil {
				check("fault", b.Fault.Title+" "+b.Fault.What)
			}
		}
	}
}

func TestPageLoadsNothing(t *testing.T) {
	text := asHTML(t, document(t, sample(t, true), "en"))
	for _, bad := range []string{"http:", "https:", "//www", "<script", "<link", "<img", "<iframe", "@import", "url(", "src="} {
		if at := strings.Index(text, bad); at >= 0 {
			t.Errorf("%q in …%s…", bad, text[max(0, at-60):min(len(text), at+60)])
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "#") || !strings.Contains(text, `id="`+m[1][1:]+`"`) {
			t.Errorf("a link to %q", m[1])
		}
	}
	if !strings.Contains(text, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		t.Error("no content security policy")
	}
}

func TestEveryTableAndPictureSaysSimulated(t *testing.T) {
	text := asHTML(t, document(t, sample(t, true), "en"))
	for _, re := range []string{`<caption>[^<]*</caption>`, `<figcaption>[^<]*</figcaption>`, `<svg [^>]*>`} {
		all := regexp.MustCompile(re).FindAllString(text, -1)
		if len(all) < 5 {
			t.Errorf("only %d of %s", len(all), re)
		}
		for _, m := range all {
			if !strings.Contains(m, "simulated") {
				t.Errorf("no word of simulation in %s", m)
			}
		}
	}
	measured := asHTML(t, document(t, sample(t, false), "en"))
	if strings.Contains(measured, "simulated") {
		t.Error("a measured run says simulated")
	}
}

const hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>|`*_]]>\x00\x1b[31m</title></svg>=cmd"

func TestHostileNamesStayText(t *testing.T) {
	run := sample(t, false)
	for i := range run.Outcome.Rows {
		run.Outcome.Rows[i].Varies, run.Outcome.Rows[i].Name, run.Outcome.Rows[i].Notes = hostile, hostile, []string{hostile}
		if f := run.Outcome.Rows[i].Failure; f != nil {
			*f = engine.Failure{Class: hostile, Fault: engine.FaultMachine, Line: hostile + "\n```\n# x", Hint: hostile}
		}
	}
	for i := range run.Results {
		r := &run.Results[i]
		r.Name, r.Facts.EngineVersion, r.Command = hostile, hostile, []string{hostile}
		r.Flags = append(r.Flags, profiles.Flag{Name: "x", Value: profiles.String(hostile)})
		for w := range r.Workloads {
			r.Workloads[w].Workload = hostile
		}
	}
	run.Outcome.Best, run.Outcome.Base = &run.Results[1], &run.Results[0]
	run.Outcome.Summary.Winner.Name, run.Outcome.Summary.Error, run.Header.Host, run.Header.Profile, run.Outcome.Profile = hostile, hostile, hostile, hostile, hostile
	run.Source = []byte(hostile)
	d := document(t, run, "en")
	text := asHTML(t, d)
	for _, bad := range []string{"<script", "<img", "\x00", "\x1b", "]]>\x00"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for name, drawing := range d.Drawings() {
		var b bytes.Buffer
		if err := drawing.File(&b, hostile); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, name, b.String())
	}
	if md := asMarkdown(t, d); strings.Contains(md, "<script") && !strings.Contains(md, "```") {
		t.Error("Markdown with a script outside of a code block")
	}
	var b bytes.Buffer
	if err := CSV(&b, run); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) < 50 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v in %.400s", name, err, text)
		}
		if s, ok := tok.(xml.StartElement); ok && s.Name.Local == "script" {
			t.Errorf("%s has a script", name)
		}
	}
}

func TestDrawings(t *testing.T) {
	drawings := document(t, sample(t, true), "en").Drawings()
	want := []string{"e2e-by-throughput-closed-chat.svg", "effects-sglang-tuned.svg", "heat-sglang-tuned.svg", "latency-by-length-chat.svg", "pareto.svg", "throughput-by-users-chat.svg", "timeline.svg", "ttft-by-throughput-closed-chat.svg"}
	if got := slices.Sorted(maps.Keys(drawings)); !slices.Equal(got, want) {
		t.Errorf("drawings %q, want %q", got, want)
	}
	for name, d := range drawings {
		var b bytes.Buffer
		if err := d.File(&b, "Run r · simulated"); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, name, b.String())
		golden(t, name, strings.Replace(b.String(), chart.Style, "", 1))
	}
}

func TestSecretsStayOut(t *testing.T) {
	run := sample(t, false)
	run.Profile.Secrets = []profiles.Secret{{Name: "var.token", Value: "hunter2secret"}}
	run.Source = []byte(`token = "hunter2secret"`)
	if text := asHTML(t, document(t, run, "en")); strings.Contains(text, "hunter2secret") || !strings.Contains(text, "(var.token)") {
		t.Error("a secret of the profile is in the page")
	}
	run.Profile, run.Source = nil, []byte("sensitive = true\ndefault = \"hunter2secret\"")
	if text := asHTML(t, document(t, run, "en")); strings.Contains(text, "hunter2secret") {
		t.Error("a secret of a profile that cannot be read is in the page")
	}
}
