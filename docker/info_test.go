package docker

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestInfo(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	answer := `{"ServerVersion":"20.10.24","DockerRootDir":"/var/lib/docker","Runtimes":{"runc":{"path":"runc"},"nvidia":{"path":"x"}},"NCPU":2,"MemTotal":7}`
	mux.HandleFunc("/v1.41/info", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	c, err := Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Version != "20.10.24" || info.API != "1.41" || info.Root != "/var/lib/docker" || !slices.Equal(info.Runtimes, []string{"nvidia", "runc"}) {
		t.Errorf("got %+v", info)
	}
	server.Close()
	if _, err := c.Info(t.Context()); err == nil || !strings.Contains(err.Error(), "asking the daemon about itself") {
		t.Errorf("error %v", err)
	}
}
