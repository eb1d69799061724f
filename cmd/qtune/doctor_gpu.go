package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

// checkCards looks at the cards, and at who holds them.
func (d *doctor) checkCards(ctx context.Context) {
	if d.noGPU != nil || len(d.inv.Devices) == 0 {
		d.noCards()
		return
	}
	for _, c := range d.inv.Units() {
		d.checkCard(ctx, c)
	}
	if d.profile == nil || len(d.profile.GPU.Devices) == 0 {
		return
	}
	if _, err := d.inv.Pick(d.profile.GPU.Devices); err != nil {
		d.say("gpu", gradeBad, hintOf(err), "the profile asks for a card that it cannot have: %v", err)
	}
}

func (d *doctor) checkCard(ctx context.Context, c gpu.Device) {
	what := fmt.Sprintf("%d: %s, %.1f of %.1f GiB taken", c.Index, c.Name, float64(c.UsedBytes)/(1<<30), float64(c.MemoryBytes)/(1<<30))
	const remedy = "end what runs there, or name another card: gpu { devices = [\"…\"] }"
	held, ok := d.probes.locks.Holder(c.UUID)
	switch {
	case ok:
		d.say("gpu", gradeWarn, "wait for it, or name another card", "%s; %v", what, &gpu.HeldError{UUID: c.UUID, Holder: held})
	case !c.Idle():
		d.say("gpu", gradeWarn, remedy, "%s by %s", what, holders(ctx, c, d.probes.holder))
	default:
		d.say("gpu", gradeOK, "", "%s", what)
	}
}

// noCards is a machine on which no card can be read.
func (d *doctor) noCards() {
	why, remedy := "NVML lists no card", ""
	if d.noGPU != nil {
		why, remedy = d.noGPU.Error(), hintOf(d.noGPU)
	}
	need := d.needsCard()
	unread := exists("/proc/driver/nvidia/gpus") // a card is here, and this build cannot read it
	switch {
	case unread:
		d.say("gpu", gradeWarn, remedy, "%s; the driver lists cards all the same", why)
	case need != "":
		d.say("gpu", gradeBad, "rehearse with --simulate, or choose an image for CPUs; "+remedy, "image %s needs an NVIDIA card: %s", need, why)
	case d.profile != nil && d.profile.GPU.None():
		d.say("gpu", gradeOK, "", "the profile asks for no card")
	case d.profile != nil && len(d.profile.GPU.Devices) > 0:
		d.say("gpu", gradeBad, remedy, "the profile asks for %s: %s", plural(len(d.profile.GPU.Devices), "card"), why)
	default:
		d.say("gpu", gradeInfo, remedy, "%s", why)
	}
}

// needsCard is an image of the profile that cannot do without a card; "" if there is none.
func (d *doctor) needsCard() string {
	for _, e := range d.engines(profiles.RuntimeDocker) {
		if major, known := catalog.ImageCUDA(e.Image); known && major > 0 {
			return e.Image
		}
	}
	return ""
}

// checkStates looks at how the cards are set: what makes figures differ from day to day.
func (d *doctor) checkStates() {
	if d.noGPU != nil {
		return
	}
	states, err := d.probes.states()
	if err != nil {
		d.say("clocks", gradeWarn, hintOf(err), "%v", err)
		return
	}
	for _, s := range states {
		d.checkState(s)
	}
}

func (d *doctor) checkState(s gpu.State) {
	at := fmt.Sprintf("card %d", s.Index)
	if s.ClockMaxMHz > 0 {
		d.say("clocks", gradeInfo, "", "%s runs at %d of %d MHz, at %d °C", at, s.ClockMHz, s.ClockMaxMHz, s.TemperatureC)
	}
	if s.Throttled {
		d.say("clocks", gradeWarn, "cool it, or look at its power supply", "%s is slowed down by heat or by its power supply now", at)
	}
	if s.PowerLimitW > 0 && s.PowerUsualW > 0 && s.PowerLimitW < s.PowerUsualW {
		d.say("power", gradeWarn, fmt.Sprintf("nvidia-smi -i %d -pl %.0f", s.Index, s.PowerUsualW), "%s is capped at %.0f W, its default is %.0f W: figures are of a slower card", at, s.PowerLimitW, s.PowerUsualW)
	} else if s.PowerLimitW > 0 {
		d.say("power", gradeOK, "", "%s may take %.0f W", at, s.PowerLimitW)
	}
	switch s.Persistence {
	case "off":
		d.say("persistence", gradeWarn, fmt.Sprintf("nvidia-smi -i %d -pm 1", s.Index), "%s loses its driver's state between starts: each trial starts some seconds later", at)
	case "on":
		d.say("persistence", gradeOK, "", "%s keeps its driver's state", at)
	}
}

// gatedOwners publish most of their models behind a form on the hub, so that a
// fetch needs a token.
var gatedOwners = []string{"meta-llama/", "google/gemma", "mistralai/", "CohereLabs/"}

// checkModel says whether the model is here, and what fetching it takes.
func (d *doctor) checkModel() {
	if d.profile == nil {
		d.checkCache()
		return
	}
	d.checkOllama()
	m := d.profile.Model
	switch {
	case m.Path != "" && !exists(m.Path):
		d.say("model", gradeBad, "correct model.path, or leave it out to use the Hugging Face cache", "%s is not there", m.Path)
	case m.Path != "":
		d.say("model", gradeOK, "", "%s is there", m.Path)
	case !d.readsHub(): // Ollama's store has been looked at; a server that is up has its own
	case missingModel(&engine.Launcher{Environ: d.w.environ}, d.profile) == nil:
		d.say("model", gradeOK, "", "%s is here", m.ID)
	default:
		d.toFetch(m)
	}
}

// readsHub says that an engine of the profile takes its model from the hub's cache.
func (d *doctor) readsHub() bool {
	return slices.ContainsFunc(d.profile.Engines, func(e *profiles.Engine) bool {
		k, _ := engine.Lookup(e.Kind)
		return k.Fetches() && e.Runtime != profiles.RuntimeExternal
	})
}

// checkOllama says whether Ollama's store has what its engines serve.
func (d *doctor) checkOllama() {
	l := &engine.Launcher{Environ: d.w.environ}
	for _, e := range d.profile.Engines {
		missing := l.MissingOllama(e, d.profile.Model)
		switch {
		case e.Kind != "ollama":
		case len(missing) == 0:
			d.say("model", gradeOK, "", "engine %s: Ollama's store %s has its model", e.Label(), engine.OllamaStore(d.w.environ))
		case e.PullModel:
			d.say("model", gradeInfo, "", "engine %s: Ollama's store does not have %s; apply pulls it", e.Label(), strings.Join(missing, ", "))
		default:
			d.say("model", gradeBad, engine.PullHint(missing[0]), "engine %s: Ollama's store does not have %s", e.Label(), strings.Join(missing, ", "))
		}
	}
}

func (d *doctor) checkCache() {
	cache := engine.CacheDir(d.w.environ)
	if cache == "" {
		d.say("model", gradeWarn, "set HF_HUB_CACHE to a folder", "there is no folder for models")
		return
	}
	d.disk("model", cache, 20<<30, "models are kept in "+cache)
}

func (d *doctor) toFetch(m profiles.Model) {
	cache := engine.CacheDir(d.w.environ)
	if cache == "" {
		d.say("model", gradeBad, "set HF_HUB_CACHE to a folder", "%s must be fetched, and there is no folder for models", m.ID)
		return
	}
	state := engine.CacheState(cache, m)
	want := int64(1 << 30)
	if known, ok := catalog.FindModel(m.ID); ok {
		want = int64(known.WeightBytes("")) - state.Bytes
	}
	what := m.ID + " is not in " + cache
	if state.Bytes > 0 {
		what = fmt.Sprintf("%s is in %s in part (%.1f GiB)", m.ID, cache, gib(state.Bytes))
	}
	d.disk("model", cache, want, what+"; apply fetches it")
	if slices.ContainsFunc(gatedOwners, func(o string) bool { return strings.HasPrefix(m.ID, o) }) && engine.HubToken(d.w.environ) == "" {
		d.say("token", gradeWarn, "accept the model's terms on its page, then set HF_TOKEN", "%s is likely behind a form on the hub, and there is no token", m.ID)
	}
}

// leastShm is the shared memory that an engine on several cards needs: NCCL
// and the workers' queues. Docker's own default, 64 MiB, is too small.
const leastShm = 1 << 30

// checkShm looks at the shared memory of local engines and of containers.
func (d *doctor) checkShm() {
	if d.profile == nil || len(d.engines(profiles.RuntimeProcess)) > 0 {
		free, err := d.probes.free("/dev/shm")
		switch {
		case err != nil:
			d.say("shm", gradeInfo, "", "/dev/shm cannot be looked at: %v", err)
		case free < leastShm:
			d.say("shm", gradeWarn, "mount -o remount,size=8G /dev/shm", "/dev/shm has %.2f GiB free; local engines on several cards need more", gib(free))
		default:
			d.say("shm", gradeOK, "", "/dev/shm has %.1f GiB free", gib(free))
		}
	}
	for _, e := range d.engines(profiles.RuntimeDocker) {
		if e.IPC != "host" && e.ShmSize < leastShm && (e.Kind == "vllm" || e.Kind == "sglang") {
			d.say("shm", gradeWarn, `set shm_size = "16GiB", or ipc = "host"`, "engine %s gets %s of shared memory: too little on several cards", e.Label(), shmText(e.ShmSize))
		}
	}
}

func shmText(bytes int64) string {
	if bytes == 0 {
		return "Docker's 64 MiB"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
