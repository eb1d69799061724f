package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// maxStats bounds a daemon's answer, in bytes; a real one has a few thousand.
const maxStats = 1 << 20

// Stats are what a container has used up to a moment.
type Stats struct {
	CPU         time.Duration // processor time of all its processes
	MemoryBytes uint64        // without the cache of files that it may give back
	Throttled   time.Duration // for which its CPU quota kept it from running
}

// Stats asks the daemon once, which answers from the container's control group. A
// container that has ended has used nothing.
func (ctr *Container) Stats(ctx context.Context) (Stats, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	op := "reading what container " + ctr.short() + " uses"
	got, err := ctr.client.api.ContainerStats(ctx, ctr.id, client.ContainerStatsOptions{})
	if err != nil {
		return Stats{}, fail(op, err)
	}
	defer got.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(io.LimitReader(got.Body, maxStats)).Decode(&s); err != nil {
		return Stats{}, fail(op, fmt.Errorf("decoding the answer: %w", err))
	}
	return statsOf(&s), nil
}

// statsOf counts memory as the docker command does: without inactive_file, which
// control groups of the first version call total_inactive_file.
func statsOf(s *container.StatsResponse) Stats {
	cache := s.MemoryStats.Stats["inactive_file"]
	if old, ok := s.MemoryStats.Stats["total_inactive_file"]; ok {
		cache = old
	}
	return Stats{
		CPU:         time.Duration(s.CPUStats.CPUUsage.TotalUsage),
		MemoryBytes: s.MemoryStats.Usage - min(cache, s.MemoryStats.Usage),
		Throttled:   time.Duration(s.CPUStats.ThrottlingData.ThrottledTime),
	}
}
