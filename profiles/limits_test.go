package profiles

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestHostileInput: whatever a file holds, it is refused before long and with little
// memory. Each of these once overflowed a stack, filled the memory or did not end
// in some tool that reads HCL.
func TestHostileInput(t *testing.T) {
	scale := 1
	if raceEnabled {
		scale = 10 // the race detector takes ten times the time
	}
	many := func(s string, n int) string { return strings.Repeat(s, n/scale) }
	merging := ""
	doubling := "locals {\n  a0 = \"aaaaaaaaaaaaaaaa\"\n"
	nesting := "locals {\n  a0 = 1\n"
	for i := range 60 {
		next := string(rune('a'+(i+1)/26)) + string(rune('a'+(i+1)%26))
		last := string(rune('a'+i/26)) + string(rune('a'+i%26))
		if i == 0 {
			last = "a0"
		}
		doubling += "  " + next + " = \"${local." + last + "}${local." + last + "}\"\n"
		merging += "  " + next + " = merge(local." + last + ", local." + last + ")\n"
		nesting += "  " + next + " = [local." + last + ", local." + last + "]\n"
	}
	for _, c := range []struct{ why, text, want string }{
		{"brackets", "a = " + many("[", 300_000), "Nested too deep"},
		{"parentheses", "a = " + many("(", 300_000), "Nested too deep"},
		{"blocks", many("a {\n", 200_000), "Nested too deep"},
		{"templates", "a = " + many(`"${`, 100_000), "Nested too deep"},
		{"template conditions", `a = "` + many("%{if true}", 50_000) + `"`, "Nested too deep"},
		{"for expressions", "a = " + many("[for x in ", 50_000), "Nested too deep"},
		{"signs", "a = " + many("-", 500_000) + "1", "Nested too deep"},
		{"sums", "a = " + many("1+", 300_000) + "1", "Nested too deep"},
		{"sums over lines in an object for", "a = { for k in [] : k => 1\n" + many("+1\n", 200_000) + "}", "Nested too deep"},
		{"conditions", "a = " + many("true ? 1 : ", 50_000) + "1", "Nested too deep"},
		{"indices", "a = b" + many("[0]", 200_000), "Nested too deep"},
		{"splats", "a = b" + many(".*.a", 100_000), "Nested too deep"},
		{"a heredoc of many lines", many("a = <<A\n", 120_000), "Text of too many lines"},
		{"nothing but mistakes", many("a\n", 300_000), "more problems"},
		{"an open quote", many(`"`, 500_000), "Error"},
		{"texts that double", doubling + "}", "Too much to compute"},
		{"lists that double", nesting + "}", "Too much to compute"},
		{"for in for in for", "locals {\n  a = [for a in range(1, 10000) : [for b in range(1, 10000) : a * b]]\n}", "Too much to compute"},
		{"a for in a template", "locals {\n  a = [for a in range(1, 10000) : \"%{for b in range(1, 10000)}${b}%{endfor}\"]\n}", "Too much to compute"},
		{"a long name", "locals {\n  a = " + many("x", 900_000) + "\n}", "Unknown word"},
		{"a sum with a text of a billion digits", "locals {\n  a = \"1e999999999\" + 1\n}", "Number out of range"},
		{"an index of a billion digits", "locals {\n  a = [1][\"1e999999999\"]\n}", "Number out of range"},
		{"a power in binary", "locals {\n  a = -\"1p2147483000\"\n}", "Number out of range"},
		{"JSON with a number of a billion digits", "locals {\n  a = jsondecode(\"1e999999999\")\n}", "Number out of range"},
		{"JSON that nests", "locals {\n  a = jsondecode(\"" + many("[", 200_000) + "\")\n}", "nests deeper"},
		{"a pattern that repeats", "locals {\n  a = regexall(\"" + strings.Repeat("(a{1000})", 20) + "b\", format(\"%999s%999s%999s\", \"a\", \"a\", \"a\"))\n}", "takes too long"},
		{"replacing nothing by much", "locals {\n  a = replace(\"" + many("a", 100_000) + "\", \"\", \"" + many("b", 100_000) + "\")\n}", "larger than"},
		{"sixty thousand locals", "locals {\n" + manyLocals(60_000/scale) + "}", "No model block"},
		{"locals that merge each other", "locals {\n  a0 = { x = 1 }\n" + merging + "}\n" + sweepOf("    swept-x = [1]", "  env = local.bz") + "oops = 1", "Unknown attribute oops"},
		{"thirty thousand flags", "engine \"vllm\" \"a\" {\n  flags = {\n" + manyLocals(30_000/scale) + "  }\n}", "At most 1,000 can be set"},
		{"a merge of many", "locals {\n  a = merge(" + many("{ a = 1 },", 20_000) + "{})\n}", "No model block"},
		{"many axes", "engine \"vllm\" \"a\" {\n  sweep {\n" + strings.ReplaceAll(manyLocals(20_000/scale), "= 1", "= [1, 2]") + "  }\n}", "Too many axes"},
		{"the same engine over and over", many("engine \"vllm\" \"a\" {}\n", 40_000), "Too many blocks"},
		{"many constraints", many("constraint \"ttft_p95\" {}\n", 30_000), "Too many blocks"},
		{"many loads", "workload \"w\" {\n  closed {\n    users = range(1, 2000)\n    output_tokens = 1\n  }\n}", "Too many loads"},
		{"many labels", "b " + many("\"x\" ", 200_000) + "{}", "Unknown block b"},
		{"a zero byte", "model {\x00}", "not a text file"},
		{"no UTF-8", "model {\xff}", "not a text file"},
		{"over a megabyte", strings.Repeat("# comment\n", 200_000), "too large"},
	} {
		t.Run(c.why, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := refused(t, c.text, Options{})
			runtime.ReadMemStats(&after)
			if !strings.Contains(got, c.want) {
				t.Errorf("%q is not in\n%.2000s", c.want, got)
			}
			if len(got) > 1<<20 {
				t.Errorf("the message has %d bytes", len(got))
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 2<<30 {
				t.Errorf("it allocated %d MiB", took>>20)
			}
		})
	}
}

func manyLocals(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  a" + strings.Repeat("b", i%7) + grouped(i)[:1] + strings.ReplaceAll(grouped(i), ",", "") + " = 1\n")
	}
	return b.String()
}

func TestFilesThatAreNoProfiles(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.hcl")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, path, want string }{
		{"a folder", dir, "is a folder"},
		{"nothing", filepath.Join(dir, "no.hcl"), "Cannot read"},
		{"a hundred megabytes", large, "too large"},
	} {
		p, d := Load(c.path, Options{})
		if got := rendered(t, d); p != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.why, c.want, got)
		}
	}
}

// TestFileStaysInside: file reads nothing outside of the profile's folder, whatever
// the links within say, and nothing that is no file.
func TestFileStaysInside(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "profile")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(dir, 0o700))
	must(os.WriteFile(filepath.Join(outer, "secret"), []byte("x"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "inside"), []byte("x"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "large"), make([]byte, 2<<20), 0o600))
	must(os.WriteFile(filepath.Join(dir, "binary"), []byte{0xff}, 0o600))
	must(os.Symlink("../secret", filepath.Join(dir, "link")))
	must(os.Symlink("..", filepath.Join(dir, "up")))
	must(os.Symlink("inside", filepath.Join(dir, "good-link")))
	for _, c := range []struct {
		path string
		ok   bool
	}{
		{"inside", true}, {"./inside", true}, {"good-link", true},
		{"../secret", false}, {"link", false}, {"up/secret", false}, {outer + "/secret", false},
		{".", false}, {"", false}, {"large", false}, {"binary", false}, {"no", false}, {"a\x00b", false},
	} {
		if _, err := readInside(dir, c.path); (err == nil) != c.ok {
			t.Errorf("%q: got %v", c.path, err)
		}
	}
}
