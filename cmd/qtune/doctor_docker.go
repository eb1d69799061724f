package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/qtune/qtune/catalog"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/profiles"
)

// imageBytes is what an image of a Python engine takes on the daemon's disk,
// unpacked and while it is unpacked: judgement, from images of 2026.
const imageBytes = 40 << 30

// imageRoom is what an engine's image may take, in bytes: llama.cpp's and Ollama's hold
// no Python and no torch.
func imageRoom(e *profiles.Engine) int64 {
	if e.Kind == "llamacpp" || e.Kind == "ollama" {
		return 8 << 30
	}
	return imageBytes
}

// checkDocker looks at the daemon, its GPU runtime and the images.
func (d *doctor) checkDocker(ctx context.Context) {
	needed := d.profile == nil || len(d.engines(profiles.RuntimeDocker)) > 0
	g := gradeBad
	if !needed {
		g = gradeInfo
	}
	c, err := d.probes.docker(ctx)
	if err != nil {
		d.say("docker", g, hintOf(err), "%v", err)
		return
	}
	defer func() {
		if err := c.Close(); err != nil {
			d.w.log.Debug().Err(err).Msg("closing the connection to docker")
		}
	}()
	info, err := c.Info(ctx)
	if err != nil {
		d.say("docker", g, hintOf(err), "%v", err)
		return
	}
	engine := cmp.Or(info.Engine, "Docker")
	d.say("docker", gradeOK, "", engine+" Engine %s, API %s, on %s with %d CPUs and %.1f GiB", info.Version, info.API, info.OS, info.CPUs, gib(info.Memory))
	if info.Rootless {
		d.say("docker", gradeInfo, "", "it runs without root: ulimits stay below this user's own, and NVIDIA's runtime needs no-cgroups = true in /etc/nvidia-container-runtime/config.toml")
	}
	if needed {
		d.checkRuntime(info)
		d.checkImages(ctx, c, info)
	}
}

// checkRuntime says whether the daemon can give a card to a container.
func (d *doctor) checkRuntime(info docker.Info) {
	there := slices.Contains(info.Runtimes, "nvidia") || len(info.CDI) > 0
	remedy := "install the NVIDIA Container Toolkit: nvidia-ctk runtime configure --runtime=docker, then restart Docker"
	switch {
	case slices.Contains(info.Runtimes, "nvidia"):
		d.say("gpu runtime", gradeOK, "", "the daemon has NVIDIA's runtime")
	case d.usesCards() && !there:
		d.say("gpu runtime", gradeBad, remedy, "the daemon has no runtime for NVIDIA cards, only %s", strings.Join(info.Runtimes, ", "))
	case d.usesCards():
		d.say("gpu runtime", gradeInfo, remedy, "the daemon has no runtime of NVIDIA's; cards may come by CDI from %s", strings.Join(info.CDI, ", "))
	default:
		d.say("gpu runtime", gradeInfo, "", "the daemon has no runtime for NVIDIA cards; nothing here needs one")
	}
}

// usesCards says whether containers would ask for a card: the profile says so, or
// leaves it open on a machine that has one, or with an image that needs one.
func (d *doctor) usesCards() bool {
	if d.profile != nil && d.profile.GPU.Devices != nil {
		return len(d.profile.GPU.Devices) > 0
	}
	return d.noGPU == nil && len(d.inv.Devices) > 0 || d.needsCard() != ""
}

// checkImages says which images are here, and whether there is room for the rest.
func (d *doctor) checkImages(ctx context.Context, c daemon, info docker.Info) {
	missing := int64(0)
	d.images = map[string]bool{}
	for _, e := range d.engines(profiles.RuntimeDocker) {
		if _, seen := d.images[e.Image]; seen {
			continue
		}
		_, here, err := c.InspectImage(ctx, e.Image)
		if d.images[e.Image] = here; here {
			d.say("image", gradeOK, "", "%s is here", e.Image)
			continue
		}
		switch {
		case err != nil:
			d.say("image", gradeBad, hintOf(err), "%v", err)
		case e.Pull == "never":
			d.say("image", gradeBad, `make or load it, or set pull = "missing"`, "%s is not here, and may not be pulled", e.Image)
		default:
			missing += imageRoom(e)
			d.say("image", gradeInfo, "", "%s is not here; apply pulls it", e.Image)
		}
	}
	if exists(info.Root) && (missing > 0 || d.profile == nil) { // else the daemon's disk is another machine's
		d.disk("disk", info.Root, cmp.Or(missing, imageBytes), "images lie in "+info.Root)
	}
}

// checkDriver compares the driver with what the images are built for.
func (d *doctor) checkDriver() {
	if d.noGPU != nil {
		return
	}
	served, _, _ := strings.Cut(d.inv.CUDA, ".")
	most, err := strconv.Atoi(served)
	if err != nil {
		return
	}
	d.say("driver", gradeOK, "", "NVIDIA driver %s serves CUDA %s", d.inv.Driver, d.inv.CUDA)
	seen := map[string]bool{}
	for _, e := range d.engines(profiles.RuntimeDocker) {
		needs, known := catalog.ImageCUDA(e.Image)
		if known && needs > most && !seen[e.Image] {
			seen[e.Image] = true
			d.say("driver", gradeBad, "upgrade the driver, or choose an image that is built for an older CUDA",
				"image %s is built for CUDA %d, and the driver serves %s", e.Image, needs, d.inv.CUDA)
		}
	}
}

// checkPrograms looks for the programs of local engines.
func (d *doctor) checkPrograms() {
	for _, e := range d.engines(profiles.RuntimeProcess) {
		words := engine.Redacted(e, e.BaselineCandidate(), d.profile.Model, engine.Planned(e))
		path, err := exec.LookPath(words[0])
		if err != nil {
			d.say("program", gradeBad, "install it, or say where it is with command", "engine %s: %v", e.Label(), err)
			continue
		}
		d.say("program", gradeOK, "", "engine %s is %s", e.Label(), path)
	}
}

// checkEngines asks each engine for its flags.
func (d *doctor) checkEngines(ctx context.Context) {
	for _, e := range d.profile.Engines {
		kind, _ := engine.Lookup(e.Kind)
		switch {
		case e.Runtime != profiles.RuntimeExternal && !kind.Helps():
			d.say("flags", gradeInfo, "", "engine %s has no flags that it could be asked for", e.Label())
			continue
		case e.Runtime == profiles.RuntimeExternal:
			d.say("flags", gradeInfo, "", "engine %s is up already: its flags are its own", e.Label())
			continue
		case e.Runtime == profiles.RuntimeDocker && !d.images[e.Image]:
			d.say("flags", gradeWarn, "docker pull "+e.Image, "engine %s cannot be asked for its flags: its image is not here", e.Label())
			continue
		}
		found, err := d.probes.help(ctx, e, d.profile.GPU)
		if err != nil {
			d.say("flags", gradeWarn, hintOf(err), "%v", err)
			continue
		}
		d.findings = append(d.findings, found...)
	}
}

// askEngine compares an engine's own help with what a profile would pass.
func askEngine(ctx context.Context, w *world, e *profiles.Engine, g profiles.GPU) ([]finding, error) {
	var client *docker.Client
	l := &engine.Launcher{Environ: w.environ, Version: qtuneVersion(), Log: w.log, Docker: func(ctx context.Context) (*docker.Client, error) {
		c, err := docker.Connect(ctx, w.log)
		client = c
		return c, err
	}}
	if g.Devices == nil {
		l.GPUs = anyCard()
	}
	help, err := l.Help(ctx, e, g)
	if client != nil {
		err = errors.Join(err, client.Close())
	}
	if err != nil {
		return nil, err
	}
	return flagFindings(e, help), nil
}

// flagFindings are what an engine's own help says of the profile's flags.
func flagFindings(e *profiles.Engine, help *catalog.Help) []finding {
	refused := false
	var all []finding
	for _, n := range engine.CheckFlags(e, help) {
		g := gradeWarn
		if n.Severity == catalog.SeverityError {
			g, refused = gradeBad, true
		}
		all = append(all, finding{"flags", g, n.Summary, n.Detail})
	}
	if refused {
		return all
	}
	return append(all, finding{"flags", gradeOK, fmt.Sprintf("engine %s has every flag of the profile; its help lists %d options", e.Label(), len(help.Options())), ""})
}

// anyCard is a card to ask an engine for its help with: it computes nothing there.
func anyCard() []string {
	inv, err := gpu.Devices()
	switch {
	case err != nil && exists("/proc/driver/nvidia/gpus"):
		return []string{"0"}
	case err != nil || len(inv.Units()) == 0:
		return nil
	}
	return []string{inv.Units()[0].UUID}
}

// hostPort is where a URL's server listens.
func hostPort(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	if u.Port() == "" {
		return u.Hostname() + map[string]string{"https": ":443"}[u.Scheme] + map[string]string{"http": ":80"}[u.Scheme]
	}
	return u.Host
}
