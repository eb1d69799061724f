package tuner

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/qtune/qtune/profiles"
)

// Flags are the flags of a configuration; in JSON one object in the profile's order.
type Flags []profiles.Flag

// Env is the environment of a configuration; in JSON one object in the
// profile's order, in which a secret is {"secret": "its name"}.
type Env []profiles.EnvVar

// MarshalJSON writes one object in the order of the flags.
func (f Flags) MarshalJSON() ([]byte, error) {
	return marshalOrdered(len(f), func(i int) (string, profiles.Value) { return f[i].Name, f[i].Value })
}

// MarshalJSON writes one object in the order of the variables.
func (e Env) MarshalJSON() ([]byte, error) {
	return marshalOrdered(len(e), func(i int) (string, profiles.Value) { return e[i].Name, e[i].Value })
}

func marshalOrdered(n int, at func(int) (string, profiles.Value)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		name, value := at(i)
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("value of %s: %w", name, err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, order kept.
func (f *Flags) UnmarshalJSON(text []byte) error {
	*f = nil
	return unmarshalOrdered(text, func(name string, v profiles.Value) {
		*f = append(*f, profiles.Flag{Name: name, Value: v})
	})
}

// UnmarshalJSON reads what MarshalJSON wrote, order kept.
func (e *Env) UnmarshalJSON(text []byte) error {
	*e = nil
	return unmarshalOrdered(text, func(name string, v profiles.Value) {
		*e = append(*e, profiles.EnvVar{Name: name, Value: v})
	})
}

func unmarshalOrdered(text []byte, add func(string, profiles.Value)) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("flags are no JSON object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		name, _ := key.(string)
		v, err := valueOf(raw)
		if err != nil {
			return fmt.Errorf("value of %s: %w", name, err)
		}
		add(name, v)
	}
	return nil
}

func valueOf(raw json.RawMessage) (profiles.Value, error) {
	switch raw[0] {
	case 'n':
		return profiles.Value{}, nil
	case 't', 'f':
		return profiles.Bool(raw[0] == 't'), nil
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return profiles.String(s), err
	case '[':
		return listOf(raw)
	case '{':
		var secret struct{ Secret string }
		if json.Unmarshal(raw, &secret) == nil && secret.Secret != "" {
			return profiles.Value{Kind: profiles.KindString, Secret: secret.Secret}, nil
		}
		return profiles.Object(string(raw)), nil
	}
	return profiles.Number(string(raw)), nil
}

func listOf(raw json.RawMessage) (profiles.Value, error) {
	var elems []json.RawMessage
	if err := json.Unmarshal(raw, &elems); err != nil {
		return profiles.Value{}, err
	}
	var list []profiles.Value
	for _, e := range elems {
		v, err := valueOf(e)
		if err != nil {
			return profiles.Value{}, err
		}
		list = append(list, v)
	}
	return profiles.List(list...), nil
}
