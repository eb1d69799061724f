package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// direct is exchange over a socket of the stream's own, which is read by the hub
// together with many others: where tokens come one by one, what costs a client
// most is to wait for each.
func (s *stream) direct(ctx context.Context, body []byte, w *watch) *failure {
	message, err := s.message(ctx, body)
	if err != nil {
		return networkFailure(ctx, err)
	}
	if err := s.connect(ctx); err != nil {
		return networkFailure(ctx, err)
	}
	s.reply.reset()
	s.beyond, s.denied, s.followed = 0, false, false
	var f *failure
	s.answer.sent, s.answer.connected = s.clock.now(), true
	sent, err := s.socket.exchange(ctx, message, func(b []byte, end error) (over bool) {
		f, over = s.feed(ctx, w, b, end)
		return over
	})
	if err != nil {
		f = s.interrupted(ctx, err)
	}
	if !sent || !s.reply.keeps() {
		s.hangUp()
	}
	return f
}

// message is the request as it is written.
func (s *stream) message(ctx context.Context, body []byte) ([]byte, error) {
	req, err := s.link.request(ctx, http.MethodPost, s.wire.path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", s.accept())
	var b bytes.Buffer
	b.Grow(len(body) + 1024)
	if err := req.Write(&b); err != nil {
		return nil, fmt.Errorf("writing a request to %s: %w", s.wire.path, err)
	}
	return b.Bytes(), nil
}

// connect sees to it that the stream has a socket: the one that it had, if the
// server has not closed it, else another.
func (s *stream) connect(ctx context.Context) error {
	if s.socket != nil && s.socket.alive() {
		return nil
	}
	s.hangUp()
	conn, err := s.link.take(ctx, "tcp", s.link.address())
	if err != nil {
		return err
	}
	s.socket, err = s.link.hub.adopt(conn)
	if err != nil {
		return err
	}
	s.link.sockets.add(s.socket.unread)
	return nil
}

// feed takes what was read, or why nothing more will be, and says whether the
// exchange is over. It is called by the hub.
func (s *stream) feed(ctx context.Context, w *watch, b []byte, end error) (f *failure, over bool) {
	s.came = s.clock.now()
	r := &s.reply
	r.add(b, end)
	if r.res == nil {
		if err := r.readHead(); errors.Is(err, errAgain) {
			return nil, false
		} else if err != nil {
			return networkFailure(ctx, err), true
		}
		s.denied = refused(r.res)
		s.typed = strings.HasPrefix(r.res.Header.Get("Content-Type"), s.accept())
		s.events.reset(r, func() time.Duration { return s.came }, s.wire.lines)
	}
	if s.denied {
		return s.refusal(ctx)
	}
	if !s.followed {
		f, over := s.follow(ctx, w)
		if !over || f != nil || !s.complete() {
			return f, over
		}
		s.followed = true
		w.ended()
	}
	return s.verdict(), s.drained()
}

// refusal reads what an answer that is no event stream says.
func (s *stream) refusal(ctx context.Context) (f *failure, over bool) {
	if err := s.reply.collect(maxErrorBody); errors.Is(err, errAgain) && !compressed(s.reply.res) {
		return nil, false
	}
	s.reply.res.Body = io.NopCloser(bytes.NewReader(s.reply.body))
	return refusal(ctx, s.reply.res), true
}

// drained reads what follows the last event, as drain does.
func (s *stream) drained() bool {
	n, err := io.CopyN(io.Discard, &s.reply, maxBeyond-s.beyond)
	s.beyond += n
	return !errors.Is(err, errAgain)
}

// interrupted judges an exchange that was broken off with err.
func (s *stream) interrupted(ctx context.Context, err error) *failure {
	if s.reply.res == nil || s.denied {
		return networkFailure(ctx, err)
	}
	if !s.followed {
		if f := s.ended(ctx, err); f != nil || !s.complete() {
			return f
		}
	}
	return s.verdict()
}

// hangUp closes the stream's socket.
func (s *stream) hangUp() {
	if s.socket != nil {
		s.socket.close()
		s.socket = nil
	}
}
