package docker

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	const cpu = `{"cpu_stats":{"cpu_usage":{"total_usage":3000000000},"throttling_data":{"throttled_time":500000000}},"memory_stats":`
	tests := []struct {
		why, answer string
		want        Stats
		fails       bool
	}{
		{"control groups of version 2", cpu + `{"usage":900,"stats":{"inactive_file":200}}}`, Stats{3 * time.Second, 700, time.Second / 2}, false},
		{"of version 1", cpu + `{"usage":900,"stats":{"inactive_file":1,"total_inactive_file":300}}}`, Stats{3 * time.Second, 600, time.Second / 2}, false},
		{"more cache than is used", cpu + `{"usage":9,"stats":{"inactive_file":200}}}`, Stats{3 * time.Second, 0, time.Second / 2}, false},
		{"a container that has ended", `{"cpu_stats":{},"memory_stats":{}}`, Stats{}, false},
		{"an answer that never ends", `{"name":"` + strings.Repeat("x", maxStats), Stats{}, true},
		{"no JSON", "<html>", Stats{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			f := newFake(t)
			ctr, err := f.connect(t).Run(t.Context(), Spec{Image: "x"})
			if err != nil {
				t.Fatal(err)
			}
			f.on("GET /containers/{id}/stats", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { fmt.Fprint(w, tt.answer) })
			got, err := ctr.Stats(t.Context())
			if (err != nil) != tt.fails || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
			if err := ctr.Stop(t.Context(), 0); err != nil {
				t.Error(err)
			}
			if got, err := ctr.Stats(t.Context()); !tt.fails && (err != nil || got != tt.want) {
				t.Errorf("the second time: %+v, %v", got, err)
			}
		})
	}
}
