package predict

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/simulator"
)

// StoreVersion is the version of a calibration file's form.
const StoreVersion = 1

// Calibration is what a fit has found on one card with one version of a real engine.
type Calibration struct {
	Version       int                `json:"calibration_version"`
	Simulator     string             `json:"simulator"` // version of the model that was fitted
	Card          string             `json:"card"`
	Engine        string             `json:"engine"` // kind
	EngineVersion string             `json:"engine_version"`
	Served        string             `json:"model"`
	Run           string             `json:"run"`
	Time          time.Time          `json:"time"`
	Values        map[string]float64 `json:"values"` // by parameter
	Errors        Errors             `json:"errors"`
	Trials        int                `json:"trials"`
	HeldOut       bool               `json:"held_out"` // the errors are of trials that the fit had not seen
}

// NewCalibration is what of a fit is kept.
func NewCalibration(f *Fitted) Calibration {
	c := Calibration{Version: StoreVersion, Simulator: simulator.Version, Values: map[string]float64{}, Errors: f.After}
	for _, p := range f.Parameters {
		c.Values[p.Name] = p.Value
	}
	if f.HeldOut.Levels > 0 {
		c.Errors, c.HeldOut = f.HeldOut, true
	}
	seen := map[string]bool{}
	for _, r := range f.Residuals {
		seen[r.Trial] = true
	}
	c.Trials = len(seen)
	return c
}

// Apply gives the efficiencies of a calibration: those of the card with the fitted
// values in place.
func (c *Calibration) Apply(card catalog.Card) simulator.Efficiency {
	e := simulator.EfficiencyOf(card)
	for _, p := range parameters() {
		if v, ok := c.Values[p.name]; ok {
			p.scale(&e, v/p.get(&e))
		}
	}
	return e
}

// farthest is how far a fitted value may lie from what is taken without a fit; beyond
// it a file is held to be damaged.
const farthest = 1000

// check says what is wrong with a calibration that was read.
func (c *Calibration) check(card catalog.Card) error {
	switch {
	case c.Version != StoreVersion:
		return fmt.Errorf("its form has version %d, this qtune reads %d", c.Version, StoreVersion)
	case c.Simulator != simulator.Version:
		return fmt.Errorf("it was fitted to version %s of the model, this is %s", c.Simulator, simulator.Version)
	case len(c.Values) == 0:
		return errors.New("it holds no values")
	}
	prior := simulator.EfficiencyOf(card)
	for _, p := range parameters() {
		v, ok := c.Values[p.name]
		if ratio := v / p.get(&prior); ok && !(ratio > 1.0/farthest && ratio < farthest) {
			return fmt.Errorf("its value of %s, %g, cannot be right", p.name, v)
		}
		if ok && p.share && !card.CPU && v > 1+1e-9 {
			return fmt.Errorf("its value of %s, %g, is more than the whole", p.name, v)
		}
	}
	return nil
}

// Store is a folder of calibrations; without a name it has none and takes none.
type Store struct{ Dir string }

// maxStored bounds what is read of a calibration file, in bytes.
const maxStored = 1 << 20

// Find gives the calibration of a card, engine and version; with version "" or one
// that is not there the newest of the engine. found is false if there is none. note
// says what a reader must know: that the version is another, or that a file was ignored.
func (s *Store) Find(card catalog.Card, kind, version string) (c Calibration, found bool, note string) {
	if s.Dir == "" {
		return c, false, ""
	}
	var all []Calibration
	paths, err := filepath.Glob(filepath.Join(s.Dir, fileName(card.Name, kind, "*")))
	if err != nil {
		return c, false, ""
	}
	for _, path := range paths {
		one, err := read(path, card)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			note = fmt.Sprintf("do without the calibration %s: %v", path, err)
		case one.Card == card.Name && one.Engine == kind:
			all = append(all, one)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.After(all[j].Time) })
	for _, one := range all {
		if one.EngineVersion == version {
			return one, true, note
		}
	}
	if len(all) == 0 {
		return c, false, note
	}
	if version != "" {
		note = fmt.Sprintf("%s %s is predicted with the calibration of %s", kind, version, orUnknown(all[0].EngineVersion))
	}
	return all[0], true, note
}

func orUnknown(version string) string {
	if version == "" {
		return "an unknown version"
	}
	return version
}

func read(path string, card catalog.Card) (Calibration, error) {
	var c Calibration
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	if info.Size() > maxStored {
		return c, fmt.Errorf("it has %d bytes", info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	return c, c.check(card)
}

// Keep stores a calibration in place of an earlier one of its card, engine and
// version: whole or not at all, whatever happens meanwhile.
func (s *Store) Keep(c *Calibration) (path string, err error) {
	if s.Dir == "" {
		return "", errors.New("keep a calibration: neither HOME nor XDG_CACHE_HOME says where")
	}
	for name, v := range c.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("keep a calibration: its value of %s is %g", name, v)
		}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return "", fmt.Errorf("keep a calibration: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of calibrations: %w", err)
	}
	path = filepath.Join(s.Dir, fileName(c.Card, c.Engine, c.EngineVersion))
	return path, replace(path, append(text, '\n'))
}

// replace writes a file under another name, and renames it once the disk has it.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".calibration-*")
	if err != nil {
		return fmt.Errorf("keep a calibration: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a calibration: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// fileName is made of letters that every file system takes; "*" stays.
func fileName(card, kind, version string) string {
	name := card + "_" + kind + "_" + orUnknown(version)
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune("-_.*", r):
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name) + ".json"
}
