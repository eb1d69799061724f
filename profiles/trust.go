package profiles

import (
	"fmt"
	"path"
	"slices"
)

// trusting warns of a model that may run its own code: whoever made the model then
// has all that the engine has.
func (r *engineReader) trusting() {
	i := slices.IndexFunc(r.flags.list, func(s setting) bool { return s.name == "trust-remote-code" })
	if i < 0 || r.flags.list[i].value.Kind != KindBool || r.flags.list[i].value.Text != "true" {
		return
	}
	s := r.flags.list[i]
	r.l.report(caution(codeRemoteCode, &s.at, fmt.Sprintf("%s runs code that comes with the model", r.engine.Label()),
		"trust-remote-code = true gives the model's authors all that the engine can reach. Few models need it any more: write trust-remote-code = null to leave it off."))
}

// daemonSockets are those by which a container would rule its host, and the folders
// that hold them.
var daemonSockets = []string{"docker.sock", "containerd.sock", "podman.sock", "crio.sock"}

// rulesHost says whether to mount a path of this host gives a container a way to its
// container engine, and through that to everything: read-only makes no difference
// to a socket.
func rulesHost(source string) bool {
	source = path.Clean(source)
	return slices.Contains(daemonSockets, path.Base(source)) || slices.Contains([]string{"/", "/run", "/var", "/var/run", "/run/containerd", "/run/podman"}, source)
}
