package chart

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// luminance is the relative luminance of a colour, by WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 4 {
		hex = "#" + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:3], 2) + strings.Repeat(hex[3:4], 2)
	}
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatalf("colour %q: %v", hex, err)
	}
	linear := func(c uint64) float64 {
		s := float64(c&255) / 255
		if s <= .04045 {
			return s / 12.92
		}
		return math.Pow((s+.055)/1.055, 2.4)
	}
	return .2126*linear(v>>16) + .7152*linear(v>>8) + .0722*linear(v)
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// themes are the colours of the light and of the dark theme, of pictures and page.
func themes(t *testing.T) [2]map[string]string {
	t.Helper()
	page, err := os.ReadFile("../page.css")
	if err != nil {
		t.Fatal(err)
	}
	all := [2]map[string]string{{}, {}}
	for _, css := range []string{Style, string(page)} {
		light, dark, ok := strings.Cut(css, "prefers-color-scheme:dark)")
		if !ok {
			t.Fatal("no dark theme")
		}
		dark, _, _ = strings.Cut(dark, "}}")
		for i, part := range []string{light, dark} {
			for _, m := range regexp.MustCompile(`--([a-z0-9]+):(#[0-9a-f]{3,6})`).FindAllStringSubmatch(part, -1) {
				all[i][m[1]] = m[2]
			}
		}
	}
	return all
}

func TestColoursHaveContrast(t *testing.T) {
	for i, theme := range themes(t) {
		name := []string{"light", "dark"}[i]
		check := func(least float64, front string, back ...string) {
			for _, b := range back {
				if c := contrast(t, theme[front], theme[b]); c < least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", name, front, b, c, least)
				}
			}
		}
		check(4.5, "ink", "paper", "back", "mark", "code", "win")
		check(4.5, "soft", "paper", "back", "win")
		check(4.5, "good", "paper", "win")
		check(4.5, "bad", "paper")
		check(4.5, "c0", "paper") // words that open tables
		check(4.5, "heat", "h0", "h1", "h2", "h3", "h4", "h5", "h6")
		check(4.5, "soft", "hx")
		for _, c := range []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "p0", "p1", "p2", "p3", "markline"} {
			check(3, c, "paper")
		}
	}
}
