package bench

import (
	"sync"
	"time"
)

// Progress is how a level goes on. Times are the engine's.
type Progress struct {
	Level        Level
	Elapsed      time.Duration
	Requests     RequestCount // that have ended
	InFlight     int
	OutputTokens int // of completed requests
}

const reportEvery = time.Second // wall time

// report tells the client's Progress how the phase goes on, until the function that
// it gives is called.
func (p *phase) report() func() {
	if p.client.Progress == nil || p.warmup {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(reportEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.client.Progress(p.ledger.progress())
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

func (l *ledger) progress() Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Progress{Level: l.level, Elapsed: l.clock.now(), Requests: l.requests, InFlight: l.inFlight, OutputTokens: l.output}
}

// arrivals are the times of an answer's tokens, where they are asked for.
func (c *Client) arrivals(a *answer) []Arrived {
	if !c.TokenTimes {
		return nil
	}
	all := make([]Arrived, len(a.arrivals))
	at := a.first
	for i, v := range a.arrivals {
		at += time.Duration(v.gap) * tick
		all[i] = Arrived{At: at, Events: int(v.events), Tokens: int(v.tokens)}
	}
	return all
}
