package profiles

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/qtune/qtune/catalog"
)

const kindOpenAI = "openai" // a server that is already up

// engineKinds are the kinds that can be tuned.
func engineKinds() []string {
	return []string{"vllm", "sglang", "llamacpp", "ollama", "trtllm", "lmdeploy", kindOpenAI}
}

var engineWords = words{
	attrs: []string{
		"preset", "baseline", "runtime", "url", "image", "pull", "pull_model", "entrypoint", "command", "mounts", "tmpfs",
		"shm_size", "memory", "pids", "ulimits", "ipc", "network", "port", "cap_add", "env", "flags", "where", "startup_timeout", "stall_timeout", "keep_caches",
		"allow_unknown_flags",
	},
	blocks: []string{"sweep"},
	once:   []string{"sweep"},
}

// containerAttributes mean nothing where there is no container.
var containerAttributes = []string{
	"image", "pull", "entrypoint", "mounts", "tmpfs", "shm_size", "memory", "pids", "ulimits", "ipc", "network", "port", "cap_add",
}

// engineReader reads one engine block, its preset first.
type engineReader struct {
	*section
	engine       *Engine
	flags, env   settings
	axes         []axis
	allowUnknown bool
	presetAt     hcl.Range // of the preset attribute
	inPreset     bool      // the section is the preset's
}

func (l *loader) engine(p *Profile, b *hclsyntax.Block) {
	kind, ok := l.engineKind(b)
	if !ok {
		return
	}
	e := defaultEngine(kind, b.Labels[1])
	e.Pos = pos(b.DefRange())
	r := &engineReader{section: l.section(b, engineWords), engine: e}
	r.flags.same, r.env.same = canonicalFlag(kind), func(name string) string { return name }
	r.read()
	if i := slices.IndexFunc(p.Engines, func(o *Engine) bool { return o.Kind == kind && o.Name == e.Name }); i >= 0 {
		l.errorf(codeTwice, b.DefRange(), fmt.Sprintf("A second engine %s", e.Label()),
			fmt.Sprintf("The first stands on line %d. Give this one another name.", p.Engines[i].Pos.Line))
		return
	}
	if i := slices.IndexFunc(p.Engines, func(o *Engine) bool { return o.Baseline }); e.Baseline && i >= 0 {
		l.errorf(codeTwice, r.body.Attributes["baseline"].SrcRange, "A second baseline",
			fmt.Sprintf("%s is the baseline already, on line %d. Take baseline out of one of them.", p.Engines[i].Label(), p.Engines[i].Pos.Line))
	}
	p.Engines = append(p.Engines, e)
}

func (l *loader) engineKind(b *hclsyntax.Block) (string, bool) {
	if !l.labels(b, "kind", "name") {
		return "", false
	}
	kind := b.Labels[0]
	if slices.Contains(engineKinds(), kind) {
		return kind, true
	}
	l.errorf(codeUnknownWord, b.LabelRanges[0], fmt.Sprintf("Unknown engine kind %q", kind), oneOf(kind, engineKinds()))
	return "", false
}

func (r *engineReader) read() {
	if r.engine.Kind == kindOpenAI {
		r.external()
		return
	}
	if r.has("url") {
		r.l.errorf(codeConflict, r.body.Attributes["url"].NameRange, "url is for a server that is already up",
			fmt.Sprintf("qtune starts %s itself. Take url out, or write engine \"openai\" %q.", r.engine.Kind, r.engine.Name))
	}
	presetRead := r.preset()
	r.onNull = r.forget
	r.attributes()
	r.unusedByProcess()
	if presetRead && r.engine.Image == "" && r.engine.Runtime == RuntimeDocker {
		r.defaultImage()
	}
	version := r.version()
	r.sweep(version)
	r.checkFlags(version)
	r.trusting()
	r.finish()
}

// defaultImage is what an engine runs that names none.
func (r *engineReader) defaultImage() {
	if f, ok := r.field("image"); r.has("image") && (!ok || !f.value.IsNull()) {
		return // it is wrong, and that has been reported
	}
	r.engine.Image = r.l.defaultImage(r.engine.Kind)
	if r.engine.Image == "" {
		r.missing("image", `Write image = "...", with a tag, or a preset that has one.`)
	}
}

// version is the engine's as its image's tag tells it, "" if that is not known.
func (r *engineReader) version() string {
	if r.engine.Runtime != RuntimeDocker {
		return ""
	}
	return catalog.ImageVersion(r.engine.Image)
}

// attributes reads what both a preset and a profile may say of an engine.
func (r *engineReader) attributes() {
	e := r.engine
	r.truth("baseline", &e.Baseline)
	runtime := ""
	if r.choice("runtime", &runtime, string(RuntimeDocker), string(RuntimeProcess)); runtime != "" {
		e.Runtime = Runtime(runtime)
	}
	r.text("image", &e.Image)
	r.choice("pull", &e.Pull, "missing", "always", "never")
	r.texts("entrypoint", &e.Entrypoint)
	r.texts("command", &e.Command)
	if e.Runtime == RuntimeProcess && len(e.Command) > 0 && strings.Contains(e.Command[0], "/") {
		e.Command[0] = r.l.hostPath(e.Command[0])
	}
	r.size("shm_size", &e.ShmSize)
	r.size("memory", &e.Memory)
	r.whole("pids", &e.PIDs, 1, 1<<22)
	r.whole("port", &e.Port, 1, 65535)
	r.duration("startup_timeout", &e.StartupTimeout)
	r.duration("stall_timeout", &e.StallTimeout)
	r.truth("keep_caches", &e.KeepCaches)
	r.pullModel()
	r.truth("allow_unknown_flags", &r.allowUnknown)
	r.container()
	r.object("flags", &r.flags, r.flag)
	r.object("env", &r.env, r.envVar)
}

// pullModel reads whether Ollama may pull. Models of the others come from the hub, or
// are files.
func (r *engineReader) pullModel() {
	r.truth("pull_model", &r.engine.PullModel)
	if a := r.body.Attributes["pull_model"]; a != nil && r.engine.Kind != "ollama" {
		r.l.report(caution(codeNoEffect, &a.NameRange, fmt.Sprintf("pull_model has no effect on %s", r.engine.Kind),
			"It is Ollama's, whose models are in a store of its own. Take it out: what comes from the Hugging Face hub is fetched where it is missing."))
	}
}

// forget takes back what the preset says of an attribute.
func (r *engineReader) forget(name string) {
	e, d := r.engine, defaultEngine(r.engine.Kind, r.engine.Name)
	switch name {
	case "baseline":
		e.Baseline = d.Baseline
	case "runtime":
		e.Runtime = d.Runtime
	case "pull":
		e.Pull = d.Pull
	case "pull_model":
		e.PullModel = d.PullModel
	case "ipc":
		e.IPC = d.IPC
	case "shm_size":
		e.ShmSize = d.ShmSize
	case "memory":
		e.Memory = d.Memory
	case "pids":
		e.PIDs = d.PIDs
	case "port":
		e.Port = d.Port
	case "startup_timeout":
		e.StartupTimeout = d.StartupTimeout
	case "stall_timeout":
		e.StallTimeout = d.StallTimeout
	case "keep_caches":
		e.KeepCaches = d.KeepCaches
	case "allow_unknown_flags":
		r.allowUnknown = false
	}
}

// external reads an engine that is already up, for which nothing is started.
func (r *engineReader) external() {
	r.truth("baseline", &r.engine.Baseline)
	r.text("url", &r.engine.URL)
	switch {
	case !r.has("url"):
		r.missing("url", `An engine of kind openai is a server that is already up. Write url = "http://127.0.0.1:8000".`)
	case r.engine.URL != "" && !goodURL(r.engine.URL):
		r.l.errorf(codeBadValue, r.body.Attributes["url"].Expr.Range(), "url is no address of a server",
			`Write the scheme, the host and the port, such as "http://127.0.0.1:8000", and leave /v1 off.`)
	}
	for _, a := range sortedAttributes(r.body) {
		if slices.Contains(engineWords.attrs, a.Name) && a.Name != "url" && a.Name != "baseline" {
			r.l.errorf(codeNoEffect, a.NameRange, fmt.Sprintf("%s has no effect here", a.Name),
				"The server of an openai engine is already up, so nothing about it can be set. Take it out, or use the kind of the engine, such as vllm.")
		}
	}
	if b := r.child("sweep"); b != nil {
		r.l.errorf(codeNoEffect, b.TypeRange, "sweep has no effect here",
			"The server of an openai engine is already up, so nothing about it can be tried. Take it out, or use the kind of the engine, such as vllm.")
	}
}

func goodURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		strings.Trim(u.Path, "/") != "v1" && u.RawQuery == "" && u.Fragment == ""
}

// unusedByProcess warns of what a local command has no use for. A runtime that is
// computed may be docker another time, and then says nothing.
func (r *engineReader) unusedByProcess() {
	a := r.body.Attributes["runtime"]
	if r.engine.Runtime != RuntimeProcess || a == nil || len(references(a.Expr)) > 0 {
		return
	}
	for _, b := range sortedAttributes(r.body) {
		if slices.Contains(containerAttributes, b.Name) {
			r.l.report(caution(codeNoEffect, &b.NameRange, fmt.Sprintf("%s has no effect without a container", b.Name),
				"This engine's runtime is \"process\". Take it out, or take runtime out."))
		}
	}
}

// path makes a path of the host absolute: ~ is the home folder, and what is relative
// starts from the profile's folder.
func (l *loader) hostPath(p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		if home, set := l.opts.env("HOME"); set {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(l.dir, p)
}
