package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestDigest(t *testing.T) {
	const id, a, b = "sha256:1d", "sha256:aa", "sha256:bb"
	for _, row := range []struct {
		why, image string
		digests    []string
		want       string
	}{
		{"from no registry", "local:1", nil, id},
		{"from one", "vllm/vllm-openai:v1", []string{"vllm/vllm-openai@" + a}, a},
		{"under two names, the one asked for", "vllm/vllm-openai:v1", []string{"mirror.example/vllm@" + b, "vllm/vllm-openai@" + a}, a},
		{"under two names, in full", "docker.io/vllm/vllm-openai:v1", []string{"mirror.example/vllm@" + b, "vllm/vllm-openai@" + a}, a},
		{"asked for by its ID", id, []string{"vllm/vllm-openai@" + a}, a},
		{"a digest that is none", "x:1", []string{"<none>"}, id},
	} {
		t.Run(row.why, func(t *testing.T) {
			if got := digest(row.image, row.digests, id); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestPull(t *testing.T) {
	for _, row := range []struct {
		why    string
		status int
		lines  []string
		want   Reason // "-": it works
		says   string
	}{
		{"it works", 200, []string{
			`{"status":"Pulling from vllm/vllm-openai","id":"v1"}`,
			`{"status":"Pulling fs layer","progressDetail":{},"id":"a"}`,
			`{"status":"Pulling fs layer","progressDetail":{},"id":"b"}`,
			`{"status":"Downloading","progressDetail":{"current":10,"total":100},"id":"a"}`,
			`{"status":"Downloading","progressDetail":{"current":5,"total":50},"id":"b"}`,
			`{"status":"Download complete","progressDetail":{},"id":"a"}`,
			`{"status":"Extracting","progressDetail":{"current":1,"total":100},"id":"a"}`,
			`{"status":"Pull complete","progressDetail":{},"id":"a"}`,
			`{"status":"Status: Downloaded newer image for vllm/vllm-openai:v1"}`,
		}, "-", ""},
		{"no such repository", 404, []string{`{"message":"pull access denied for x, repository does not exist or may require 'docker login': denied"}`}, PullDenied, "docker login"},
		{"no such tag", 404, []string{`{"message":"manifest for x:1 not found: manifest unknown"}`}, NoImage, "manifest"},
		{"no network", 500, []string{`{"message":"Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host"}`}, NoNetwork, "no such host"},
		{"network unreachable", 500, []string{`{"message":"connect: network is unreachable"}`}, NoNetwork, "unreachable"},
		{"too many pulls", 500, []string{`{"message":"toomanyrequests: You have reached your pull rate limit"}`}, PullDenied, "rate limit"},
		{"the disk fills up half-way", 200, []string{`{"status":"Pulling fs layer","id":"a"}`, `{"errorDetail":{"message":"write /var/lib/docker/tmp/x: no space left on device"},"error":"no space left on device"}`}, NoSpace, "no space"},
		{"the report is rubbish", 200, []string{"rubbish"}, "", "report"},
		{"a line without end", 200, []string{`{"status":"` + strings.Repeat("x", 2*maxMessage) + `"}`}, "", "too long"},
	} {
		t.Run(row.why, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t)
			there := false
			f.on("GET /images/{name}/json", func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc) {
				if !there {
					do(w, r)
					return
				}
				answer(w, map[string]any{"Id": "sha256:1d", "RepoDigests": []string{"x@sha256:aa"}})
			})
			f.on("POST /images/create", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
				there = true
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(row.status)
				_, _ = fmt.Fprint(w, strings.Join(row.lines, "\r\n")+"\r\n")
			})
			var last Progress
			got, err := f.connect(t).Pull(t.Context(), "x:1", PullMissing, func(p Progress) { last = p })
			if row.want == "-" {
				if err != nil || got.Digest != "sha256:aa" || last.Layers != 2 || last.Done != 1 || last.Current != 105 || last.Total != 150 {
					t.Errorf("got %+v, %v with %+v", got, err, last)
				}
				return
			}
			var known *Error
			if !errors.As(err, &known) || known.Reason != row.want || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want the reason %q and %q", err, row.want, row.says)
			}
		})
	}
}

func TestPullHearsItsContext(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	f.on("POST /images/create", func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = fmt.Fprintln(w, `{"status":"Pulling fs layer","id":"a"}`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.connect(t).Pull(ctx, "x:1", PullAlways, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func FuzzPullReport(f *testing.F) {
	f.Add(`{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"a"}` + "\n" + `{"status":"Pull complete","id":"a"}`)
	f.Add(`{"errorDetail":{"message":"no"}}`)
	f.Add("\n\n[]")
	f.Fuzz(func(t *testing.T, report string) {
		sum := newLayers()
		_ = readMessages(strings.NewReader(report), func(m message) {
			if p := sum.add(m); p.Current < 0 || p.Done > p.Layers || p.Layers > maxLayers {
				t.Errorf("%q gave %+v", report, p)
			}
		})
	})
}
