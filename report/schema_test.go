package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qtune/qtune/tuner"
)

// schemaPath is the JSON Schema that the JSON report is documented by.
const schemaPath = "../docs/report.schema.json"

// schema writes the JSON Schema of Go types.
type schema struct{ defs map[string]any }

func (s *schema) of(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "integer"}
	case reflect.TypeFor[tuner.Flags](), reflect.TypeFor[tuner.Env]():
		return map[string]any{"type": "object", "description": "by name, in the order of the profile; a secret is {\"secret\": its name}"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{s.of(t.Elem()), map[string]any{"type": "null"}}}
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": s.of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Struct:
		return s.structOf(t)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}

func (s *schema) structOf(t reflect.Type) any {
	name := strings.ReplaceAll(t.String(), "report.", "")
	ref := map[string]any{"$ref": "#/$defs/" + name}
	if _, ok := s.defs[name]; ok {
		return ref
	}
	s.defs[name] = nil // it may hold itself
	properties, required := map[string]any{}, []string{}
	s.fields(t, properties, &required)
	s.defs[name] = map[string]any{"type": "object", "properties": properties, "required": required}
	return ref
}

func (s *schema) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.fields(f.Type, properties, required)
		case !f.IsExported() || name == "-":
		default:
			properties[name] = s.of(f.Type)
			if option != "omitempty" && option != "omitzero" {
				*required = append(*required, name)
			}
		}
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	s := &schema{defs: map[string]any{}}
	root := s.of(reflect.TypeFor[Data]()).(map[string]any)
	root["$schema"], root["$defs"] = "https://json-schema.org/draft/2020-12/schema", s.defs
	root["title"] = "qtune report"
	root["description"] = "What `qtune report --format json` writes. Durations end in _s (seconds) or _ms, throughputs are per second; a figure that too few requests support is null. Fields may be added within a schema_version; readers pass over those that they do not know."
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(schemaPath, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() == string(want) {
		return
	}
	t.Logf("%s does not describe every field: `go test ./report -update` writes it anew", schemaPath)
	var documented, current map[string]any
	if err := errors.Join(json.Unmarshal(want, &documented), json.Unmarshal(b.Bytes(), &current)); err != nil {
		t.Fatal(err)
	}
	for _, p := range broken("", documented, current) {
		t.Errorf("%s: a reader of schema version %d relies on it: SchemaVersion must grow", p, SchemaVersion)
	}
}

// broken lists what is documented and is no more as it was; what came new
// breaks no reader.
func broken(path string, documented, current any) []string {
	switch old := documented.(type) {
	case map[string]any:
		now, ok := current.(map[string]any)
		if !ok {
			return []string{path}
		}
		var all []string
		for key, v := range old {
			if _, ok := now[key]; !ok {
				all = append(all, path+"/"+key)
				continue
			}
			if key != "description" {
				all = append(all, broken(path+"/"+key, v, now[key])...)
			}
		}
		return all
	case []any:
		now, ok := current.([]any)
		if !ok {
			return []string{path}
		}
		if strings.HasSuffix(path, "/required") {
			return missing(path, old, now)
		}
	}
	if !reflect.DeepEqual(documented, current) {
		return []string{path}
	}
	return nil
}

func missing(path string, old, now []any) []string {
	var all []string
	for _, v := range old {
		if !slices.Contains(now, v) {
			all = append(all, path+"/"+v.(string))
		}
	}
	return all
}

func TestBrokenSchema(t *testing.T) {
	read := func(text string) (v any) {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	old := read(`{"a":{"type":"string"},"required":["a","b"],"type":["array","null"]}`)
	for now, want := range map[string]int{
		`{"a":{"type":"string"},"c":{},"required":["b","a","c"],"type":["array","null"]}`: 0,
		`{"a":{"type":"number"},"required":["a","b"],"type":["array","null"]}`:            1,
		`{"required":["a"],"type":["array"]}`:                                             3,
	} {
		if got := broken("", old, read(now)); len(got) != want {
			t.Errorf("%s: %q, want %d", now, got, want)
		}
	}
}

func TestJSONCarriesEverything(t *testing.T) {
	run := sample(t, true)
	var b bytes.Buffer
	if err := JSON(&b, run, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	var d Data
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != "qtune.report" || d.Version != SchemaVersion || !d.Run.Simulated || !d.Results[0].Simulated || d.Gain95 == nil {
		t.Errorf("%+v", d)
	}
	if len(d.Effects) != 7 || len(d.Front) == 0 || len(d.Timeline) != len(run.Attempts) || len(d.Results) != len(run.Results) {
		t.Errorf("%d effects, front %q, %d stays, %d results", len(d.Effects), d.Front, len(d.Timeline), len(d.Results))
	}
}
