package catalog

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readHelp is a real engine's help text, from the folder that QTUNE_DATA names.
func readHelp(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("QTUNE_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	text, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Skipf("the engines' recorded help texts are not here (set QTUNE_DATA to their folder): %v", err)
	}
	return string(text)
}

func flagsOf(t *testing.T, kind string) *FlagSet {
	t.Helper()
	s, ok := EngineFlags(kind)
	if !ok {
		t.Fatalf("no catalog for %s", kind)
	}
	return s
}

func TestEveryFlagOfTheRealHelpIsFound(t *testing.T) {
	for _, row := range []struct {
		kind, file string
		least      int // the text is really read
	}{
		{"vllm", "vllm-startup/cpu-0.32-serve-help-all.txt", 316 + 88}, // and the negated forms
		{"sglang", "sglang-startup/cpu-0.5.23-unknown-flag.log", 531},
	} {
		t.Run(row.kind, func(t *testing.T) {
			set, text := flagsOf(t, row.kind), readHelp(t, row.file)
			found := 0
			for _, name := range helpFlags(row.kind, text) {
				found++
				if _, ok := set.Lookup(name); !ok {
					t.Errorf("%s is in the help of the real %s and not in the catalog", name, set.Title)
				}
			}
			if found < row.least {
				t.Errorf("read %d flags from the help text, want at least %d: it was not understood", found, row.least)
			}
		})
	}
}

// helpFlags are the flags that an argparse help text defines, with their dashes.
func helpFlags(kind, text string) []string {
	var flags []string
	word := regexp.MustCompile(`(?:^|[ ,\[|])(--?[a-zA-Z][a-zA-Z0-9-]*)`)
	for _, line := range strings.Split(text, "\n") {
		switch {
		case kind == "vllm" && !strings.HasPrefix(line, "  -"): // the definitions are indented by two
		case kind == "sglang" && !strings.Contains(line, "[-") && !strings.HasPrefix(strings.TrimSpace(line), "--"):
		default:
			line, _, _ = strings.Cut(line, "  --  ")
			for _, m := range word.FindAllStringSubmatch(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(line, ""), -1) {
				if m[1] != "-h" && m[1] != "--help" {
					flags = append(flags, m[1])
				}
			}
		}
	}
	return flags
}

func TestCatalogsAreWhole(t *testing.T) {
	for _, kind := range []string{"vllm", "sglang", "llamacpp"} {
		set := flagsOf(t, kind)
		if len(set.Names()) < 200 || len(set.env) < 100 || !slices.IsSorted(set.env) {
			t.Errorf("%s: %d flags, %d variables, sorted %v", kind, len(set.Names()), len(set.env), slices.IsSorted(set.env))
		}
		for name, f := range set.flags {
			switch {
			case f.Name != name || f.Type == FlagAny:
				t.Errorf("%s: flag %q has name %q and type %q", kind, name, f.Name, f.Type)
			case f.Range != "" && !regexp.MustCompile(`^[\[(]-?\d*, \d*[\])]$`).MatchString(f.Range):
				t.Errorf("%s: %s: range %q is not an interval", kind, name, f.Range)
			}
			for _, v := range []string{f.Since, f.RemovedIn, f.NoOpSince} {
				if v != "" && parseVersion(v) == nil {
					t.Errorf("%s: %s: %q is not a version", kind, name, v)
				}
			}
		}
	}
	if _, ok := EngineFlags("openai"); ok {
		t.Error("a server that is already up has no flags of ours")
	}
}

func TestLookup(t *testing.T) {
	for _, row := range []struct {
		about, kind, name string
		want              string // the flag's name; "" not found
	}{
		{"the plain name", "vllm", "max-num-seqs", "max-num-seqs"},
		{"vLLM takes underscores for dashes", "vllm", "max_num_seqs", "max-num-seqs"},
		{"SGLang does not", "sglang", "mem_fraction_static", ""},
		{"a short form", "vllm", "tp", "tensor-parallel-size"},
		{"a key inside of a JSON flag", "vllm", "compilation-config.mode", "compilation-config.mode"},
		{"a key of the short form", "vllm", "cc.cudagraph_mode", "compilation-config.cudagraph_mode"},
		{"a key of a flag that is no JSON", "vllm", "max-num-seqs.x", ""},
		{"the negated form", "vllm", "no-enable-prefix-caching", "no-enable-prefix-caching"},
		{"a long alias", "sglang", "tensor-parallel-size", "tp-size"},
		{"what argparse takes for tp-size", "sglang", "tp", "tp-size"},
		{"a short form of llama.cpp", "llamacpp", "ngl", "n-gpu-layers"},
		{"a flag that was removed", "vllm", "swap-space", "swap-space"},
		{"no flag", "vllm", "max-num-seq", ""},
	} {
		f, ok := flagsOf(t, row.kind).Lookup(row.name)
		if f.Name != row.want || ok != (row.want != "") {
			t.Errorf("%s: %s %q: got %q, %v, want %q", row.about, row.kind, row.name, f.Name, ok, row.want)
		}
	}
}

func TestHowFlagsAreWritten(t *testing.T) {
	for _, row := range []struct {
		about, kind, name string
		option, on, off   string
	}{
		{"a pair", "vllm", "enforce-eager", "--enforce-eager", "--enforce-eager", "--no-enforce-eager"},
		{"a switch of vLLM that has no negated form", "vllm", "disable-log-stats", "--disable-log-stats", "--disable-log-stats", ""},
		{"the negated name is a switch too", "vllm", "no-enforce-eager", "--no-enforce-eager", "--no-enforce-eager", "--enforce-eager"},
		{"a switch of SGLang", "sglang", "disable-cuda-graph", "--disable-cuda-graph", "--disable-cuda-graph", ""},
		{"a pair of SGLang", "sglang", "enable-tf32-matmul", "--enable-tf32-matmul", "--enable-tf32-matmul", "--no-enable-tf32-matmul"},
		{"a name that has both one dash and two", "llamacpp", "fit", "--fit", "--fit", ""},
		{"a short name with one dash", "llamacpp", "kvu", "-kvu", "--kv-unified", "--no-kv-unified"},
	} {
		set := flagsOf(t, row.kind)
		f, _ := set.Lookup(row.name)
		got := []string{set.Option(row.name), strings.Join(f.Words(true), " "), strings.Join(f.Words(false), " ")}
		if want := []string{row.option, row.on, row.off}; !slices.Equal(got, want) {
			t.Errorf("%s: %s: got %q, want %q", row.about, row.name, got, want)
		}
	}
	if got := flagsOf(t, "vllm").Option("compilation-config.mode"); got != "--compilation-config.mode" {
		t.Errorf("a dotted name is written %q", got)
	}
}

func TestNearest(t *testing.T) {
	blocks := []string{"engine", "workload", "objective", "constraint", "model", "gpu", "search"}
	for _, row := range []struct{ about, name, want string }{
		{"a letter left out", "worload", "workload"},
		{"two letters swapped", "obejctive", "objective"},
		{"two letters swapped in a short word", "gup", "gpu"},
		{"another case", "Engine", "engine"},
		{"another word", "deploy", ""},
		{"a short other word", "cpu", "gpu"},
		{"two letters say nothing", "gp", ""},
		{"nothing", "", ""},
	} {
		if got := Nearest(row.name, blocks); got != row.want {
			t.Errorf("%s: %q: got %q, want %q", row.about, row.name, got, row.want)
		}
	}
	for _, row := range []struct{ about, kind, name, want string }{
		{"a plural", "vllm", "max-num-seq", "max-num-seqs"},
		{"British spelling", "vllm", "gpu-memory-utilisation", "gpu-memory-utilization"},
		{"underscores where SGLang wants dashes", "sglang", "mem_fraction_static", "mem-fraction-static"},
		{"the words without the verb", "vllm", "prefix-caching", "enable-prefix-caching"},
		{"the name without its unit", "vllm", "cpu-offload", ""}, // -gb and -params
		{"a flag of another engine", "sglang", "gpu-memory-utilization", ""},
		{"never one that is gone", "vllm", "swap-spaces", ""},
	} {
		if got := flagsOf(t, row.kind).Suggest(row.name); got != row.want {
			t.Errorf("%s: %q: got %q, want %q", row.about, row.name, got, row.want)
		}
	}
}

func TestImageVersion(t *testing.T) {
	for image, want := range map[string]string{
		"vllm/vllm-openai:v0.32.0":                                    "0.32.0",
		"vllm/vllm-openai:v0.32.0-x86_64":                             "0.32.0",
		"lmsysorg/sglang:v0.5.10.post1-cu129":                         "0.5.10.post1",
		"ghcr.io/ggml-org/llama.cpp:server-cuda-b10573":               "b10573",
		"registry.local:5000/vllm-openai":                             "",
		"registry.local:5000/vllm-openai:v0.30.1@sha256:0123456789ab": "0.30.1",
		"vllm/vllm-openai:latest":                                     "",
		"vllm/vllm-openai:nightly-0123abc":                            "",
		"":                                                            "",
	} {
		if got := ImageVersion(image); got != want {
			t.Errorf("%s: got %q, want %q", image, got, want)
		}
	}
}

func BenchmarkParseFlags(b *testing.B) {
	for range b.N {
		s := FlagSet{Kind: "sglang"}
		if err := s.load(); err != nil {
			b.Fatal(err)
		}
	}
}
