package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/process"
	"github.com/qtune/qtune/profiles"
)

func (l *Launcher) startFetch(ctx context.Context, f Fetch, cache string, hub HubModel, out *sink) (*instance, *Failure, error) {
	python, err := pythonOf(f.Engine)
	if err != nil {
		return nil, nil, err
	}
	argv := []string{python, "-c", fetchScript, fetchArgument(f.Model, hub)}
	if f.Engine.Runtime == profiles.RuntimeDocker {
		return l.runFetch(ctx, f.Engine, l.fetchSpec(f, cache, argv), out)
	}
	return l.runFetchProcess(ctx, argv, []string{"HF_HUB_CACHE=" + cache, "HF_HUB_OFFLINE=0", "HF_HUB_DISABLE_TELEMETRY=1"}, out)
}

// fetchArgument is what the script is told. Names are patterns to the library,
// so what is special in them is put between brackets.
func fetchArgument(m profiles.Model, hub HubModel) string {
	literal := strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")
	want := struct {
		Repo     string   `json:"repo"`
		Revision string   `json:"revision"`
		Files    []string `json:"files"`
		Whole    bool     `json:"whole"`
	}{m.ID, "main", nil, hub.Whole}
	if m.Revision != "" {
		want.Revision = m.Revision
	}
	for _, f := range hub.Files {
		want.Files = append(want.Files, literal.Replace(f.Name))
	}
	b, _ := json.Marshal(want) // strings and a bool always have a JSON form
	return string(b)
}

// pythonOf is the Python that has the engine's libraries: the program itself if
// it is one, else the one beside it; in an image, the first in its path.
func pythonOf(e *profiles.Engine) (string, error) {
	k, _ := Lookup(e.Kind)
	program := k.program(e)[0]
	switch {
	case strings.HasPrefix(path.Base(program), "python"):
		return program, nil
	case strings.Contains(program, "/"):
		return path.Join(path.Dir(program), "python3"), nil
	case e.Runtime == profiles.RuntimeDocker:
		return "python3", nil
	}
	return localPython(program)
}

func localPython(program string) (string, error) {
	found, err := exec.LookPath(program)
	if err != nil {
		return "", err
	}
	python := filepath.Join(filepath.Dir(found), "python3")
	if !exists(python) {
		return "", fmt.Errorf("there is no Python beside %s to fetch with; set model.path to a folder that holds the model", found)
	}
	return python, nil
}

// runFetchProcess starts a program that brings a model, in this process's environment
// and with vars, each "NAME=value".
func (l *Launcher) runFetchProcess(ctx context.Context, argv, vars []string, out *sink) (*instance, *Failure, error) {
	var env environment
	l.inherit(&env)
	env.add(vars...)
	l.mark(&env, "", RoleFetch)
	p, err := process.Start(ctx, process.Spec{Argv: argv, Env: env.words(), Log: out})
	if err != nil {
		failure, err := processFailure(ctx, err)
		return nil, failure, err
	}
	return localInstance(p, argv[0]), nil, nil
}

// runFetch starts a container that brings a model, once the engine's image is here.
func (l *Launcher) runFetch(ctx context.Context, e *profiles.Engine, spec docker.Spec, out *sink) (*instance, *Failure, error) {
	if _, failure, err := l.Prepare(ctx, e); failure != nil || err != nil {
		return nil, failure, err
	}
	client, err := l.dockerClient(ctx)
	if err != nil {
		return nil, nil, err
	}
	spec.Log = out
	ctr, err := client.Run(ctx, spec)
	if err != nil {
		failure, err := l.dockerFailure(ctx, err)
		return nil, failure, err
	}
	return containerInstance(ctr, spec.Name), nil, nil
}

// fetchSpec is a container of the engine's image in which only the cache can be
// written. It runs as the cache's owner: without capabilities, root could not
// write into another user's folder, and what it wrote would be root's.
func (l *Launcher) fetchSpec(f Fetch, cache string, argv []string) docker.Spec {
	e := f.Engine
	var env environment
	env.add("HF_HUB_CACHE="+hubFolder, "HOME=/tmp", "HF_HOME=/tmp/huggingface", "HF_HUB_DISABLE_TELEMETRY=1", "PYTHONUNBUFFERED=1")
	if token := HubToken(l.Environ); token != "" {
		env.set("HF_TOKEN", token)
	}
	l.pass(&env, "HF_ENDPOINT")
	l.pass(&env, proxies...)
	spec := docker.Spec{
		Name: "qtune-" + l.RunID + "-fetch", Image: e.Image, Labels: l.labels("", RoleFetch),
		Entrypoint: argv[:1], Command: argv[1:], Env: env.words(), User: ownerOf(cache), Network: e.Network,
		Mounts: []docker.Mount{{Source: cache, Target: hubFolder, Writable: true}},
	}
	if isLoopback(HubEndpoint(l.Environ)) {
		spec.Network = "host" // this host's own loopback, not the container's
	}
	for _, m := range e.Mounts {
		spec.Mounts = append(spec.Mounts, docker.Mount(m))
	}
	for _, t := range e.Tmpfs {
		spec.Tmpfs = append(spec.Tmpfs, docker.Tmpfs(t))
	}
	return spec
}

// proxies are the variables that lead to the network.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

// pass hands on variables of this process's environment that are set.
func (l *Launcher) pass(env *environment, names ...string) {
	for _, name := range names {
		if v := l.lookup(name); v != "" {
			env.set(name, v)
		}
	}
}

// ownerOf is "uid:gid" of a folder; "" where that is not known.
func ownerOf(folder string) string {
	info, err := os.Stat(folder)
	if err != nil {
		return ""
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", s.Uid, s.Gid)
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
