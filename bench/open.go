package bench

import (
	"context"
	"sync"
	"time"
)

// slots hands out streams, the one that was given back last first, so that few are used.
type slots struct {
	free chan struct{} // one for each stream that may be under way
	mu   sync.Mutex
	back []int
	made int

	until time.Duration // when a request last had to wait for one
}

func newSlots(n int) *slots { return &slots{free: make(chan struct{}, n)} }

// take waits for a slot; false if the context ended first. late says that it had to wait.
func (s *slots) take(ctx context.Context) (id int, late, ok bool) {
	select {
	case s.free <- struct{}{}:
	default:
		late = true
		select {
		case s.free <- struct{}{}:
		case <-ctx.Done():
			return 0, true, false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.back); n > 0 {
		id = s.back[n-1]
		s.back = s.back[:n-1]
		return id, late, true
	}
	s.made++
	return s.made - 1, late, true
}

func (s *slots) give(id int) {
	s.mu.Lock()
	s.back = append(s.back, id)
	s.mu.Unlock()
	<-s.free
}

// open sends the requests of a timed level when their time has come, whatever
// became of those before: each has a goroutine and a stream of its own. Its body
// is written before, so that nothing but the sending is left.
func (p *phase) open(ctx context.Context) {
	s := newSchedule(p.work, p.level)
	l := p.ledger
	l.limit = s.total
	if p.level.Duration > 0 || l.until > 0 {
		l.until = s.length
	}
	slots := newSlots(p.level.connections())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer p.interrupted(ctx)
	var filling sync.Mutex
	for seq := 0; ctx.Err() == nil; seq++ {
		at, ok := s.next()
		if !ok {
			break
		}
		r := planned(p.work, p.level, seq, false)
		r.At = at
		body := p.body(r)
		if !p.pause(ctx, l.clock.wall(at-l.clock.now())) || !p.send(ctx, slots, &wg, r, body) {
			return
		}
		p.openMore(ctx, &wg, &filling)
	}
	if l.until > 0 && p.pause(ctx, l.clock.wall(l.until-l.clock.now())) {
		l.halt(stopTime)
	}
}

// send sends one request of a schedule in a goroutine of its own; false if the level is over.
func (p *phase) send(ctx context.Context, slots *slots, wg *sync.WaitGroup, r Request, body []byte) bool {
	id, late, ok := slots.take(ctx)
	if !ok {
		return false
	}
	if late {
		p.ledger.held()
		slots.until = p.ledger.clock.now()
	}
	r.held = r.At < slots.until
	if !p.ledger.hand(id) {
		slots.give(id)
		return false
	}
	st := p.stream(id)
	wg.Go(func() {
		_ = p.request(ctx, st, id, r, body, r.At)
		slots.give(id)
	})
	return true
}

// openMore keeps connections open ahead of the requests that will need them.
func (p *phase) openMore(ctx context.Context, wg *sync.WaitGroup, filling *sync.Mutex) {
	ahead := p.level.ahead()
	if len(p.link.ready) > ahead/2 || int(p.link.taken.Load()) >= cap(p.link.ready) || !filling.TryLock() {
		return
	}
	wg.Go(func() {
		defer filling.Unlock()
		p.link.add(ctx, ahead-len(p.link.ready))
	})
}

// backlog follows how many requests are under way over time, in a fixed memory:
// when it is full, every other point is dropped and only every other one added.
type backlog struct {
	points []flight
	every  int
	skip   int
}

type flight struct {
	at time.Duration
	n  int
}

const maxPoints = 2048

func (b *backlog) add(at time.Duration, n int) {
	b.every = max(b.every, 1)
	if b.skip++; b.skip < b.every {
		return
	}
	b.skip = 0
	b.points = append(b.points, flight{at, n})
	if len(b.points) < maxPoints {
		return
	}
	for i := range maxPoints / 2 {
		b.points[i] = b.points[2*i+1]
	}
	b.points = b.points[:maxPoints/2]
	b.every *= 2
}

const (
	backlogBatches = 15   // whose means are compared, so that neighbours matter little
	backlogT       = 3.5  // of the slope: about one chance in 500 where there is none
	backlogShare   = 0.03 // of the arrivals: by so much at least must the backlog have grown
	backlogLeast   = 3    // requests, likewise
)

// grows says whether ever more requests were under way: arrivals outran
// completions. It fits a line to batch means of what lies between a quarter of
// the time and its end, and wants a slope that is neither chance nor small beside
// the arrivals of that time. Where the rate itself changes, more are under way
// when more arrive, and each mean is divided by its share of the arrivals: by
// Little's law that leaves the time for which a request is under way.
func (b *backlog) grows(end time.Duration, arrivals int, changing bool) bool {
	from := end / 4
	var sum, count [backlogBatches]float64
	points := 0.0
	for _, p := range b.points {
		if i := int(float64(p.at-from) / float64(end-from) * backlogBatches); p.at >= from && i < backlogBatches {
			sum[i] += float64(p.n)
			count[i]++
			points++
		}
	}
	var xs, ys []float64
	for i := range sum {
		if count[i] == 0 {
			continue
		}
		mean := sum[i] / count[i]
		if changing {
			mean *= points / backlogBatches / count[i]
		}
		xs, ys = append(xs, float64(i)), append(ys, mean)
	}
	if len(xs) < backlogBatches/2 {
		return false
	}
	slope, se := line(xs, ys)
	growth := slope * backlogBatches
	return growth > max(backlogLeast, backlogShare*0.75*float64(arrivals)) && slope > backlogT*se
}
