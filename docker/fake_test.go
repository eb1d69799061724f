package docker

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/rs/zerolog"
)

// fake is a Docker daemon that keeps containers in memory and can be told to
// fail as a real one will not on demand.
type fake struct {
	server *httptest.Server

	mu         sync.Mutex
	containers map[string]*fakeContainer
	hijacked   []net.Conn
	calls      []string
	faults     map[string]fault
}

// fault answers a request in the daemon's stead; do carries out what the daemon
// would have done.
type fault func(w http.ResponseWriter, r *http.Request, do http.HandlerFunc)

type fakeContainer struct {
	id      string
	request container.CreateRequest
	state   container.State
	output  net.Conn // of the attached client
	exited  chan struct{}
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{containers: map[string]*fakeContainer{}, faults: map[string]fault{}}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"/_ping":                       f.ping,
		"GET /info":                    f.info,
		"POST /containers/create":      f.create,
		"GET /containers/json":         f.list,
		"POST /containers/{id}/attach": f.attach,
		"POST /containers/{id}/wait":   f.wait,
		"GET /events":                  f.events,
		"POST /containers/{id}/start":  f.start,
		"GET /containers/{id}/json":    f.inspect,
		"GET /containers/{id}/stats":   f.inspect,
		"POST /containers/{id}/stop":   f.stop,
		"POST /containers/{id}/kill":   f.stop,
		"DELETE /containers/{id}":      f.remove,
		"GET /images/{name}/json":      f.image,
		"POST /images/create":          f.pull,
	} {
		mux.HandleFunc(pattern, f.faulty(pattern, handle))
	}
	f.server = httptest.NewServer(unversioned(mux))
	t.Cleanup(f.gone)
	return f
}

// unversioned takes the version off, which all paths but /_ping have.
func unversioned(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/v1.41")
		h.ServeHTTP(w, r)
	})
}

func (f *fake) faulty(pattern string, do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls = append(f.calls, pattern)
		broken := f.faults[pattern]
		f.mu.Unlock()
		if broken != nil {
			broken(w, r, do)
			return
		}
		do(w, r)
	}
}

// on sets, and with nil takes back, the fault of a route.
func (f *fake) on(pattern string, broken fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[pattern] = broken
}

func (f *fake) count(pattern string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == pattern {
			n++
		}
	}
	return n
}

func (f *fake) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.containers)
}

// gone ends the daemon as a kill would: no more listener, all connections cut.
func (f *fake) gone() {
	f.mu.Lock()
	for _, c := range f.hijacked {
		_ = c.Close()
	}
	f.hijacked = nil
	f.mu.Unlock()
	_ = f.server.Listener.Close()
	f.server.CloseClientConnections()
	f.server.Close()
}

func (f *fake) connect(t *testing.T) *Client {
	t.Helper()
	t.Setenv("DOCKER_HOST", "tcp://"+f.server.Listener.Addr().String())
	c, err := Connect(t.Context(), zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	c.limits = limits{createGrace: 300 * time.Millisecond, lateCreate: time.Second, kill: 300 * time.Millisecond, restart: time.Second, patience: time.Second}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (f *fake) ping(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") }

// info is that of a daemon which can limit what a container takes.
func (f *fake) info(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"MemoryLimit":true,"PidsLimit":true}`)
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	c := &fakeContainer{exited: make(chan struct{}), state: container.State{Status: "created"}}
	if err := json.NewDecoder(r.Body).Decode(&c.request); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.id = fmt.Sprintf("%064d", len(f.calls))
	f.containers[c.id] = c
	w.WriteHeader(http.StatusCreated)
	answer(w, map[string]string{"Id": c.id})
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	var filters map[string]map[string]bool
	_ = json.Unmarshal([]byte(r.FormValue("filters")), &filters)
	all := []map[string]any{}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		for label := range filters["label"] {
			key, value, _ := strings.Cut(label, "=")
			if got, ok := c.request.Labels[key]; ok && (value == "" || value == got) {
				all = append(all, map[string]any{"Id": c.id, "Labels": c.request.Labels, "State": c.state.Status})
			}
		}
	}
	answer(w, all)
}

// find answers with "no such container" where there is none.
func (f *fake) find(w http.ResponseWriter, r *http.Request) *fakeContainer {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.containers[r.PathValue("id")]
	if c == nil {
		refuse(w, http.StatusNotFound, "No such container: "+r.PathValue("id"))
	}
	return c
}

func (f *fake) attach(w http.ResponseWriter, r *http.Request) {
	c := f.find(w, r)
	if c == nil {
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hijacked = append(f.hijacked, conn)
	c.output = conn
}

// wait acknowledges first, as the daemon does.
func (f *fake) wait(w http.ResponseWriter, r *http.Request) {
	c := f.find(w, r)
	if c == nil {
		return
	}
	_ = http.NewResponseController(w).Flush()
	select {
	case <-c.exited:
		answer(w, map[string]any{"StatusCode": c.state.ExitCode})
	case <-r.Context().Done():
	}
}

// events tells of the death of the one container that there is.
func (f *fake) events(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	f.mu.Lock()
	exited := make(chan struct{})
	for _, c := range f.containers {
		exited = c.exited
	}
	f.mu.Unlock()
	select {
	case <-exited:
		answer(w, map[string]string{"Type": "container", "Action": "die"})
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case <-r.Context().Done():
	}
}

func (f *fake) start(w http.ResponseWriter, r *http.Request) {
	if c := f.find(w, r); c != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		c.state = container.State{Status: "running", Running: true}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fake) inspect(w http.ResponseWriter, r *http.Request) {
	c := f.find(w, r)
	if c == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	answer(w, map[string]any{"Id": c.id, "State": c.state, "NetworkSettings": map[string]any{
		"Ports": map[string]any{"8000/tcp": []map[string]string{{"HostIp": "127.0.0.1", "HostPort": "49153"}}},
	}})
}

func (f *fake) stop(w http.ResponseWriter, r *http.Request) {
	if c := f.find(w, r); c != nil {
		f.exit(c, container.State{Status: "exited", ExitCode: 143})
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fake) remove(w http.ResponseWriter, r *http.Request) {
	if c := f.find(w, r); c != nil {
		f.exit(c, container.State{Status: "removing", ExitCode: 137})
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.containers, c.id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// exit ends a container once.
func (f *fake) exit(c *fakeContainer, s container.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-c.exited:
		return
	default:
	}
	c.state = s
	if c.output != nil {
		_ = c.output.Close()
	}
	close(c.exited)
}

// only gives the one container there is.
func (f *fake) only(t *testing.T) *fakeContainer {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.containers {
		return c
	}
	t.Fatal("the daemon has no container")
	return nil
}

func (f *fake) image(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "No such image: "+r.PathValue("name"))
}

func (f *fake) pull(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{"status": "Pulling"})
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// refuse is the daemon's form of an error.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	answer(w, map[string]string{"message": message})
}

// frame is output as the daemon multiplexes it.
func frame(stream byte, text string) []byte {
	n := len(text)
	return append([]byte{stream, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...)
}
