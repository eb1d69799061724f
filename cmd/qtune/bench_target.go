package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/qtune/qtune/bench"
)

func (f *benchFlags) target(ctx context.Context, w *world, rawURL string) (bench.Target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return bench.Target{}, &usageError{fmt.Errorf("%q is no URL of a server: write one such as http://127.0.0.1:8000", rawURL)}
	}
	t := bench.Target{URL: strings.TrimSuffix(strings.TrimSuffix(rawURL, "/"), "/v1"), Model: f.model}
	if f.keyEnv != "" {
		key, ok := w.lookup(f.keyEnv)
		if !ok {
			return t, &usageError{fmt.Errorf("--api-key-env: %s is not set", f.keyEnv)}
		}
		t.APIKey = key
	}
	if err := f.dress(w, &t); err != nil {
		return t, err
	}
	if t.Model == "" {
		t.Model, err = firstModel(ctx, t)
	}
	return t, err
}

// dress adds headers and certificates.
func (f *benchFlags) dress(w *world, t *bench.Target) error {
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return &usageError{fmt.Errorf("--header %q: write NAME=VALUE", h)}
		}
		if variable, ok := strings.CutPrefix(value, "env:"); ok {
			if value, ok = w.lookup(variable); !ok {
				return &usageError{fmt.Errorf("--header %s: %s is not set", name, variable)}
			}
		}
		if t.Header == nil {
			t.Header = http.Header{}
		}
		t.Header.Add(name, value)
	}
	if f.ca == "" {
		return nil
	}
	var err error
	if t.CA, err = os.ReadFile(f.ca); err != nil {
		return &usageError{fmt.Errorf("--ca: %w", err)}
	}
	return nil
}

// firstModel asks a server which model it serves.
func firstModel(ctx context.Context, t bench.Target) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status, body, err := t.Get(ctx, "/v1/models")
	if err != nil {
		return "", fmt.Errorf("ask the server for its models (name one with --model if it lists none): %w", err)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil || len(list.Data) == 0 {
		return "", fmt.Errorf("%s/v1/models lists no model (status %d): name one with --model", t.URL, status)
	}
	return list.Data[0].ID, nil
}

// simulatedServer is what a simulated engine says of itself.
type simulatedServer struct {
	Card  string  `json:"card"`
	Speed float64 `json:"speed"` // engine seconds in one of ours; figures are in the engine's time
}

// askSimulated asks a server whether it is a simulated engine; nil for a real one,
// which knows no such path.
func askSimulated(ctx context.Context, t bench.Target) *simulatedServer {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	status, body, err := t.Get(ctx, "/simulator")
	var answer struct {
		Simulated bool `json:"simulated"`
		simulatedServer
	}
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &answer) != nil || !answer.Simulated || answer.Speed <= 0 {
		return nil
	}
	return &answer.simulatedServer
}
