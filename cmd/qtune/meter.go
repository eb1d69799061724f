package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/usage"
)

// lookEvery is the time between two looks at what an engine uses: its processor
// time is a counter, so that seldom looks lose nothing, and each costs the daemon
// a few milliseconds.
const lookEvery = 2 * time.Second

// meter looks at what the machine does while one level is measured. It keeps
// everything in memory until the level has ended.
type meter struct {
	watch func(uuids []string) (*gpu.Watcher, error)
	used  func(context.Context) (engine.Used, error)

	watcher *gpu.Watcher
	noGPU   string // why no card is watched
	quit    chan struct{}
	owned   sync.WaitGroup
	kind    string // of what the engine runs in
	engine  []usage.EngineSample
}

// start begins to look at the cards and at the engine.
func (m *meter) start(ctx context.Context, uuids []string) {
	m.quit = make(chan struct{})
	m.watcher, m.noGPU = m.watchCards(uuids)
	m.owned.Go(func() { m.lookAtEngine(ctx) })
}

func (m *meter) watchCards(uuids []string) (*gpu.Watcher, string) {
	if len(uuids) == 0 {
		_, err := gpu.Devices()
		if u, ok := errors.AsType[*gpu.Unavailable](err); ok {
			return nil, u.Reason
		}
		return nil, "the engine was given no card"
	}
	w, err := m.watch(uuids)
	if err != nil {
		return nil, err.Error()
	}
	return w, ""
}

// lookAtEngine samples the engine until the end; one look that fails is left out.
func (m *meter) lookAtEngine(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		m.look(ctx)
		select {
		case <-tick.C:
		case <-m.quit:
			m.look(ctx)
			return
		}
	}
}

func (m *meter) look(ctx context.Context) {
	u, err := m.used(ctx)
	if err != nil || u.CPU == 0 && u.MemoryBytes == 0 {
		return // it is not ours, or it has ended
	}
	m.kind = u.Kind
	m.engine = append(m.engine, usage.EngineSample{At: time.Now(), CPU: u.CPU, MemoryBytes: u.MemoryBytes, Throttled: u.Throttled})
}

// stop ends the looking, adds what was seen to a level's result, and keeps all
// samples in a trial's file.
func (m *meter) stop(r *bench.LevelResult, level, path string) error {
	close(m.quit)
	m.owned.Wait()
	var cards []usage.CardSamples
	if m.watcher != nil {
		cards = m.watcher.Stop()
	}
	if r.Began.IsZero() {
		return nil // nothing was measured
	}
	span := usage.Span{From: r.Began, To: r.Began.Add(time.Duration(r.WallS * float64(time.Second)))}
	r.Usage = usage.Summarize(cards, m.kind, m.engine, span, r.OutputTokens)
	r.Usage.NoGPU = m.noGPU
	r.Notes = append(r.Notes, r.Usage.Warnings()...)
	return keepSamples(path, func(f *os.File) error { return usage.WriteCSV(f, level, cards, m.kind, m.engine, r.Began) })
}

// keepSamples adds to a trial's file of samples, which begins with their names.
func keepSamples(path string, write func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep the samples of the machine: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = usage.WriteHead(f)
	}
	if err == nil {
		err = write(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the samples of the machine in %s: %w", path, err)
	}
	return nil
}

// served is a server with what is needed to watch it.
type served struct {
	server  *engine.Server
	samples string // the file of its trial's samples
}

// samplesBeside is the file of samples of the start whose log is at path.
func samplesBeside(path string) string {
	name := strings.TrimSuffix(strings.Replace(filepath.Base(path), "server", "samples", 1), ".log")
	return filepath.Join(filepath.Dir(path), name+".csv")
}

// watch begins to look at what runs behind a URL. The function ends that, and adds
// to a result what was seen. Simulated engines use nothing that is worth telling.
func (s *session) watch(ctx context.Context, url string, l bench.Level) func(*bench.LevelResult) error {
	at, ok := s.serving[url]
	if !ok || s.simulation != nil {
		return func(*bench.LevelResult) error { return nil }
	}
	m := &meter{watch: gpu.Watch, used: at.server.Used}
	m.start(ctx, s.cards.uuids)
	return func(r *bench.LevelResult) error { return m.stop(r, l.String(), at.samples) }
}
