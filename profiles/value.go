package profiles

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ValueKind is the type of a Value.
type ValueKind int

// The types of values.
const (
	KindNull ValueKind = iota
	KindBool
	KindNumber
	KindString
	KindList
	KindObject
)

// Value is the value of a flag or an environment variable. The zero Value is null.
type Value struct {
	Kind ValueKind
	// Text is "true" or "false", the number in its shortest exact decimal form, the
	// string itself, or an object as one compact JSON text with its keys in order.
	Text string
	List []Value // KindList: several arguments
	// Secret names where a value came from that must not be shown: "env.HF_TOKEN".
	Secret string
}

// Bool is the value true or false.
func Bool(b bool) Value { return Value{Kind: KindBool, Text: fmt.Sprint(b)} }

// Number is a number, in decimal text.
func Number(text string) Value { return Value{Kind: KindNumber, Text: text} }

// String is a text.
func String(text string) Value { return Value{Kind: KindString, Text: text} }

// List is several arguments.
func List(elems ...Value) Value { return Value{Kind: KindList, List: elems} }

// Object is one argument in JSON.
func Object(jsonText string) Value { return Value{Kind: KindObject, Text: jsonText} }

// IsNull says that the flag is left off.
func (v Value) IsNull() bool { return v.Kind == KindNull }

// String is the value as a person reads it; a secret shows its name only.
func (v Value) String() string {
	switch {
	case v.Secret != "":
		return "(" + v.Secret + ")"
	case v.Kind == KindNull:
		return "null"
	case v.Kind == KindList:
		var b bytes.Buffer
		for i, e := range v.List {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(e.String())
		}
		return b.String()
	}
	return v.Text
}

// MarshalJSON writes the value in its own JSON type; a secret as {"secret": name}.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case v.Secret != "":
		return json.Marshal(map[string]string{"secret": v.Secret})
	case v.Kind == KindNull:
		return []byte("null"), nil
	case v.Kind == KindString:
		return json.Marshal(v.Text)
	case v.Kind == KindList:
		return json.Marshal(v.List)
	}
	return []byte(v.Text), nil
}
