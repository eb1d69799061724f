package catalog

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The flags as the engines' own parsers hold them (data/flags/dump.py writes
// vllm.json and sglang.json; the others are from the sources of the versions that
// they name), and beside each the notes that were written by hand.
//
//go:embed data/flags/*.json
var flagFiles embed.FS

// flagSets are the catalogs, each read when it is first asked for.
var flagSets = map[string]func() *FlagSet{
	"vllm":     lazyFlagSet(FlagSet{Kind: "vllm", Title: "vLLM", prefix: "VLLM_", folds: true}),
	"sglang":   lazyFlagSet(FlagSet{Kind: "sglang", Title: "SGLang", prefix: "SGLANG_"}),
	"llamacpp": lazyFlagSet(FlagSet{Kind: "llamacpp", Title: "llama-server", prefix: "LLAMA_ARG_"}),
	"ollama":   lazyFlagSet(FlagSet{Kind: "ollama", Title: "Ollama", prefix: "OLLAMA_", byEnv: true}),
	"trtllm":   lazyFlagSet(FlagSet{Kind: "trtllm", Title: "trtllm-serve", prefix: "TRTLLM_"}),
	"lmdeploy": lazyFlagSet(FlagSet{Kind: "lmdeploy", Title: "LMDeploy", prefix: "LMDEPLOY_", folds: true}),
}

func lazyFlagSet(s FlagSet) func() *FlagSet {
	return sync.OnceValue(func() *FlagSet {
		if err := s.load(); err != nil {
			panic(fmt.Sprintf("catalog: the built-in flags of %s: %v", s.Kind, err)) // a test reads them all
		}
		return &s
	})
}

// flagData is data/flags/ENGINE.json.
type flagData struct {
	Version string   `json:"version"`
	Flags   []Flag   `json:"flags"`
	Env     []string `json:"env"`
}

// noteData is data/flags/ENGINE.notes.json. A note holds the fields of Flag that
// it adds or changes.
type noteData struct {
	Flags []json.RawMessage `json:"flags"`
	Env   []Flag            `json:"env"`
}

func (s *FlagSet) load() error {
	var data flagData
	if err := readFlagFile(s.Kind+".json", &data); err != nil {
		return err
	}
	var notes noteData
	if err := readFlagFile(s.Kind+".notes.json", &notes); err != nil {
		return err
	}
	s.Version, s.env = data.Version, data.Env
	s.flags = make(map[string]Flag, len(data.Flags)+len(notes.Flags))
	for _, f := range data.Flags {
		s.flags[f.Name] = f
	}
	for _, note := range notes.Flags {
		if err := s.annotate(note); err != nil {
			return fmt.Errorf("note %s: %w", note, err)
		}
	}
	s.gone = make(map[string]Flag, len(notes.Env))
	for _, e := range notes.Env {
		s.gone[e.Name] = e
	}
	s.index()
	return nil
}

func readFlagFile(name string, into any) error {
	text, err := flagFiles.ReadFile("data/flags/" + name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// annotate lays a note over the flag of its name, which it makes if there is none.
func (s *FlagSet) annotate(note json.RawMessage) error {
	var head struct {
		Name    string   `json:"name"`
		Aliases []string `json:"aliases"`
	}
	if err := json.Unmarshal(note, &head); err != nil {
		return err
	}
	f := s.flags[head.Name]
	own := slices.Clone(f.Aliases) // a slice is read into the array that is there
	if err := json.Unmarshal(note, &f); err != nil {
		return err
	}
	f.Aliases = slices.Concat(own, head.Aliases)
	s.flags[head.Name] = f
	return nil
}

// index makes the ways to find a flag.
func (s *FlagSet) index() {
	s.byName = make(map[string]string, 2*len(s.flags))
	for name, f := range s.flags {
		s.byName[name] = name
		for _, alias := range f.Aliases {
			s.byName[strings.TrimLeft(alias, "-")] = name
		}
		if f.Negated != "" {
			s.byName[f.Negated] = name
		}
		if f.RemovedIn == "" && f.ManagedBy == "" {
			s.names = append(s.names, name)
		}
	}
	slices.Sort(s.names)
}
