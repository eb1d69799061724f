package compare

// match puts the levels of both sides together that have the same load.
func (c *Comparison) match() {
	taken := make([]bool, len(c.B.Levels))
	for i := range c.A.Levels {
		a := &c.A.Levels[i]
		j := c.counterpart(a, taken)
		if j < 0 {
			c.OnlyA = append(c.OnlyA, a.Name())
			continue
		}
		taken[j] = true
		c.add(a, &c.B.Levels[j])
	}
	for j := range c.B.Levels {
		if !taken[j] {
			c.OnlyB = append(c.OnlyB, c.B.Levels[j].Name())
		}
	}
	if len(c.Levels) == 0 && len(c.A.Levels) == 1 && len(c.B.Levels) == 1 { // there is no doubt which two are meant
		c.OnlyA, c.OnlyB = nil, nil
		c.add(&c.A.Levels[0], &c.B.Levels[0])
	}
}

func (c *Comparison) add(a, b *Level) {
	p := LevelPair{Workload: a.Workload, Name: a.Load.String(), A: a, B: b}
	if p.Workload == "" {
		p.Workload = b.Workload
	}
	c.Levels = append(c.Levels, p)
}

// counterpart is the level of B with a's load, and with a's workload where either
// side has several; -1 if there is none.
func (c *Comparison) counterpart(a *Level, taken []bool) int {
	loose := workloads(c.A) < 2 && workloads(c.B) < 2
	for j := range c.B.Levels {
		b := &c.B.Levels[j]
		if !taken[j] && a.Load.like(b.Load) && (loose || a.Workload == b.Workload) {
			return j
		}
	}
	return -1
}

// workloads is how many workloads a side names.
func workloads(s *Side) int {
	names := map[string]bool{}
	for i := range s.Levels {
		names[s.Levels[i].Workload] = true
	}
	return len(names)
}
