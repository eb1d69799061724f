package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/tuner"
)

// under puts the sample's run on a card that the catalog knows.
func under(t *testing.T, run *tuner.PastRun, cardName string) *tuner.PastRun {
	t.Helper()
	card, _ := catalog.FindCard(cardName)
	model, ok := catalog.FindModel("Qwen/Qwen3-8B")
	if !ok || card.Name == "" {
		t.Fatal("the catalog has lost them")
	}
	for _, r := range run.Results {
		for _, w := range r.Workloads {
			for i := range w.Levels {
				w.Levels[i].InputTokens, w.Levels[i].OutputTokens = 120*64, 120*w.Levels[i].RequestedOutputTokens
			}
		}
	}
	run.Outcome.CompareWithCeiling(tuner.Roof{Card: card, Model: model}, run.Results)
	return run
}

func TestCeilingInEveryForm(t *testing.T) {
	forms := map[string]func(*Document, *strings.Builder) error{
		"text":     func(d *Document, b *strings.Builder) error { return d.Plain(b) },
		"Markdown": func(d *Document, b *strings.Builder) error { return d.Markdown(b) },
		"HTML":     func(d *Document, b *strings.Builder) error { return d.HTML(b) },
	}
	for lang, title := range map[string]string{"en": "How far from the card's limit", "ko": "카드의 한계까지 남은 거리"} {
		d := document(t, under(t, sample(t, false), "RTX 5090"), lang)
		for form, write := range forms {
			var b strings.Builder
			if err := write(d, &b); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(b.String(), "&#39;", "'")
			for _, want := range []string{title, "107 %", "RTX 5090"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s in %s has no %q", form, lang, want)
				}
			}
		}
	}
}

func TestNothingIsAboveTheCeilingUnsaid(t *testing.T) {
	for _, lang := range []string{"en", "ko"} {
		d := document(t, under(t, sample(t, false), "RTX 4090"), lang) // 1008 GB/s: half of what the sample gives
		said := slices.ContainsFunc(d.Cautions, func(c string) bool {
			return strings.Contains(c, "is more than the") && lang == "en" || strings.Contains(c, "불가능") && lang == "ko"
		})
		if !said {
			t.Errorf("%s: %q", lang, d.Cautions)
		}
	}
	var b strings.Builder
	run := under(t, sample(t, false), "RTX 4090")
	if err := Text(&b, run.Outcome); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "caution: ") || !strings.Contains(b.String(), "that the card can do: impossible") {
		t.Errorf("the text does not say it:\n%s", b.String())
	}
	noted := slices.ContainsFunc(run.Outcome.Rows, func(r tuner.Row) bool {
		return r.Winner && slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "impossible") })
	})
	if !noted {
		t.Error("the winner's row has no note of it")
	}
}

func TestUnknownCeilingIsSaidInALine(t *testing.T) {
	run := sample(t, false)
	run.Outcome.CompareWithCeiling(tuner.Roof{Unknown: "this machine has no GPU"}, run.Results)
	var b strings.Builder
	if err := Text(&b, run.Outcome); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "  the card's ceiling is not known: this machine has no GPU\n") {
		t.Errorf("nothing is said:\n%s", b.String())
	}
	for lang, want := range map[string]string{"en": "No share can be given: this machine has no GPU.", "ko": "비율을 알 수 없습니다: 이 기기에 GPU가 없음."} {
		var md strings.Builder
		if err := document(t, run, lang).Markdown(&md); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(md.String(), want) {
			t.Errorf("%s has no %q", lang, want)
		}
	}
}

func TestSimulatedShareSaysSo(t *testing.T) {
	run := under(t, sample(t, true), "RTX 5090")
	if line := ceilingLine(&run.Outcome.Summary); !strings.HasSuffix(line, "(simulated)") {
		t.Error(line)
	}
}
