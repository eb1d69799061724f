// Package searchbench owns the cases on which search strategies are compared: a
// simulated RTX 5090 with ten flags under three workloads, predictions of it that
// are calibrated or structurally wrong, and sets of measured configurations. The
// card is simulated by a model of its own, kept apart from package simulator, so
// that a strategy that the simulator leads is not tested on the simulator itself.
package searchbench

import (
	"math"
	"sort"
)

// model is what of a language model its speed depends on.
type model struct {
	layers, hidden, inner, heads, kvHeads, headDim, vocab int
	weightBytes, kvBytes                                  float64 // a parameter, a KV element
}

func (m model) linearParams() float64 { // a layer
	return float64(m.hidden*(m.heads+2*m.kvHeads)*m.headDim + m.heads*m.headDim*m.hidden + 3*m.hidden*m.inner)
}

func (m model) kvBytesPerTokenLayer() float64 { return 2 * float64(m.kvHeads*m.headDim) * m.kvBytes }

// card is a GPU and the efficiencies that kernels reach on it.
type card struct {
	bandwidth, flops, memory, pcie float64
	etaB, etaC, etaKV, etaA        float64 // shares: weights, GEMM, decode attention, prefill attention
	smooth                         float64
	small, smallToken, attention   float64 // µs a layer
	fixed, perSequence             float64 // µs a step
}

// setup is a server's configuration.
type setup struct {
	maxSeqs, maxBatched, kvTokens int
	offloadBytes, dequantBytes    float64 // a step
	extraLayerUS, sequenceUS      float64 // a layer; a layer and sequence
	spareGB                       float64
}

const kvBlock = 16

// request is one request and its life on the server.
type request struct {
	in, out             int
	arrived, first, end float64
	done, made, target  int // tokens computed, tokens made, tokens to compute before decoding
	blocks              int
}

type chunk struct {
	r      *request
	tokens int
}

// server is a continuous-batching scheduler in virtual time, after vLLM V1: running
// requests first, the last is preempted when blocks run out, then new ones.
type server struct {
	g        card
	m        model
	c        setup
	users    int
	requests []*request
	next     int
	now      float64
	waiting  []*request
	running  []*request
	free     int
	total    int
	inFlight int
	prefill  []chunk
	decode   []*request
	work     float64 // of the prefill: tokens × context
	context  float64 // of the decode
}

// serve runs a closed loop of users over the requests and returns the time of the
// last step's end.
func serve(g card, m model, c setup, requests []*request, users int) float64 {
	total := c.kvTokens / kvBlock
	s := &server{g: g, m: m, c: c, users: users, requests: requests, free: total, total: total}
	for {
		s.arrive()
		if len(s.waiting)+len(s.running) == 0 {
			return s.now
		}
		s.schedule()
		if len(s.prefill)+len(s.decode) == 0 {
			return s.now
		}
		s.now += s.stepUS() * 1e-6
		s.finishStep()
	}
}

func (s *server) arrive() {
	for s.next < len(s.requests) && s.inFlight < s.users {
		r := s.requests[s.next]
		s.next++
		r.arrived = s.now
		if (r.in+r.out+kvBlock-1)/kvBlock > s.total {
			r.first, r.end = math.Inf(1), math.Inf(1)
			continue
		}
		s.inFlight++
		r.target = r.in
		s.waiting = append(s.waiting, r)
	}
}

func (s *server) schedule() {
	s.prefill, s.decode, s.work, s.context = s.prefill[:0], s.decode[:0], 0, 0
	budget := s.c.maxBatched
	preempted := s.continueRunning(&budget)
	if !preempted {
		s.admit(&budget)
	}
}

func (r *request) need(tokens int) int { return (tokens+kvBlock-1)/kvBlock - r.blocks }

func (s *server) continueRunning(budget *int) (preempted bool) {
	for i := 0; i < len(s.running) && *budget > 0; i++ {
		r := s.running[i]
		k := 1
		if r.done < r.target {
			k = min(r.target-r.done, *budget)
		}
		need := r.need(r.done + k)
		for need > s.free {
			preempted = true
			if s.preemptLast() == r {
				return true
			}
		}
		s.free -= need
		r.blocks += need
		*budget -= k
		if r.done < r.target {
			s.addPrefill(r, k)
		} else {
			s.context += float64(r.done + 1)
			s.decode = append(s.decode, r)
		}
	}
	return preempted
}

func (s *server) addPrefill(r *request, k int) {
	s.work += float64(k) * (float64(r.done) + float64(k)/2)
	s.prefill = append(s.prefill, chunk{r, k})
}

func (s *server) preemptLast() *request {
	v := s.running[len(s.running)-1]
	s.running = s.running[:len(s.running)-1]
	s.free += v.blocks
	v.blocks, v.done, v.target = 0, 0, v.in+v.made
	s.waiting = append([]*request{v}, s.waiting...)
	return v
}

func (s *server) admit(budget *int) {
	for len(s.waiting) > 0 && len(s.running) < s.c.maxSeqs && *budget > 0 {
		r := s.waiting[0]
		k := min(r.target-r.done, *budget)
		need := r.need(r.done + k)
		if need > s.free {
			return
		}
		s.free -= need
		r.blocks += need
		*budget -= k
		s.waiting = s.waiting[1:]
		s.running = append(s.running, r)
		s.addPrefill(r, k)
	}
}

// stepUS is the time of the scheduled step in µs.
func (s *server) stepUS() float64 {
	g, m, c := &s.g, &s.m, &s.c
	n := len(s.decode)
	for _, p := range s.prefill {
		n += p.tokens
	}
	layers, params := float64(m.layers), m.linearParams()
	read := params * m.weightBytes / (g.etaB * g.bandwidth) * 1e6
	compute := 2 * params * float64(n) / (g.etaC * g.flops) * 1e6
	t := layers * (math.Pow(math.Pow(read, g.smooth)+math.Pow(compute, g.smooth), 1/g.smooth) + g.small + g.smallToken*float64(n))
	if len(s.decode) > 0 {
		t += layers * (g.attention + m.kvBytesPerTokenLayer()*s.context/(g.etaKV*g.bandwidth)*1e6)
	}
	if len(s.prefill) > 0 {
		t += layers * (g.attention + 4*float64(m.heads*m.headDim)*s.work/(g.etaA*g.flops)*1e6)
	}
	t += float64(m.vocab*m.hidden) * 2 / (g.etaB * g.bandwidth) * 1e6
	t += g.fixed + g.perSequence*float64(len(s.decode)+len(s.prefill))
	t += layers*c.extraLayerUS + c.dequantBytes/(g.etaB*g.bandwidth)*1e6 + layers*c.sequenceUS*float64(len(s.decode))
	return t + c.offloadBytes/g.pcie*1e6
}

func (s *server) finishStep() {
	for _, p := range s.prefill {
		r := p.r
		r.done += p.tokens
		if r.done >= r.target && (r.made == 0 || r.target > r.in) {
			s.token(r)
		}
	}
	for _, r := range s.decode {
		r.done++
		r.target = r.done
		s.token(r)
	}
}

// token is one more token of a request.
func (s *server) token(r *request) {
	if r.made == 0 {
		r.first = s.now
	}
	r.made++
	if r.made < r.out {
		return
	}
	r.end = s.now
	s.free += r.blocks
	r.blocks = 0
	s.inFlight--
	for i, x := range s.running {
		if x == r {
			s.running = append(s.running[:i], s.running[i+1:]...)
			return
		}
	}
}

func p95(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)*95/100]
}
