package profiles

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// container reads what only a container has.
func (r *engineReader) container() {
	e := r.engine
	r.choice("ipc", &e.IPC, "host", "")
	r.text("network", &e.Network)
	if e.Network == "bridge" {
		e.Network = ""
	}
	r.texts("cap_add", &e.CapAdd)
	if slices.ContainsFunc(e.CapAdd, func(c string) bool { return strings.EqualFold(strings.TrimPrefix(c, "CAP_"), "ALL") }) {
		r.l.errorf(codeBadValue, r.body.Attributes["cap_add"].Expr.Range(), "cap_add cannot be ALL",
			"That would make the container as mighty as the host. Name the capabilities that the engine needs, such as \"SYS_NICE\".")
	}
	if f, ok := r.field("mounts"); ok {
		e.Mounts = f.mounts()
	}
	if f, ok := r.field("tmpfs"); ok {
		e.Tmpfs = f.tmpfs()
	}
	if f, ok := r.field("ulimits"); ok {
		e.Ulimits = f.ulimits()
	}
}

func (f field) mounts() []Mount {
	var all []Mount
	for _, o := range f.objects(`Write [{ source = "/data", target = "/data" }]; writable = true if the engine may write.`, "source", "target", "writable") {
		m := Mount{}
		o.text("source", &m.Source)
		o.text("target", &m.Target)
		o.truth("writable", &m.Writable)
		switch {
		case m.Source == "" || m.Target == "":
			o.wrong(codeMissing, "A mount has a source and a target", `Write { source = "/data", target = "/data" }.`)
			continue
		case !path.IsAbs(m.Target):
			o.wrong(codeBadValue, "A mount's target is absolute", fmt.Sprintf("Write target = %q.", "/"+m.Target))
			continue
		case slices.ContainsFunc(all, func(n Mount) bool { return n.Target == m.Target }):
			o.wrong(codeTwice, fmt.Sprintf("Two mounts at %s", m.Target), "Give each mount its own target.")
			continue
		}
		m.Source = f.l.hostPath(m.Source)
		if rulesHost(m.Source) {
			o.wrong(codeBadValue, fmt.Sprintf("%s must not be mounted", m.Source), "It holds the socket of the container engine, which rules this whole machine. Mount the folder that the engine needs, and no more.")
			continue
		}
		all = append(all, m)
	}
	return all
}

func (f field) tmpfs() []Tmpfs {
	elems, ok := f.list()
	if !ok && !f.value.IsNull() {
		f.wrong(codeWrongType, "tmpfs takes a list", `Write ["/tmp"] or [{ target = "/tmp", size = "1GiB", exec = true }].`)
	}
	var all []Tmpfs
	for _, e := range elems {
		t := Tmpfs{}
		if e.value.Type() == cty.String && !e.value.IsNull() {
			t.Target = e.value.AsString()
		} else if o, ok := e.object(`Write "/tmp" or { target = "/tmp", size = "1GiB", exec = true }.`, "target", "size", "exec"); ok {
			o.text("target", &t.Target)
			o.size("size", &t.Size)
			o.truth("exec", &t.Exec)
		}
		if !path.IsAbs(t.Target) {
			e.wrong(codeBadValue, "A tmpfs has an absolute target", `Write the folder in the container, such as "/tmp".`)
			continue
		}
		all = append(all, t)
	}
	return all
}

// ulimits reads { nofile = 65536, memlock = -1, stack = { soft = 1, hard = 2 } }.
func (f field) ulimits() []Ulimit {
	if f.value.IsNull() {
		return nil
	}
	entries := f.l.entries(f.expr, f.value)
	if entries == nil && !f.isObject() {
		f.wrong(codeWrongType, "ulimits takes an object", "Write { memlock = -1, nofile = 65536 }; -1 is no limit.")
	}
	var all []Ulimit
	for _, x := range entries {
		e := field{l: f.l, name: "ulimit " + x.name, value: x.value, expr: x.expr, at: x.at}
		u := Ulimit{Name: x.name}
		if e.isObject() {
			o, ok := e.object("Write { soft = 1024, hard = 65536 }.", "soft", "hard")
			if ok {
				o.limit("soft", &u.Soft)
				o.limit("hard", &u.Hard)
			}
		} else if n, ok := e.whole(-1, math.MaxInt); ok {
			u.Soft, u.Hard = int64(n), int64(n)
		}
		all = append(all, u)
	}
	return all
}

func (f field) isObject() bool {
	t := f.value.Type()
	return !f.value.IsNull() && (t.IsObjectType() || t.IsMapType())
}

// part is an object within an attribute's value.
type part struct {
	field
	entries []entry
}

func (f field) objects(remedy string, names ...string) []part {
	if f.value.IsNull() {
		return nil
	}
	elems, ok := f.list()
	if !ok {
		f.wrong(codeWrongType, fmt.Sprintf("%s takes a list of objects", f.name), remedy)
	}
	var all []part
	for _, e := range elems {
		if p, ok := e.object(remedy, names...); ok {
			all = append(all, p)
		}
	}
	return all
}

// object opens an object that has none but the given names.
func (f field) object(remedy string, names ...string) (part, bool) {
	if !f.isObject() {
		f.wrong(codeWrongType, fmt.Sprintf("%s takes an object here", f.name), fmt.Sprintf("This is %s. %s", describe(f.value), remedy))
		return part{}, false
	}
	p := part{field: f, entries: f.l.entries(exprOf(f), f.value)}
	for _, x := range p.entries {
		if !slices.Contains(names, x.name) {
			f.l.errorf(codeUnknownWord, x.at, fmt.Sprintf("Unknown word %s in %s", x.name, f.name), oneOf(x.name, names))
		}
	}
	return p, true
}

func (p part) get(name string) (field, bool) {
	for _, x := range p.entries {
		if x.name == name && !x.value.IsNull() {
			f := field{l: p.l, name: name, value: x.value, expr: x.expr, at: x.at}
			if x.expr != nil {
				f.at = x.expr.Range()
			}
			return f, true
		}
	}
	return field{}, false
}

func (p part) text(name string, target *string) {
	if f, ok := p.get(name); ok {
		if t, ok := f.text(); ok {
			*target = t
		}
	}
}

func (p part) size(name string, target *int64) {
	if f, ok := p.get(name); ok {
		if n, ok := f.size(); ok {
			*target = n
		}
	}
}

func (p part) limit(name string, target *int64) {
	if f, ok := p.get(name); ok {
		if n, ok := f.whole(-1, math.MaxInt); ok {
			*target = int64(n)
		}
	}
}

func (p part) truth(name string, target *bool) {
	f, ok := p.get(name)
	if !ok {
		return
	}
	v, err := convert.Convert(f.value, cty.Bool)
	if err != nil {
		f.wrong(codeWrongType, fmt.Sprintf("%s is true or false", name), fmt.Sprintf("This is %s.", describe(f.value)))
		return
	}
	*target = v.True()
}
