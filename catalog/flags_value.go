package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// humanInt is a whole number as vLLM and SGLang also take it: 8k is 8000, 8K is 8192.
var humanInt = regexp.MustCompile(`^\d+(\.\d+)?[kmgtKMGT]$`)

// CheckValue says what is wrong with a value of this flag, given as text: of a flag
// that takes several, one of them; of a JSON flag, its JSON. What the catalog cannot
// judge (a flag it does not hold, a key inside of JSON) passes.
func (s *FlagSet) CheckValue(name, value, version string) []Notice {
	f, ok := s.Lookup(name)
	if !ok || f.Type == FlagAny || slices.Contains(f.ExtraWords, value) {
		return nil
	}
	if detail := f.refuses(value); detail != "" {
		return []Notice{s.refusal(f, value, version, detail)}
	}
	return f.notesOn(value, version)
}

// refusal is an error, unless the version is one that may take more than the catalog knows.
func (s *FlagSet) refusal(f Flag, value, version, detail string) Notice {
	n := failure(fmt.Sprintf("%s does not take `%s` for `%s`", s.Title, value, f.Name), detail)
	if f.Choices != nil && !s.speaksFor(version) && version != "" {
		n.Severity = SeverityWarning
		n.Detail += fmt.Sprintf(" (As of %s %s, the version that qtune knows.)", s.Title, s.Version)
	}
	return n
}

// refuses is why a value is none of this flag's, as a sentence; "" if it is one.
func (f Flag) refuses(value string) string {
	if f.Choices != nil {
		return f.notChoice(value)
	}
	switch f.Type {
	case FlagBool:
		if value != "true" && value != "false" {
			return "It is a switch: write true, false, or null to leave it off."
		}
	case FlagInt:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil && !humanInt.MatchString(value) {
			return "It takes a whole number."
		}
	case FlagFloat:
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return "It takes a number."
		}
	case FlagJSON:
		if !json.Valid([]byte(value)) && looksLikeJSON(value) {
			return "It takes JSON: write it as an object, { key = value }."
		}
	}
	return f.outside(value)
}

func looksLikeJSON(value string) bool { return strings.HasPrefix(strings.TrimSpace(value), "{") }

func (f Flag) notChoice(value string) string {
	for _, c := range f.Choices {
		if c == value || f.Folds && fold(c) == fold(value) {
			return ""
		}
	}
	detail := fmt.Sprintf("It takes one of: %s.", strings.Join(f.Choices, ", "))
	if near := Nearest(value, f.Choices); near != "" {
		return fmt.Sprintf("Did you mean `%s`? %s", near, detail)
	}
	return detail
}

// outside is why a number is not in the flag's range, as a sentence; "" if it is.
func (f Flag) outside(value string) string {
	n, err := strconv.ParseFloat(value, 64)
	if f.Range == "" || err != nil || inInterval(n, f.Range) {
		return ""
	}
	return fmt.Sprintf("It takes a number in %s.", f.Range)
}

// inInterval reads "(0, 1]": a round bracket leaves its end out, an empty end is open.
func inInterval(n float64, interval string) bool {
	low, high, _ := strings.Cut(interval[1:len(interval)-1], ",")
	if v, err := strconv.ParseFloat(strings.TrimSpace(low), 64); err == nil {
		if n < v || n == v && interval[0] == '(' {
			return false
		}
	}
	if v, err := strconv.ParseFloat(strings.TrimSpace(high), 64); err == nil {
		if n > v || n == v && interval[len(interval)-1] == ')' {
			return false
		}
	}
	return !math.IsNaN(n)
}

func (f Flag) notesOn(value, version string) []Notice {
	var notices []Notice
	for _, v := range f.ValueNotes {
		if v.matches(value) && v.holds(version) {
			notices = append(notices, warning(v.Summary, v.Consequence))
		}
	}
	return notices
}

func (v ValueNote) matches(value string) bool {
	if v.Above == nil {
		return v.Value == value
	}
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && n > *v.Above
}

// holds says that the note is true of a version; one that is not known counts as the newest.
func (v ValueNote) holds(version string) bool {
	return !Before(version, v.Since) && (v.Before == "" || Before(version, v.Before))
}
