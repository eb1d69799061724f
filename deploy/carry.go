package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
)

const (
	// haltGrace is how long an old server may take to end by itself; SGLang takes 5 s.
	haltGrace = 15 * time.Second
	// backLimit is how long an old server that is started again may take to serve.
	backLimit = 20 * time.Minute
	// switchLimit is how long a server that was ready may take to answer at its
	// port.
	switchLimit = 10 * time.Second
)

// Deployer carries plans out.
type Deployer struct {
	Docker *docker.Client
	// Start starts a container, waits until it truly serves and leaves it running;
	// of one that does not, nothing is left.
	Start func(ctx context.Context, spec docker.Spec) (*engine.Left, *engine.Failure, error)
	Say   func(string) // what is being done
}

// Done is how a plan was carried out.
type Done struct {
	ID   string
	Gap  time.Duration // in which nothing answered at the port; 0 where nothing did before
	Wall time.Duration // from start to ready
}

// NotReadyError is a new server that did not become ready, or could not take its
// place. Nothing of it is left.
type NotReadyError struct {
	Name    string
	Failure *engine.Failure // nil: Err says why
	Err     error
	Kept    *Deployed // the one that serves as before; nil: there was none
	Back    bool      // it was stopped, and started again
}

// Error implements error.
func (e *NotReadyError) Error() string {
	why := ""
	if e.Failure != nil {
		why = e.Failure.String()
	} else {
		why = e.Err.Error()
	}
	text := fmt.Sprintf("deploy %s: the new server did not become ready: %s", e.Name, why)
	switch {
	case e.Kept == nil:
		return text + "; nothing is deployed"
	case e.Back:
		return text + fmt.Sprintf("; rolled back: the one of run %s was started again and serves at %s", e.Kept.Run, e.Kept.URL())
	}
	return text + fmt.Sprintf("; rolled back: the one of run %s serves as before at %s", e.Kept.Run, e.Kept.URL())
}

// Unwrap gives the cause.
func (e *NotReadyError) Unwrap() error { return e.Err }

// Hint says what to change.
func (e *NotReadyError) Hint() string {
	if e.Failure != nil {
		return e.Failure.Hint
	}
	return ""
}

// DownError is an old server that did not come back.
type DownError struct {
	Name string
	Err  error
}

// Error implements error.
func (e *DownError) Error() string {
	return fmt.Sprintf("the old server of %s did not come back either, and nothing serves: %v", e.Name, e.Err)
}

// Unwrap gives the cause.
func (e *DownError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *DownError) Hint() string {
	return "see `docker logs " + e.Name + "`, and `docker start " + e.Name + "` once the cause is gone"
}

// CarryOut makes the service run as the plan says. An error says what serves now:
// a *NotReadyError that the old one does, if there was one, a *DownError that
// nothing does.
func (d *Deployer) CarryOut(ctx context.Context, p Plan, s *Service) (Done, error) {
	switch {
	case p.Action == Keep:
		return Done{ID: p.Old.ID}, nil
	case p.Action == Create:
		return d.create(ctx, s)
	case p.Beside && p.Old.Address != s.Address:
		return d.elsewhere(ctx, p.Old, s)
	case p.Beside:
		return d.beside(ctx, p.Old, s)
	}
	return d.after(ctx, p.Old, s)
}

// spec is the container as it is started, under its first name.
func (s *Service) spec() docker.Spec {
	spec := s.Blueprint.Spec
	spec.Name, spec.Labels = coming(s.Run), s.labels()
	return spec
}

// start starts the new container; kept is who serves if it fails.
func (d *Deployer) start(ctx context.Context, s *Service, spec docker.Spec, kept *Deployed) (*engine.Left, error) {
	left, failure, err := d.Start(ctx, spec)
	if failure != nil {
		return nil, errors.Join(&NotReadyError{Name: s.Name, Failure: failure, Kept: kept}, err)
	}
	return left, err
}

func (d *Deployer) create(ctx context.Context, s *Service) (Done, error) {
	left, err := d.start(ctx, s, s.spec(), nil)
	if err != nil {
		return Done{}, err
	}
	return d.place(ctx, s, left, nil, Done{})
}

// elsewhere is for an address that changes: both servers have their own port for
// a while.
func (d *Deployer) elsewhere(ctx context.Context, old *Deployed, s *Service) (Done, error) {
	d.Say(fmt.Sprintf("starting beside %s, which serves on at %s", old.Container, old.URL()))
	left, err := d.start(ctx, s, s.spec(), old)
	if err != nil {
		return Done{}, err
	}
	return d.place(ctx, s, left, old, Done{})
}

// beside starts the new server on a network of its own, where it publishes
// nothing, and has the port change hands once it is ready: a daemon publishes a
// container's ports when it is attached to a network that has a way out.
func (d *Deployer) beside(ctx context.Context, old *Deployed, s *Service) (done Done, err error) {
	d.Say(fmt.Sprintf("starting beside %s, which serves on at %s", old.Container, old.URL()))
	network := coming(s.Run)
	if err := d.Docker.MakeNetwork(ctx, network, map[string]string{Label: s.Name, labelRun: s.Run, labelDir: s.Dir}); err != nil {
		return Done{}, err
	}
	defer func() { err = errors.Join(err, d.Docker.RemoveNetwork(ctx, network)) }()
	spec := s.spec()
	spec.Network, spec.Staged = network, true
	left, err := d.start(ctx, s, spec, old)
	if err != nil {
		return Done{}, err
	}
	began := time.Now()
	if err := d.swap(ctx, old, s, left); err != nil {
		removed := d.Docker.Remove(ctx, left.ID)
		if errors.As(err, new(*DownError)) {
			return Done{}, errors.Join(err, removed)
		}
		return Done{}, errors.Join(&NotReadyError{Name: s.Name, Err: err, Kept: old}, removed)
	}
	done.Gap = time.Since(began)
	if err := d.Docker.Disconnect(ctx, left.ID, network); err != nil {
		return done, err
	}
	return d.place(ctx, s, left, old, done)
}

// swap takes the port from the old server and gives it to the new one, or back.
func (d *Deployer) swap(ctx context.Context, old *Deployed, s *Service, left *engine.Left) error {
	d.Say(fmt.Sprintf("ready: it takes the port %s", s.Address))
	if err := d.Docker.Disconnect(ctx, old.ID, old.Network); err != nil {
		return err
	}
	err := d.Docker.Connect(ctx, left.ID, s.network())
	if err == nil {
		answers, cancel := context.WithTimeout(context.WithoutCancel(ctx), switchLimit)
		defer cancel()
		if err = engine.AwaitHealth(answers, s.Kind, strings.TrimPrefix(URL(s.Address), "http://")); err == nil {
			return nil
		}
		err = errors.Join(err, d.Docker.Disconnect(ctx, left.ID, s.network()))
	}
	if down := d.Docker.Connect(ctx, old.ID, old.Network); down != nil {
		return errors.Join(err, &DownError{Name: old.Name, Err: down})
	}
	return err
}

// after ends the old server first. It is kept until the new one serves.
func (d *Deployer) after(ctx context.Context, old *Deployed, s *Service) (Done, error) {
	running := old.State == "running" || old.State == "restarting"
	began := time.Now()
	if running {
		d.Say(fmt.Sprintf("stopping %s first", old.Container))
		if err := d.Docker.Halt(ctx, old.ID, haltGrace); err != nil {
			return Done{}, errors.Join(err, d.resume(ctx, old))
		}
	}
	left, err := d.start(ctx, s, s.spec(), nil)
	if err == nil {
		done := Done{}
		if running {
			done.Gap = time.Since(began)
		}
		return d.place(ctx, s, left, old, done)
	}
	if !running {
		return Done{}, err
	}
	d.Say(fmt.Sprintf("starting %s again", old.Container))
	if down := d.resume(ctx, old); down != nil {
		return Done{}, errors.Join(err, &DownError{Name: old.Name, Err: down})
	}
	if failed, ok := errors.AsType[*NotReadyError](err); ok {
		failed.Kept, failed.Back = old, true
		return Done{}, err
	}
	return Done{}, fmt.Errorf("deploy %s: rolled back, the one of run %s serves again: %w", old.Name, old.Run, err)
}

// resume starts the old server again and waits until it serves, whatever became
// of ctx.
func (d *Deployer) resume(ctx context.Context, old *Deployed) error {
	if err := d.Docker.Resume(ctx, old.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backLimit)
	defer cancel()
	return engine.AwaitHealth(ctx, old.Kind, strings.TrimPrefix(old.URL(), "http://"))
}

// Mend gives a server its place that was ready for it when a deployment was cut
// off: the one whose predecessor had made room already. It tells what it did.
func Mend(ctx context.Context, c *docker.Client, found []Deployed) ([]string, error) {
	var said []string
	for i := range found {
		d := &found[i]
		if !d.Settled(found) {
			continue
		}
		if err := errors.Join(c.Rename(ctx, d.ID, d.Name), c.RestartPolicy(ctx, d.ID, d.Restart)); err != nil {
			return said, err
		}
		said = append(said, fmt.Sprintf("%s of run %s was ready when its deployment was cut off: it has its place now", d.Name, d.Run))
		d.Container = d.Name
	}
	return said, nil
}

// Settled tells of a server on its way that it had been found ready: the name is
// free, since its predecessor was renamed, which is the last step before.
func (d *Deployed) Settled(found []Deployed) bool {
	made, taken := false, false
	for i := range found {
		o := &found[i]
		made = made || o.Name == d.Name && o.Container == going(o.Run)
		taken = taken || o.Container == d.Name
	}
	return d.Container == coming(d.Run) && made && !taken
}

// place gives the new server its name and its policy of restarts, and removes the
// old one. It serves by now, so that nothing here takes it down again.
func (d *Deployer) place(ctx context.Context, s *Service, left *engine.Left, old *Deployed, done Done) (Done, error) {
	done.ID, done.Wall = left.ID, time.Duration(left.Facts.WallS*float64(time.Second))
	if old != nil {
		if err := d.Docker.Rename(ctx, old.ID, going(old.Run)); err != nil {
			return done, err
		}
	}
	err := d.Docker.Rename(ctx, left.ID, s.Name)
	if err == nil {
		err = d.Docker.RestartPolicy(ctx, left.ID, s.Restart)
	}
	if old != nil {
		err = errors.Join(err, d.Docker.Remove(ctx, old.ID))
	}
	return done, err
}
