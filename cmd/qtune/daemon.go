package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
)

// daemonEnd bounds what the end of a run waits for a daemon that it has lost.
const daemonEnd = 10 * time.Second

// daemonBack waits, before a start, for a Docker Engine that has gone: it may be
// restarted. A run whose daemon stays away ends: no trial could start. What a call
// that got no answer may have made is removed.
func (s *session) daemonBack(ctx context.Context, limit time.Duration) error {
	if s.docker == nil {
		return nil
	}
	if err := s.docker.Await(ctx, 0); err != nil && ctx.Err() == nil {
		s.view.say(fmt.Sprintf("the Docker daemon does not answer: waiting for it, at most %v", limit))
		if err := s.docker.Await(ctx, limit); err != nil {
			return err
		}
		s.view.say("the Docker daemon is back")
	}
	if !s.lost {
		return nil
	}
	all, err := findOurs(ctx, s.docker)
	if err != nil {
		return err
	}
	var mine []ours
	for _, o := range ofRun(all, s.runID, s.folder.RunPath(s.runID)) {
		if o.Kind == "container" {
			mine = append(mine, o)
		}
	}
	s.lost = false
	return removeAll(ctx, mine, func(line string) { s.view.say("after the daemon's return: " + line) })
}

// noteLoss remembers that a start ended without an answer of the daemon's.
func (s *session) noteLoss(f *engine.Failure) {
	s.lost = s.lost || s.docker != nil && f.Class == engine.RuntimeLost
}

// atEnd looks once more for what a daemon may have made that was lost by the last
// start of a run.
func (s *session) atEnd(ctx context.Context, err error) error {
	if !s.lost || errors.As(err, new(*docker.Error)) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*daemonEnd)
	defer cancel()
	return errors.Join(err, s.daemonBack(ctx, daemonEnd))
}
