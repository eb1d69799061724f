package profiles

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// local is one name of a locals block.
type local struct {
	attr  *hclsyntax.Attribute
	value cty.Value
	ok    bool

	waits int      // locals that it needs and that are not there yet
	needs []string // locals that it names
	users []*local // locals that name it

	written []entry // the keys that it writes out, once looked
	looked  bool
}

// resolveLocals evaluates the locals, each after those that it names.
func (l *loader) resolveLocals(body *hclsyntax.Body) {
	order := l.declareLocals(body)
	for _, x := range order {
		for _, name := range x.needs {
			if y, ok := l.locals[name]; ok {
				y.users = append(y.users, x)
				x.waits++
			}
		}
	}
	var ready []*local
	for _, x := range order {
		if x.waits == 0 {
			ready = append(ready, x)
		}
	}
	for ; len(ready) > 0; ready = ready[1:] {
		x := ready[0]
		x.value, x.ok = l.eval(x.attr.Expr)
		for _, user := range x.users {
			if user.waits--; user.waits == 0 {
				ready = append(ready, user)
			}
		}
	}
	l.circles(order)
}

func (l *loader) declareLocals(body *hclsyntax.Body) []*local {
	var order []*local
	for _, b := range body.Blocks {
		if b.Type != "locals" {
			continue
		}
		l.labels(b)
		for _, inner := range b.Body.Blocks {
			l.errorf(codeWrongType, inner.TypeRange, "A block in locals", fmt.Sprintf("Write a value: %s = ...", inner.Type))
		}
		for _, a := range sortedAttributes(b.Body) {
			if first, twice := l.locals[a.Name]; twice {
				l.errorf(codeTwice, a.NameRange, fmt.Sprintf("A second local %q", a.Name),
					fmt.Sprintf("The first stands on line %d. Rename one of them.", first.attr.NameRange.Start.Line))
				continue
			}
			x := &local{attr: a, needs: localNames(a.Expr)}
			l.locals[a.Name] = x
			order = append(order, x)
		}
	}
	return order
}

// localNames are the locals that an expression names, each once.
func localNames(e hclsyntax.Expression) []string {
	var names []string
	seen := map[string]bool{}
	for _, t := range references(e) {
		if t.RootName() != "local" {
			continue
		}
		if name, ok := second(t); ok && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// circles reports locals that need themselves. What merely needs one of these is
// left alone: it has no value either, and is not the fault.
func (l *loader) circles(order []*local) {
	told := map[*local]bool{}
	for _, x := range order {
		if x.waits == 0 || told[x] {
			continue
		}
		var path []*local
		at := map[*local]int{}
		for x != nil && !told[x] {
			if from, closed := at[x]; closed {
				l.circle(path[from:])
				break
			}
			at[x] = len(path)
			path = append(path, x)
			x = l.nextWaiting(x)
		}
		for _, y := range path {
			told[y] = true
		}
	}
}

func (l *loader) nextWaiting(x *local) *local {
	for _, name := range x.needs {
		if y, ok := l.locals[name]; ok && y.waits > 0 {
			return y
		}
	}
	return nil
}

func (l *loader) circle(path []*local) {
	var names []string
	for _, x := range append(path, path[0]) {
		names = append(names, x.attr.Name)
	}
	if len(names) > 12 {
		names = append(names[:10:10], "…", names[len(names)-1])
	}
	l.errorf(codeCircle, path[0].attr.NameRange, "Locals need each other in a circle",
		strings.Join(names, " needs ")+". Write one of them without the others.")
}
