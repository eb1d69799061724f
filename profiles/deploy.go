package profiles

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Deploy says how the winner is left running.
type Deploy struct {
	Name    string // of the container
	Address string // of the host, on which the port is published: "127.0.0.1", "0.0.0.0" for every one
	Port    int    // of the host
	Restart string // the daemon's policy: "no", "always", "unless-stopped", "on-failure" or "on-failure:N"
	Pos     Pos
}

var deployWords = words{attrs: []string{"address", "port", "restart"}}

// NewDeploy is a deployment with everything but the name by default.
func NewDeploy(name string) *Deploy {
	return &Deploy{Name: name, Address: DefaultDeployAddress, Port: DefaultDeployPort, Restart: DefaultDeployRestart}
}

// RestartPolicies are the words for when a container is started again by itself.
func RestartPolicies() []string { return []string{"unless-stopped", "always", "on-failure", "no"} }

// GoodRestart tells whether a restart policy is one; "on-failure" may have a count.
func GoodRestart(policy string) bool {
	word, count, counted := strings.Cut(policy, ":")
	if counted {
		return word == "on-failure" && count != "" && len(count) < 7 && strings.Trim(count, "0123456789") == "" && strings.Trim(count, "0") != ""
	}
	for _, p := range RestartPolicies() {
		if p == word {
			return true
		}
	}
	return false
}

// GoodDeployName tells whether a container may be called so: as the profile's other
// names, with two characters at least, and not as the containers of trials are.
func GoodDeployName(name string) bool {
	return goodName(name) && len(name) > 1 && !strings.HasPrefix(name, "qtune-")
}

func (l *loader) deploy(b *hclsyntax.Block) *Deploy {
	if !l.labels(b, "name") {
		return nil
	}
	if !GoodDeployName(b.Labels[0]) {
		l.errorf(codeBadName, b.LabelRanges[0], fmt.Sprintf("%q cannot be a deployment's name", b.Labels[0]),
			"It becomes the container's name: at least two characters, and not qtune- in front, which is how the containers of trials are called.")
		return nil
	}
	s := l.section(b, deployWords)
	d := NewDeploy(b.Labels[0])
	d.Pos = pos(b.DefRange())
	s.whole("port", &d.Port, 1, 65535)
	s.text("address", &d.Address)
	if !GoodAddress(d.Address) && s.has("address") {
		l.errorf(codeBadValue, b.Body.Attributes["address"].Expr.Range(), "address is no address of this host",
			`Write "127.0.0.1", so that this machine alone reaches the server, "0.0.0.0" for every address of it, or one of them.`)
	}
	s.text("restart", &d.Restart)
	if !GoodRestart(d.Restart) && s.has("restart") {
		l.errorf(codeBadValue, b.Body.Attributes["restart"].Expr.Range(), fmt.Sprintf("restart cannot be %q", d.Restart),
			oneOf(d.Restart, append(RestartPolicies(), "on-failure:3")))
	}
	return d
}

// deployable warns of engines that could win and cannot be left running.
func (l *loader) deployable(p *Profile, b *hclsyntax.Block) {
	for _, e := range p.Engines {
		if e.Runtime == RuntimeDocker {
			continue
		}
		why := "It runs as a process, which ends with the run. Take runtime out, so that it runs in a container; or take deploy out, and use `qtune export RUN --to systemd`."
		if e.Runtime == RuntimeExternal {
			why = "It is up already, and stays as it is. Should it win, nothing is deployed."
		}
		at := b.DefRange()
		l.report(caution(codeNotDeployable, &at, fmt.Sprintf("%s could win, and cannot be deployed", e.Label()), why))
	}
}

// GoodAddress tells whether a port can be published on an address.
func GoodAddress(address string) bool {
	_, err := netip.ParseAddr(address)
	return err == nil
}
