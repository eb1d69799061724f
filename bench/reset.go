package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	resetTries = 20
	resetPause = 250 * time.Millisecond // wall time, while the server is busy
)

// errBusy is a server that cannot empty its cache now.
var errBusy = errors.New("the server is busy")

// resetCache empties the server's cache of prefixes, if the workload asks for it,
// and notes where that did not work.
func (s *session) resetCache(ctx context.Context) {
	if !s.work.ResetCache {
		return
	}
	confirmed, err := s.flush(ctx)
	for range resetTries {
		if !errors.Is(err, errBusy) || ctx.Err() != nil {
			break
		}
		wait(ctx, resetPause)
		confirmed, err = s.flush(ctx)
	}
	switch {
	case err != nil:
		s.note("the cache could not be emptied: %v", err)
	case !confirmed:
		s.note("the cache was asked to be emptied, and the server did not say whether it was")
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// flush tries the ways of the engines: vLLM's (only with VLLM_SERVER_DEV_MODE=1),
// SGLang's, llama.cpp's (only with --slots). The first that the server knows
// decides. It says whether the server confirmed that its cache is empty.
func (s *session) flush(ctx context.Context) (confirmed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeTimeout)
	defer cancel()
	for _, way := range []func(context.Context) (bool, error){s.flushVLLM, s.flushSGLang, s.flushLlamaCpp} {
		confirmed, err = way(ctx)
		var status statusError
		if !errors.As(err, &status) || status != http.StatusNotFound && status != http.StatusMethodNotAllowed && status != http.StatusNotImplemented {
			return confirmed, err
		}
	}
	return false, errors.New("the server knows no way to (vLLM has one with VLLM_SERVER_DEV_MODE=1, llama.cpp with --slots)")
}

func (s *session) flushVLLM(ctx context.Context) (bool, error) {
	answer, err := s.link.ask(ctx, http.MethodPost, "/reset_prefix_cache", nil, maxErrorBody)
	if err != nil {
		return false, err
	}
	var reply struct{ Success *bool }
	if json.Unmarshal(answer, &reply) != nil || reply.Success == nil {
		return false, nil
	}
	if !*reply.Success {
		return false, errBusy
	}
	return true, nil
}

func (s *session) flushSGLang(ctx context.Context) (bool, error) {
	_, err := s.link.ask(ctx, http.MethodPost, "/flush_cache", nil, maxErrorBody)
	var status statusError
	if errors.As(err, &status) && status == http.StatusBadRequest {
		return false, errBusy // "failed to flush cache … because there are pending requests"
	}
	return err == nil, err
}

func (s *session) flushLlamaCpp(ctx context.Context) (bool, error) {
	answer, err := s.link.ask(ctx, http.MethodGet, "/slots", nil, maxTokenizeReply)
	if err != nil {
		return false, err
	}
	var slots []struct {
		ID   int  `json:"id"`
		Busy bool `json:"is_processing"`
	}
	if err := json.Unmarshal(answer, &slots); err != nil {
		return false, fmt.Errorf("reading the list of slots: %w", err)
	}
	for _, slot := range slots {
		if slot.Busy {
			return false, errBusy
		}
		if _, err := s.link.ask(ctx, http.MethodPost, fmt.Sprintf("/slots/%d?action=erase", slot.ID), nil, maxErrorBody); err != nil {
			return false, fmt.Errorf("erasing slot %d: %w", slot.ID, err)
		}
	}
	return len(slots) > 0, nil
}
