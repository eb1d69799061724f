package show

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/report/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

// side has two levels: one that a client has measured well, and one with little in it.
func side(name string, factor float64, simulated bool) *compare.Side {
	figure := func(v, half float64, n int) compare.Figure {
		f := compare.Figure{Value: v, N: n}
		if half > 0 {
			f.Interval = &[2]float64{v - half, v + half}
		}
		return f
	}
	full := map[string]compare.Figure{
		"output_throughput": figure(812.4*factor, 4, 0), "request_throughput": figure(16.2*factor, 0.1, 0), "error_rate": figure(0.02/factor, 0, 400),
		"ttft_mean": figure(84.1/factor, 2, 400), "ttft_p95": figure(121/factor, 25, 400), "tpot_mean": figure(11.9, 0.05, 400), "e2e_mean": figure(1240/factor, 12, 400),
	}
	few := map[string]compare.Figure{"output_throughput": figure(41*factor, 0, 0), "ttft_mean": figure(30/factor, 0, 3), "e2e_mean": figure(0, 0, 3)}
	return &compare.Side{
		Name: name, Source: "run 20261124-093000.123", Client: compare.ClientQtune, Model: "Qwen/Qwen3-8B", Card: "RTX 4090", Simulated: simulated,
		Objectives: []compare.Objective{{Metric: "output_throughput", Workload: "chat", Load: compare.Load{Kind: bench.KindClosed, Users: 20, OutputTokens: 50}}},
		Levels: []compare.Level{
			{Workload: "chat", Load: compare.Load{Kind: bench.KindClosed, Users: 20, OutputTokens: 50}, Starts: []compare.Start{{Figures: full}}},
			{Workload: "chat", Load: compare.Load{Kind: bench.KindSingle, OutputTokens: 10}, Starts: []compare.Start{{Figures: few}}},
		},
	}
}

func options(t testing.TB, lang string, width int) Options {
	t.Helper()
	w, err := words.For(lang)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Words: w, Version: "v1.2.3", Width: width}
}

type sample struct {
	name   string
	c      *compare.Comparison
	forced bool
}

func samples() []sample {
	gate := compare.Options{Gate: &compare.Gate{Slower: 0.05}}
	other := side("vllm <new|image>", 1.4, false)
	other.Card = "RTX 5090"
	return []sample{
		{"measured", compare.Compare(side("vllm old", 1, false), side("vllm new", 1.4, false), compare.Options{}), false},
		{"slower", compare.Compare(side("vllm old", 1, false), side("vllm new", 0.8, false), gate), false},
		{"simulated", compare.Compare(side("vllm old", 1, true), side("vllm new", 1.02, true), gate), false},
		{"forced", compare.Compare(side("vllm old", 1, false), other, gate), true},
	}
}

var forms = map[string]func(io.Writer, *compare.Comparison, Options) error{"txt": Text, "md": Markdown, "json": JSON, "xml": JUnit}

func TestGolden(t *testing.T) {
	for _, s := range samples() {
		for form, write := range forms {
			for _, lang := range []string{"en", "ko"} {
				for _, width := range []int{80, 100} {
					if form != "txt" && width == 80 || form == "json" && lang == "ko" {
						continue
					}
					name := s.name + "." + lang + "." + form
					if form == "txt" {
						name = s.name + "." + lang + "." + strconv.Itoa(width) + ".txt"
					}
					o := options(t, lang, width)
					o.Forced = s.forced
					var b bytes.Buffer
					if err := write(&b, s.c, o); err != nil {
						t.Fatal(err)
					}
					check(t, name, b.String(), width)
				}
			}
		}
	}
}

func check(t *testing.T, name, got string, width int) {
	t.Helper()
	if strings.Contains(got, words.Missing) {
		t.Errorf("%s has no words: %s", name, got)
	}
	if strings.HasSuffix(name, ".txt") {
		for _, line := range strings.Split(got, "\n") {
			if words.Columns(line) > width {
				t.Errorf("%s is wider than %d: %s", name, width, line)
			}
		}
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", name, got)
	}
}

// TestEveryLineIsMarked: no line of figures can be quoted without saying what it is.
func TestEveryLineIsMarked(t *testing.T) {
	for _, s := range samples()[2:] {
		mark := map[bool]string{true: "not comparable", false: "simulated"}[s.forced]
		for form, write := range forms {
			o := options(t, "en", 80)
			o.Forced = s.forced
			var b bytes.Buffer
			if err := write(&b, s.c, o); err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(b.String(), "\n") {
				if form != "json" && strings.Contains(line, "tok/s") && !strings.Contains(line, mark) {
					t.Errorf("%s, %s: %s", s.name, form, line)
				}
			}
		}
	}
}

// junitShape is what the schema that CI systems share allows: each element's
// attributes, and its children in their order.
var junitShape = map[string]struct{ attributes, children []string }{
	"testsuites": {[]string{"name", "tests", "failures", "errors"}, []string{"testsuite"}},
	"testsuite":  {[]string{"name", "tests", "failures", "errors", "skipped", "time"}, []string{"properties", "testcase"}},
	"properties": {nil, []string{"property"}},
	"property":   {[]string{"name", "value"}, nil},
	"testcase":   {[]string{"name", "classname", "time"}, []string{"skipped", "error", "failure", "system-out"}},
	"skipped":    {[]string{"message"}, nil},
	"error":      {[]string{"message", "type"}, nil},
	"failure":    {[]string{"message", "type"}, nil},
	"system-out": {nil, nil},
}

func TestJUnitShape(t *testing.T) {
	refused := samples()[3]
	for _, s := range append(samples(), sample{"refused", refused.c, false}) {
		o := options(t, "en", 80)
		o.Forced = s.forced
		var b bytes.Buffer
		if err := JUnit(&b, s.c, o); err != nil {
			t.Fatal(err)
		}
		holds(t, s.name, bytes.NewReader(b.Bytes()))
		var v testSuites
		if err := xml.Unmarshal(b.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, c := range v.Suite.Cases {
			if c.Failure != nil {
				count++
			}
		}
		if v.Tests != len(v.Suite.Cases) || v.Failures != count || v.Tests == 0 || s.name == "refused" && v.Errors != v.Tests || s.name == "slower" && count == 0 {
			t.Errorf("%s: %d tests, %d failures, %d errors; %d and %d counted", s.name, v.Tests, v.Failures, v.Errors, len(v.Suite.Cases), count)
		}
	}
}

// holds holds a document to the shape.
func holds(t *testing.T, name string, r io.Reader) {
	t.Helper()
	type open struct {
		name string
		at   int // the child that came last
	}
	var stack []open
	for dec := xml.NewDecoder(r); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			shape, ok := junitShape[e.Name.Local]
			if !ok {
				t.Errorf("%s: an element %s", name, e.Name.Local)
			}
			for _, a := range e.Attr {
				if !slices.Contains(shape.attributes, a.Name.Local) {
					t.Errorf("%s: %s has %s", name, e.Name.Local, a.Name.Local)
				}
			}
			if len(stack) > 0 {
				parent := &stack[len(stack)-1]
				at := slices.Index(junitShape[parent.name].children, e.Name.Local)
				if at < parent.at {
					t.Errorf("%s: %s comes too late in %s", name, e.Name.Local, parent.name)
				}
				parent.at = at
			}
			stack = append(stack, open{name: e.Name.Local})
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		}
	}
}

// schemaPath is the JSON Schema that the JSON form is documented by.
const schemaPath = "../../docs/compare.schema.json"

// describe writes the JSON Schema of a type; all of it stands in one place.
func describe(t reflect.Type) any {
	switch t.Kind() {
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{describe(t.Elem()), map[string]any{"type": "null"}}}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": describe(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": describe(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Struct:
		properties, required := map[string]any{}, []any{}
		for i := range t.NumField() {
			name, option, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			properties[name] = describe(t.Field(i).Type)
			if option == "" {
				required = append(required, name)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "required": required}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}

// TestSchemaIsCurrent: the schema says what is written, and what it once promised
// stays until SchemaVersion grows.
func TestSchemaIsCurrent(t *testing.T) {
	root := describe(reflect.TypeFor[Data]()).(map[string]any)
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "qtune compare"
	root["description"] = "What `qtune compare --format json` writes. Changes are fractions: B/A - 1, or for a share B - A. Fields may be added within a schema_version; readers pass over those that they do not know."
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaPath, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	var documented, current any
	if err := errors.Join(json.Unmarshal(text, &documented), json.Unmarshal(b.Bytes(), &current)); err != nil {
		t.Fatal(err)
	}
	for _, p := range lost("", documented, current) {
		t.Errorf("%s: a reader of schema version %d relies on it: SchemaVersion must grow", p, SchemaVersion)
	}
	if string(text) != b.String() {
		t.Errorf("%s does not describe every field: `go test ./compare/show -update` writes it anew", schemaPath)
	}
}

// lost lists what was documented and is no more as it was.
func lost(path string, old, now any) []string {
	switch old := old.(type) {
	case map[string]any:
		now, _ := now.(map[string]any)
		var all []string
		for key, v := range old {
			if key != "description" {
				all = append(all, lost(path+"/"+key, v, now[key])...)
			}
		}
		return all
	case []any:
		now, _ := now.([]any)
		for _, v := range old {
			if !slices.ContainsFunc(now, func(w any) bool {
				return reflect.DeepEqual(v, w) || reflect.TypeOf(v) == reflect.TypeFor[map[string]any]()
			}) {
				return []string{path}
			}
		}
		return nil
	}
	if !reflect.DeepEqual(old, now) {
		return []string{path}
	}
	return nil
}

// TestDataFitsTheSchema holds what is written to what is documented.
func TestDataFitsTheSchema(t *testing.T) {
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, s := range samples() {
		o := options(t, "en", 80)
		o.Forced = s.forced
		var b bytes.Buffer
		var v any
		if err := errors.Join(JSON(&b, s.c, o), json.Unmarshal(b.Bytes(), &v)); err != nil {
			t.Fatal(err)
		}
		fits(t, s.name, schema, v)
	}
}

func fits(t *testing.T, path string, schema map[string]any, v any) {
	t.Helper()
	if either, ok := schema["anyOf"].([]any); ok {
		if v != nil {
			fits(t, path, either[0].(map[string]any), v)
		}
		return
	}
	kind := ""
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		for key, w := range v {
			p, ok := schema["properties"].(map[string]any)[key].(map[string]any)
			if !ok {
				t.Fatalf("%s: %s is not documented", path, key)
			}
			fits(t, path+"/"+key, p, w)
		}
		for _, key := range schema["required"].([]any) {
			if _, ok := v[key.(string)]; !ok {
				t.Errorf("%s: %s is missing", path, key)
			}
		}
	case []any:
		kind = "array"
		for _, w := range v {
			fits(t, path+"[]", schema["items"].(map[string]any), w)
		}
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		if kind = "number"; schema["type"] == "integer" {
			kind = "integer"
		}
	}
	if schema["type"] != kind {
		t.Errorf("%s is %s, documented as %v", path, kind, schema["type"])
	}
}
