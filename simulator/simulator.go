// Package simulator is one small model of an LLM server that batches continuously:
// what a step costs (step.go), what goes into it (core.go, vllm.go, sglang.go), and two
// ways to use that: in virtual time, where Run computes a level of a workload in less
// than a millisecond (virtual.go, run.go, leap.go), and behind each engine's own command
// line, log lines and HTTP interface (main.go and the rest), where time may run faster
// than the wall's.
//
// The step and the scheduler know no clock and no goroutine. What fits in memory is
// the catalog's arithmetic. The package does not measure, does not start processes, and
// no figure of it is one that a card gave.
//
// Replicas of a model (data parallel), several machines and the shared CPU of several
// processes are not modelled.
package simulator

// Version changes when the same configuration and load would give other figures.
const Version = "6"
