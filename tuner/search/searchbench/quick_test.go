package searchbench

import (
	"fmt"
	"github.com/qtune/qtune/tuner/search"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestQuick(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("SEEDS"))
	which := os.Getenv("WORK")
	budget := 40
	for _, w := range Workloads() {
		if which != "" && which != w.Name {
			continue
		}
		c := NewCardCase(w)
		fmt.Println(w.Name, c.best)
		for _, b := range []struct {
			n string
			f func(*rand.Rand) Hardware
			s string
		}{
			{"wrong", Wrong, "auto"}, {"calibrated", Calibrated, "auto"}, {"none", nil, "auto"}, {"none", nil, "ofat"}} {
			if m := os.Getenv("MODE"); m != "" && m != b.n+"-"+b.s {
				continue
			}
			var five, two, ff, fl []int
			began := time.Now()
			n := 0
			for s := range seeds {
				k := c.Case(b.f, s)
				r, err := k.Run(b.s, s, budget, true)
				if err != nil {
					t.Fatal(err)
				}
				five = append(five, r.Five)
				two = append(two, r.Two)
				ff = append(ff, r.Feasible)
				fl = append(fl, r.Failed)
				n += r.Tried
			}
			d := time.Since(began)
			slices.Sort(five)
			slices.Sort(two)
			slices.Sort(ff)
			slices.Sort(fl)
			fmt.Printf("  %-10s %-5s feasible %d five %d two %d failed %d | %v | %v per trial\n", b.n, b.s, ff[len(ff)/2], five[len(five)/2], two[len(two)/2], fl[len(fl)/2], five, d/time.Duration(n))
		}
	}
}

func TestTrace(t *testing.T) {
	s, _ := strconv.Atoi(os.Getenv("SEEDS"))
	for _, w := range Workloads() {
		if w.Name != os.Getenv("WORK") {
			continue
		}
		c := NewCardCase(w)
		f := map[string]func(*rand.Rand) Hardware{"wrong": Wrong, "calibrated": Calibrated, "none": nil}[os.Getenv("MODE")]
		k := c.Case(f, s)
		p := k.Problem
		p.Seed = uint64(s)
		st, _ := search.New("auto", p)
		var h []search.Trial
		for range 25 {
			at, why, ok := st.Next(h)
			if !ok {
				fmt.Println(why)
				break
			}
			tr := k.Try(at, s)
			h = append(h, tr)
			pr := "-"
			if p.Prior != nil {
				q, _ := p.Prior(at)
				pr = fmt.Sprintf("%.0f %.2f %.2f", q.Value, q.Limits, q.Starts)
			}
			fmt.Printf("%2d %s\n   prior %s | got failed=%v %.0f %.2f worth %.3f | %s\n", len(h), p.Space.Describe(at), pr, tr.Failed, tr.Value, tr.Limits, k.Worth(at)/k.Optimum, why)
		}
	}
}
