package profiles

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Options are what a profile is read with.
type Options struct {
	Vars     map[string]string // -var, by name, as typed
	VarFiles []string          // -var-file, in order; a later one wins
	// Env looks up a variable of the environment: for env(), for QTUNE_VAR_name and
	// for HOME in ~/. Nil: the environment is empty.
	Env func(name string) (value string, set bool)
	// Dir is the folder that relative paths start from; "" is that of the file.
	Dir string
}

func (o Options) env(name string) (string, bool) {
	if o.Env == nil {
		return "", false
	}
	return o.Env(name)
}

// Load reads and checks a profile. The diagnostics are never nil; the profile is
// nil exactly if they have errors.
func Load(path string, o Options) (*Profile, *Diagnostics) {
	text, bad := readSource(path)
	if bad != nil {
		return refuse(bad)
	}
	return Parse(text, path, o)
}

// Parse is Load for a text that has been read. Path names it in diagnostics, and
// its folder is the one that relative paths start from.
func Parse(text []byte, path string, o Options) (*Profile, *Diagnostics) {
	if bad := checkText(path, text); bad != nil {
		return refuse(bad)
	}
	l := newLoader(path, o)
	p := l.profile(text)
	if b := l.budget.spent; b != nil {
		l.report(b) // a short-circuit may have swallowed it
	}
	l.diags.secrets = l.secretList()
	l.diags.sort(path)
	if l.diags.HasErrors() {
		return nil, l.diags
	}
	p.Secrets = l.diags.secrets
	return p, l.diags
}

func refuse(bad *hcl.Diagnostic) (*Profile, *Diagnostics) {
	d := &Diagnostics{}
	d.add(bad)
	return nil, d
}

// loader reads one profile.
type loader struct {
	path   string
	dir    string // absolute folder of the profile
	opts   Options
	diags  *Diagnostics
	budget *budget
	funcs  map[string]function.Function

	vars    map[string]*variable
	locals  map[string]*local
	presets map[string]*hclsyntax.Block
	secrets map[string]map[string]bool // values by name
}

func newLoader(path string, o Options) *loader {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		dir = filepath.Dir(path) // the working folder is gone; what is relative to it fails later
	}
	if o.Dir != "" {
		dir = o.Dir
	}
	l := &loader{
		path: path, dir: dir, opts: o,
		diags:   &Diagnostics{sources: map[string]source{}},
		budget:  &budget{left: loadBudget, where: whereBudget},
		vars:    map[string]*variable{},
		locals:  map[string]*local{},
		presets: map[string]*hclsyntax.Block{},
		secrets: map[string]map[string]bool{},
	}
	l.funcs = l.functions()
	return l
}

func (l *loader) report(bad ...*hcl.Diagnostic) { l.diags.add(bad...) }

func (l *loader) errorf(c Code, at hcl.Range, summary, detail string) {
	l.report(problem(c, &at, summary, detail))
}

// parse reads a source into a body whose evaluation is charged; nil if it cannot be
// read, which has been reported.
func (l *loader) parse(text []byte, name string) *hclsyntax.Body {
	body, diags := parse(text, name)
	l.diags.sources[name] = source{text: text, body: body}
	l.report(diags...)
	if diags.HasErrors() {
		return nil
	}
	l.budget.guardBody(body, l.funcs)
	return body
}

// profileWords is what may stand at the top of a profile.
var profileWords = words{
	blocks: []string{"variable", "locals", "model", "gpu", "engine", "workload", "objective", "constraint", "search", "deploy"},
	once:   []string{"model", "gpu", "objective", "search", "deploy"},
	later:  []string{"report"},
}

func (l *loader) profile(text []byte) *Profile {
	body := l.parse(text, l.path)
	if body == nil {
		return nil
	}
	name := filepath.Base(l.path)
	p := &Profile{
		Name: strings.TrimSuffix(name, filepath.Ext(name)), Path: l.path, Dir: l.dir, Source: text,
		GPU:    GPU{},
		Search: defaultSearch(),
	}
	if len(body.Attributes) == 0 && len(body.Blocks) == 0 {
		l.report(problem(codeUnreadable, nil, fmt.Sprintf("%s is empty", l.path),
			"A profile needs a model, an engine, a workload and an objective. The presets command shows engines to start from."))
		return nil
	}
	if n := len(body.Blocks); n > maxBlocks {
		l.errorf(codeTooLarge, body.Blocks[maxBlocks].TypeRange, fmt.Sprintf("Too many blocks: %s", grouped(n)), fmt.Sprintf("A profile has at most %s. Take some out.", grouped(maxBlocks)))
		return nil
	}
	l.allow(&section{l: l, body: body, title: "a profile"}, profileWords)
	p.Inputs = l.variables(body)
	l.resolveLocals(body)
	l.blocks(p, body)
	l.required(body)
	return p
}

// blocks reads everything but variables and locals. Objective and constraints come
// last, since they point at the workloads.
func (l *loader) blocks(p *Profile, body *hclsyntax.Body) {
	var search, deploy *hclsyntax.Block
	for _, b := range body.Blocks {
		switch b.Type {
		case "model":
			p.Model = l.model(b)
		case "gpu":
			p.GPU = l.gpu(b)
		case "engine":
			l.engine(p, b)
		case "workload":
			l.workload(p, b)
		case "search":
			search = b
		case "deploy":
			if deploy == nil { // a second one has been reported
				deploy = b
			}
		}
	}
	l.goals(p, body)
	l.search(p, search)
	if deploy != nil {
		p.Deploy = l.deploy(deploy)
		l.deployable(p, deploy)
	}
}

// required says what a profile cannot do without.
func (l *loader) required(body *hclsyntax.Body) {
	examples := []struct{ block, example string }{
		{"model", `Say which model is served: model { id = "Qwen/Qwen3-8B" }.`},
		{"engine", `Say which engine is tuned: engine "vllm" "mine" { preset = "vllm" }.`},
		{"workload", `Say what the engines are loaded with: workload "chat" { ... }, with a prompts and a closed or single block.`},
		{"objective", `Say what is made best: objective { maximize = output_throughput }.`},
	}
	for _, e := range examples {
		if !slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == e.block }) {
			l.errorf(codeMissing, lastLine(body), fmt.Sprintf("No %s block", e.block), e.example)
		}
	}
}

// lastLine is the end of the last block, where a missing one could be added.
func lastLine(body *hclsyntax.Body) hcl.Range {
	if n := len(body.Blocks); n > 0 {
		return body.Blocks[n-1].CloseBraceRange
	}
	return body.EndRange
}

// eval evaluates an expression in which variables and locals may be used; false if
// that failed, which has been reported.
func (l *loader) eval(e hclsyntax.Expression) (cty.Value, bool) {
	ctx, ok := l.context(e, nil)
	if !ok {
		return cty.NilVal, false
	}
	v, diags := protected(e, ctx)
	l.report(diags...)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	return v, true
}

// protected evaluates, and makes a diagnostic of a panic: HCL and its functions are
// many, and none of their mistakes may end the program.
func protected(e hclsyntax.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	defer func() {
		if r := recover(); r != nil {
			at := e.Range()
			v, diags = cty.DynamicVal, hcl.Diagnostics{problem(codeNotComputed, &at, panicked, fmt.Sprint(r)+". Write it differently, and please report this.")}
		}
	}()
	v, diags = e.Value(ctx)
	for _, d := range diags {
		callError(d)
	}
	if !diags.HasErrors() && !v.IsWhollyKnown() {
		at := e.Range()
		diags = append(diags, problem(codeNotComputed, &at, panicked, "It has no value. Write it differently, and please report this."))
	}
	return v, diags
}

// callError says in our words that a function refused its arguments.
func callError(d *hcl.Diagnostic) {
	if why, ok := strings.CutPrefix(d.Detail, "Error during operation: "); ok {
		d.Summary, d.Detail = "This cannot be computed", sentence(strings.TrimSuffix(why, "."))
	}
	extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
	if !ok || extra.FunctionCallError() == nil {
		return
	}
	err := extra.FunctionCallError()
	if inside, ok := errors.AsType[function.PanicError](err); ok {
		d.Summary, d.Detail = panicked, fmt.Sprint(inside.Value)+". Write it differently, and please report this."
		return
	}
	d.Summary, d.Detail = fmt.Sprintf("%s cannot do this", extra.CalledFunctionName()), sentence(err.Error())
}

const panicked = "qtune cannot evaluate this"

// Pos makes a place of a range.
func pos(r hcl.Range) Pos { return Pos{File: r.Filename, Line: r.Start.Line} }
