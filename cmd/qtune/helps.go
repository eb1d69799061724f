package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/tuner"
)

// maxHelps bounds the helps that are kept, each of some 10 KB: the oldest go.
const maxHelps = 64

// helpStore keeps what engines' helps list, so that each image is asked once.
type helpStore struct{ dir string } // "": nothing is kept

// keptHelp is one file of the store.
type keptHelp struct {
	Engine  string                  `json:"engine"` // by helpID
	Options []string                `json:"options"`
	Said    map[string]catalog.Said `json:"said"` // nil: of a qtune that did not read it
}

func (s helpStore) path(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:8])+".json")
}

// get is the help of an engine, nil if none is kept. What cannot be read is as if it
// were not there.
func (s helpStore) get(id string) *catalog.Help {
	text, err := os.ReadFile(s.path(id))
	var kept keptHelp
	if s.dir == "" || err != nil || json.Unmarshal(text, &kept) != nil || kept.Engine != id || kept.Said == nil {
		return nil
	}
	return catalog.NewHelp(kept.Options, kept.Said)
}

func (s helpStore) put(id string, h *catalog.Help) error {
	if s.dir == "" {
		return nil
	}
	text, err := json.Marshal(keptHelp{id, h.Options(), h.Saying()})
	if err != nil {
		return fmt.Errorf("keep an engine's help: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("keep an engine's help: %w", err)
	}
	temporary := s.path(id) + ".new"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return fmt.Errorf("keep an engine's help: %w", err)
	}
	return errors.Join(os.Rename(temporary, s.path(id)), s.trim())
}

// trim removes the oldest files beyond the bound.
func (s helpStore) trim() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) <= maxHelps {
		return err
	}
	age := func(e fs.DirEntry) int64 {
		if info, err := e.Info(); err == nil {
			return info.ModTime().UnixNano()
		}
		return 0
	}
	sort.Slice(entries, func(i, j int) bool { return age(entries[i]) < age(entries[j]) })
	var errs []error
	for _, e := range entries[:len(entries)-maxHelps] {
		errs = append(errs, os.Remove(filepath.Join(s.dir, e.Name())))
	}
	return errors.Join(errs...)
}

// askLimit is how long an engine may take to print its help before a run: some import
// their whole stack for it.
const askLimit = 90 * time.Second

// askHelps gives what each engine of the profile says of its own options. An engine
// that does not say is not checked: that is logged, and no reason to stop.
func (s *session) askHelps(ctx context.Context) error {
	store := helpStore{s.w.helps()}
	s.around.recallHelps(store)
	for _, e := range s.profile.Engines {
		if s.around.helps[e] != nil || !asks(e) {
			continue
		}
		id := s.around.helpID(e)
		if id == "" {
			continue
		}
		s.progress("asking " + e.Label() + " for its flags")
		help, err := s.askHelp(ctx, e)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.w.log.Warn().Err(err).Str("hint", hintOf(err)).Msg("flags are checked against qtune's own list only")
			continue
		}
		if err := store.put(id, help); err != nil {
			s.w.log.Warn().Err(err).Msg("it will be asked again")
		}
		for _, other := range s.profile.Engines {
			if s.around.helps[other] == nil && s.around.helpID(other) == id && engine.HasHelp(other) {
				s.around.helps[other] = help
			}
		}
	}
	s.warnOfFlags()
	return s.checkBaseline()
}

// warnOfFlags says what the engines' own helps say against flags that they take, and
// the profile's own diagnostics have not said already.
func (s *session) warnOfFlags() {
	for _, e := range s.profile.Engines {
		help := s.around.helps[e]
		if help == nil {
			continue
		}
		for _, n := range engine.HelpWarnings(e, help) {
			s.w.log.Warn().Str("hint", n.Detail).Msg(n.Summary)
		}
	}
}

func (s *session) askHelp(ctx context.Context, e *profiles.Engine) (*catalog.Help, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askLimit, fmt.Errorf("no end after %s", askLimit))
	defer cancel()
	return s.launcher.Help(ctx, e, s.profile.GPU)
}

// recallHelps takes what the store has of the engines.
func (s *surroundings) recallHelps(store helpStore) {
	if s.helps == nil {
		s.helps = map[*profiles.Engine]*catalog.Help{}
	}
	for e := range s.engines {
		if id := s.helpID(e); s.helps[e] == nil && id != "" && engine.HasHelp(e) {
			if help := store.get(id); help != nil {
				s.helps[e] = help
			}
		}
	}
}

// helpID is whose help it is: an image's digest, or a program's path, size and time, and
// beside the image what runs in it, since one image may hold several programs or get
// them by its mounts; of a program that is mounted, the file's size and time. "" if it is not known.
func (s *surroundings) helpID(e *profiles.Engine) string {
	id := s.engines[e]
	if id == "" || e.Runtime != profiles.RuntimeDocker {
		return id
	}
	parts := slices.Concat([]string{id, e.Kind}, e.Entrypoint, e.Command)
	for _, m := range e.Mounts {
		parts = append(parts, m.Source+":"+m.Target)
		for _, word := range slices.Concat(e.Entrypoint, e.Command) {
			rest, inside := strings.CutPrefix(word, m.Target+"/")
			if !inside {
				continue
			}
			if info, err := os.Stat(filepath.Join(m.Source, rest)); err == nil {
				parts = append(parts, fmt.Sprint(info.Size(), info.ModTime().UnixNano()))
			}
		}
	}
	return strings.Join(parts, "\n")
}

// programs are the engines' own. Another one, as a script around an engine, may not
// know the flag for help and start to serve.
var programs = []string{"vllm", "sglang", "llama-server", "lmdeploy", "trtllm-serve"}

// asks says that an engine can be asked for its help: it is in an image, or it is a
// program that is known by its name.
func asks(e *profiles.Engine) bool {
	if e.Runtime == profiles.RuntimeDocker {
		return engine.HasHelp(e)
	}
	words := engine.Command(e, e.BaselineCandidate(), profiles.Model{}, engine.Planned(e))
	return engine.HasHelp(e) && len(words) > 0 && (slices.Contains(programs, filepath.Base(words[0])) || slices.Contains(words, "-m"))
}

// checkBaseline refuses a run whose baseline has a flag that its engine lacks: there
// would be nothing to compare with.
func (s *session) checkBaseline() error {
	base := s.profile.Baseline()
	help := s.around.helps[base]
	if help == nil {
		return nil
	}
	if notices := engine.CheckCandidate(base, base.BaselineCandidate(), help); len(notices) > 0 {
		return &flagError{notices}
	}
	return nil
}

// flagError is a baseline that cannot start.
type flagError struct{ notices []catalog.Notice }

func (e *flagError) Error() string {
	var all []string
	for _, n := range e.notices {
		all = append(all, n.Summary)
	}
	return "the baseline cannot start: " + strings.Join(all, "; ")
}

// Hint says what to write instead.
func (e *flagError) Hint() string { return e.notices[0].Detail }

// flagless says which flag of a trial its engine does not have; "" if it has all, or
// does not say.
func (s *surroundings) flagless(t *tuner.Trial) string {
	help := s.helps[t.Engine]
	if help == nil {
		return ""
	}
	notices := engine.CheckCandidate(t.Engine, t.Candidate, help)
	if len(notices) == 0 {
		return ""
	}
	return tuner.ReasonNoFlag + ": " + notices[0].Summary + ". " + notices[0].Detail
}

// helps is the folder that keeps what engines' helps list; "" if there is no place.
func (w *world) helps() string { return w.cache("helps") }
