package simulator

// queue is a double-ended queue that allocates only to grow.
type queue struct {
	ring []*Request
	head int
	n    int
}

func (q *queue) len() int { return q.n }

func (q *queue) at(i int) *Request { return q.ring[(q.head+i)%len(q.ring)] }

func (q *queue) grow() {
	if q.n < len(q.ring) {
		return
	}
	ring := make([]*Request, max(16, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.at(i)
	}
	q.ring, q.head = ring, 0
}

func (q *queue) pushBack(r *Request) {
	q.grow()
	q.ring[(q.head+q.n)%len(q.ring)] = r
	q.n++
}

func (q *queue) pushFront(r *Request) {
	q.grow()
	q.head = (q.head + len(q.ring) - 1) % len(q.ring)
	q.ring[q.head] = r
	q.n++
}

func (q *queue) popFront() *Request {
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return r
}

// removeAt takes the i-th out and keeps the order of the rest.
func (q *queue) removeAt(i int) {
	for ; i < q.n-1; i++ {
		q.ring[(q.head+i)%len(q.ring)] = q.at(i + 1)
	}
	q.n--
	q.ring[(q.head+q.n)%len(q.ring)] = nil
}

func (q *queue) remove(r *Request) {
	for i := range q.n {
		if q.at(i) == r {
			q.removeAt(i)
			return
		}
	}
}
