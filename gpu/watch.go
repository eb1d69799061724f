package gpu

import (
	"sync"
	"time"

	"github.com/qtune/qtune/usage"
)

// The steps of a Watcher: sampleEvery is a little less than a tenth of a second, so
// that a late tick still leaves ten in each second. What costs the driver more, or
// counts by itself, is looked at once in slowEvery.
const (
	sampleEvery = 80 * time.Millisecond
	slowEvery   = time.Second
)

// Watcher samples cards until Stop. It keeps all samples in memory: about 1.5 kB a
// second for each card.
type Watcher struct {
	cards []*watched
	quit  chan struct{}
	owned sync.WaitGroup
	close func()
}

// watched is a card with what it has told so far.
type watched struct {
	usage.CardSamples
	fast func(*usage.CardSample)              // reads what is cheap
	slow func(*usage.CardSample)              // reads what is not
	xids func(wait time.Duration) (int, bool) // waits for an error of the driver's; nil: none is told

	mu     sync.Mutex // of what follows
	latest usage.CardSample
	seen   []usage.Xid
}

func (w *Watcher) start() {
	w.quit = make(chan struct{})
	for _, c := range w.cards {
		c.latest = usage.Unknown(time.Time{})
		w.owned.Go(func() { w.every(slowEvery, c.lookSlowly) })
		if c.xids != nil {
			w.owned.Go(func() { w.listen(c) })
		}
	}
	w.owned.Go(func() {
		w.every(sampleEvery, func() {
			for _, c := range w.cards {
				c.sample()
			}
		})
	})
}

// every calls do at once and then at each step until Stop.
func (w *Watcher) every(step time.Duration, do func()) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		do()
		select {
		case <-tick.C:
		case <-w.quit:
			return
		}
	}
}

func (c *watched) lookSlowly() {
	s := usage.Unknown(time.Time{})
	c.slow(&s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = s
}

func (c *watched) sample() {
	c.mu.Lock()
	s := c.latest
	c.mu.Unlock()
	s.At = time.Now()
	c.fast(&s)
	c.Samples = append(c.Samples, s)
}

// listen notes errors that the driver reports, until Stop.
func (w *Watcher) listen(c *watched) {
	for {
		select {
		case <-w.quit:
			return
		default:
		}
		if code, ok := c.xids(slowEvery / 10); ok {
			c.mu.Lock()
			c.seen = append(c.seen, usage.Xid{At: time.Now(), Code: code})
			c.mu.Unlock()
		}
	}
}

// Stop ends the sampling and gives what was sampled. It takes a tenth of a second
// at most.
func (w *Watcher) Stop() []usage.CardSamples {
	close(w.quit)
	w.owned.Wait()
	w.close()
	var all []usage.CardSamples
	for _, c := range w.cards {
		c.Xids = c.seen
		all = append(all, c.CardSamples)
	}
	return all
}
