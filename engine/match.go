package engine

// finder says which of many texts occur in a line, in one pass over its bytes
// (Aho and Corasick, 1975). A log of tens of megabytes meets a hundred rules, so
// looking for each text in turn would take seconds.
type finder struct {
	next [][256]int32 // state, byte → state
	hits [][]int32    // texts that end in a state, smallest first
}

func newFinder(texts []string) *finder {
	f := &finder{next: make([][256]int32, 1), hits: make([][]int32, 1)}
	for i, text := range texts {
		f.add(text, int32(i))
	}
	f.link()
	return f
}

// add puts one text into the trie.
func (f *finder) add(text string, index int32) {
	state := int32(0)
	for _, b := range []byte(text) {
		if f.next[state][b] == 0 {
			f.next = append(f.next, [256]int32{})
			f.hits = append(f.hits, nil)
			f.next[state][b] = int32(len(f.next) - 1)
		}
		state = f.next[state][b]
	}
	f.hits[state] = append(f.hits[state], index)
}

// link turns the trie into an automaton, breadth first: where a text stops
// matching, the longest suffix that begins a text goes on.
func (f *finder) link() {
	fail := make([]int32, len(f.next))
	var queue []int32
	for _, s := range f.next[0] {
		if s != 0 {
			queue = append(queue, s)
		}
	}
	for i := 0; i < len(queue); i++ {
		state := queue[i]
		f.hits[state] = append(f.hits[state], f.hits[fail[state]]...)
		for b, s := range f.next[state] {
			if s == 0 {
				f.next[state][b] = f.next[fail[state]][b]
				continue
			}
			fail[s] = f.next[fail[state]][b]
			queue = append(queue, s)
		}
	}
}

// find calls found with the index of each text in line, as often as it occurs.
func (f *finder) find(line []byte, found func(int32)) {
	state := int32(0)
	for _, b := range line {
		state = f.next[state][b]
		for _, i := range f.hits[state] {
			found(i)
		}
	}
}
