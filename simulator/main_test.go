package simulator

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestMain lets the test binary be the simulated server, so that a client in another
// process can be measured against it: QTUNE_TEST_SIMULATE=1 simulator.test vllm …
func TestMain(m *testing.M) {
	if os.Getenv("QTUNE_TEST_SIMULATE") == "1" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := Main(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}
