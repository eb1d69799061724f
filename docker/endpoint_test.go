package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// dockerConfig makes a configuration folder of the docker command with two contexts.
func dockerConfig(t *testing.T, current string, hosts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(text, full string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"auths":{},"currentContext":"`+current+`"}`, filepath.Join(dir, "config.json"))
	for name, host := range hosts {
		meta, tls := contextFolders(dir, name)
		put(`{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":`+map[bool]string{true: "true", false: "false"}[name == "lax"]+`}}}`, filepath.Join(meta, "meta.json"))
		if name == "tls" {
			put("", filepath.Join(tls, caFile))
		}
	}
	return dir
}

func TestFindEndpoint(t *testing.T) {
	certificates := t.TempDir()
	if err := os.WriteFile(filepath.Join(certificates, caFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := map[string]string{"rootless": "unix:///run/user/1000/docker.sock", "tls": "tcp://127.0.0.1:2376", "lax": "tcp://127.0.0.1:2376"}
	tests := []struct {
		why     string
		current string // of the configuration
		env     map[string]string
		host    string
		tls     bool
		err     string
	}{
		{"nothing is set", "", nil, "", false, ""},
		{"the current context", "rootless", nil, hosts["rootless"], false, ""},
		{"the default context by its name", "default", nil, "", false, ""},
		{"the environment's context goes before it", "rootless", map[string]string{"DOCKER_CONTEXT": "tls"}, hosts["tls"], true, ""},
		{"DOCKER_HOST goes before all", "rootless", map[string]string{"DOCKER_HOST": "unix:///x", "DOCKER_CONTEXT": "tls"}, "unix:///x", false, ""},
		{"TLS is for sockets of TCP", "", map[string]string{"DOCKER_HOST": "unix:///x", "DOCKER_TLS_VERIFY": "1"}, "unix:///x", false, ""},
		{"a folder of certificates alone turns nothing on", "", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CERT_PATH": certificates}, "tcp://127.0.0.1:1", false, ""},
		{"DOCKER_TLS_VERIFY does", "", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CERT_PATH": certificates, "DOCKER_TLS_VERIFY": "1"}, "tcp://127.0.0.1:1", true, ""},
		{"without a folder, that of the configuration", "", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CONFIG": certificates, "DOCKER_TLS_VERIFY": "1"}, "tcp://127.0.0.1:1", true, ""},
		{"no certificate to check the daemon's with", "", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CERT_PATH": "/none", "DOCKER_TLS_VERIFY": "1"}, "", false, "no ca.pem in /none"},
		{"TLS without a check of certificates", "", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS": "1"}, "", false, "skips the check"},
		{"a context that is not there", "gone", nil, "", false, `there is no docker context "gone"`},
		{"a context without a check of certificates", "lax", nil, "", false, "skips the check"},
		{"a configuration that is no JSON", `","`, nil, "", false, "config.json"},
		{"no configuration at all", "rootless", map[string]string{"DOCKER_CONFIG": "/no/such/folder"}, "", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			env := map[string]string{"DOCKER_CONFIG": dockerConfig(t, tt.current, hosts)}
			for k, v := range tt.env {
				env[k] = v
			}
			got, err := findEndpoint(func(name string) string { return env[name] })
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got.host != tt.host || (got.ca != "") != tt.tls {
				t.Errorf("got %+v, want %s", got, tt.host)
			}
		})
	}
}

func TestConnectByAContext(t *testing.T) {
	noLeaks(t)
	f := newFake(t)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_CONFIG", dockerConfig(t, "mine", map[string]string{"mine": "tcp://" + f.server.Listener.Addr().String()}))
	c, err := Connect(t.Context(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil || f.count("/_ping") == 0 {
		t.Errorf("the context's daemon was not asked: %v", err)
	}
}

func TestADaemonOnAnotherMachineIsRefused(t *testing.T) {
	for host, near := range map[string]bool{
		"unix:///var/run/docker.sock": true, "tcp://127.0.0.1:2375": true, "tcp://localhost:2375": true, "tcp://[::1]:2375": true,
		"tcp://192.0.2.7:2376": false, "https://192.0.2.7:2376": false, "tcp://no-such-host.invalid:2375": true,
	} {
		if err := checkNear(t.Context(), host); (err == nil) != near {
			t.Errorf("%s: %v", host, err)
		}
	}
	t.Setenv("DOCKER_HOST", "tcp://192.0.2.7:2376")
	_, err := Connect(t.Context(), zerolog.Nop())
	var known *Error
	if !errors.As(err, &known) || known.Reason != FarHost || !strings.Contains(known.Hint(), "run qtune") {
		t.Errorf("got %v", err)
	}
}
