package process

import (
	"bytes"
	"testing"
	"time"
)

func TestQuick(t *testing.T) {
	var b bytes.Buffer
	p, err := Start(t.Context(), Spec{Argv: []string{"sh", "-c", "echo hi; (trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 1000') & exit 5"}, Env: []string{"PATH=/usr/bin:/bin", "QTUNE_RUN=x"}, Log: &b})
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	<-p.Done()
	t.Log(time.Since(t0), p.Exit())
	f, err := Find("QTUNE_RUN")
	t.Log(f, err)
	t0 = time.Now()
	t.Log(p.Stop(t.Context(), time.Second), time.Since(t0), b.String())
	f, err = Find("QTUNE_RUN")
	t.Log(f, err)
}
