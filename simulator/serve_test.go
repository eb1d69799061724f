package simulator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// up is a simulated engine that serves.
type up struct {
	t    testing.TB
	url  string
	log  *lockedBuffer
	stop func() int // ends it as SIGTERM does, and gives its exit code
}

// serve starts Main and waits for its health.
func serve(t testing.TB, getenv func(string) string, words ...string) *up {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	u := &up{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), log: &lockedBuffer{}}
	code := make(chan int, 1)
	words = append(words, "--host", "127.0.0.1", "--port", fmt.Sprint(port))
	go func() { code <- Main(ctx, words, getenv, u.log, u.log) }()
	u.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { u.stop() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, err := http.Get(u.url + "/health")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return u
			}
		}
		if time.Now().After(deadline) || len(code) > 0 {
			t.Fatalf("%v does not come up: %v\n%s", words, err, u.log)
		}
	}
}

func (u *up) get(path string) (int, string) {
	u.t.Helper()
	resp, err := http.Get(u.url + path)
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func (u *up) post(path, body string) (int, string) {
	u.t.Helper()
	resp, err := http.Post(u.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

type chunk struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Text  string `json:"text"`
		Delta struct {
			Role    string  `json:"role"`
			Content *string `json:"content"`
		} `json:"delta"`
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		Finish *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
}

// events reads a stream and checks its frame: data lines only, [DONE] last.
func (u *up) events(path, body string) []chunk {
	u.t.Helper()
	status, text := u.post(path, body)
	if status != http.StatusOK {
		u.t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	var chunks []chunk
	done := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case lines.Text() == "":
		case !ok || done:
			u.t.Fatalf("%s: unexpected line %q", path, lines.Text())
		case data == "[DONE]":
			done = true
		default:
			var c chunk
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				u.t.Fatalf("%s: %v in %s", path, err, data)
			}
			chunks = append(chunks, c)
		}
	}
	if !done {
		u.t.Fatalf("%s: no [DONE] in %s", path, text)
	}
	return chunks
}

func fast() func(string) string { return environment("QTUNE_SIMULATE_SPEED=1000") }
