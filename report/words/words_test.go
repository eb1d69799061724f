package words

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for locale, want := range map[string]string{"ko_KR.UTF-8": "ko", "ko": "ko", "KO-kr": "ko", "en_US.UTF-8": "en", "C": "en", "": "en", "kok_IN": "en", "de_DE": "en"} {
		if got := Match(locale); got != want {
			t.Errorf("Match(%q) = %q, want %q", locale, got, want)
		}
	}
}

// verb is a place in a message where an argument goes.
var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([sd%])`)

// verbs are the places of a message by number; without numbers they count.
func verbs(format string) []string {
	var all []string
	for i, m := range verb.FindAllStringSubmatch(strings.ReplaceAll(format, "%%", ""), -1) {
		n := m[1]
		if n == "" {
			n = string(rune('1' + i))
		}
		all = append(all, n+m[2])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestNoKeyIsMissing(t *testing.T) {
	english, err := For("en")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range Tags() {
		w, err := For(tag)
		if err != nil {
			t.Fatal(err)
		}
		for key, text := range english.messages {
			got, ok := w.messages[key]
			if !ok {
				t.Errorf("%s has no %s: %q", tag, key, text)
			}
			if (got == "") != (text == "") {
				t.Errorf("%s: %s is empty in one language alone", tag, key)
			}
			if a, b := verbs(text), verbs(got); !slices.Equal(a, b) {
				t.Errorf("%s: %s takes %q, in English %q", tag, key, b, a)
			}
		}
		for key := range w.messages {
			if _, ok := english.messages[key]; !ok {
				t.Errorf("%s has %s, which English lacks", tag, key)
			}
		}
	}
}

func TestEveryKeyInTheCodeHasWords(t *testing.T) {
	english, err := For("en")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	others, err := filepath.Glob("../../compare/show/*.go")
	if err != nil || len(others) < 3 {
		t.Fatal(others, err)
	}
	files = append(files, others...)
	code := ""
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			code += string(text)
		}
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:Say|Has)\("([a-z0-9.]+)"[,)]`).FindAllStringSubmatch(code, -1) {
		used[m[1]] = true
		if !english.Has(m[1]) {
			t.Errorf("the code says %q, which has no words", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`b\.section\("([a-z]+)"`).FindAllStringSubmatch(code, -1) {
		for _, part := range []string{".title", ".lead"} {
			used[m[1]+part] = true
			if !english.Has(m[1] + part) {
				t.Errorf("section %s has no %s", m[1], part)
			}
		}
	}
	computed := regexp.MustCompile(`^(metric|class|about|kind|phase|fault|goal|env|strategy|hardware|compare\.(verdict|why|gate|reason))\.`)
	for key := range english.messages {
		if !used[key] && !computed.MatchString(key) {
			t.Errorf("nothing says %s", key)
		}
	}
}

func TestTranslate(t *testing.T) {
	ko, err := For("ko")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ english, want string }{
		{"20 users", "사용자 20명"},
		{"1 user", "사용자 1명"},
		{"burst of 5", "동시 요청 5개"},
		{"ttft_p95 ≤ 2.00 s at burst of 20", "동시 요청 20개에서 ttft_p95 ≤ 2.00 s"},
		{"ttft_p95 ≤ 400 ms at 32 users", "사용자 32명에서 ttft_p95 ≤ 400 ms"},
		{"no energy_per_token: no card told what it took, or no token came", "energy_per_token 없음: 소비 전력을 알려 준 카드가 없거나 토큰이 오지 않음"},
		{"failed: gpu_oom", "실패: GPU 메모리 부족"},
		{"failed: not_known_yet", "실패: not_known_yet"},
		{"3 of 40 requests ended early, with fewer tokens than asked for", "요청 40개 중 3개가 요청한 것보다 적은 토큰으로 일찍 끝남"},
		{"budget: time", "예산: 시간"},
	}
	for _, tt := range tests {
		if got, ok := ko.Translate(tt.english); got != tt.want || !ok {
			t.Errorf("Translate(%q) = %q %v, want %q", tt.english, got, ok, tt.want)
		}
	}
	if got, ok := ko.Translate("nobody has said this"); ok || got != "nobody has said this" {
		t.Errorf("an unknown sentence became %q", got)
	}
	if _, err := For("xx"); err == nil {
		t.Error("words of a language that is not there")
	}
}

func TestSentencesComeInTheRightOrder(t *testing.T) {
	text, err := files.ReadFile("ko.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalog struct{ Sentences [][2]string }
	if err := json.Unmarshal(text, &catalog); err != nil {
		t.Fatal(err)
	}
	ko, err := For("ko")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range catalog.Sentences {
		english := strings.ReplaceAll(s[0], "*", "7")
		want := s[1]
		for i := range strings.Count(s[0], "*") {
			want = strings.ReplaceAll(want, "{"+string(rune('1'+i))+"}", "7")
		}
		if got, _ := ko.Translate(english); got != want {
			t.Errorf("%q is caught by another sentence: %q", english, got)
		}
	}
}
