package engine

import "fmt"

// Class says what kept an engine from serving.
type Class string

// The classes of failures.
const (
	GPUOutOfMemory          Class = "gpu_oom"
	KVTooSmall              Class = "kv_too_small"
	ContextTooLong          Class = "context_too_long"
	BadFlag                 Class = "bad_flag"
	BadValue                Class = "bad_value"
	UnsupportedQuantization Class = "unsupported_quantization"
	UnsupportedModel        Class = "unsupported_model"
	KernelMissing           Class = "kernel_missing"
	ModelMissing            Class = "model_missing"
	ModelGated              Class = "model_gated"
	ModelCorrupt            Class = "model_corrupt"
	ImageMissing            Class = "image_missing"
	ProgramMissing          Class = "program_missing"
	DriverTooOld            Class = "driver_too_old"
	GPUMissing              Class = "gpu_missing"
	GPUBusy                 Class = "gpu_busy"
	PortInUse               Class = "port_in_use"
	HostOutOfMemory         Class = "host_oom"
	ShmTooSmall             Class = "shm_too_small"
	DiskFull                Class = "disk_full"
	PermissionDenied        Class = "permission_denied"
	NoExec                  Class = "tmp_noexec"
	RuntimeLost             Class = "runtime_lost"
	Killed                  Class = "killed"
	Unauthorized            Class = "unauthorized"
	BadAnswer               Class = "bad_answer"
	StartupTimeout          Class = "startup_timeout"
	Stalled                 Class = "stalled"
	DiedUnderLoad           Class = "died_under_load"
	RequestsFailed          Class = "requests_failed" // it runs, and answered none of a level's requests
	Unknown                 Class = "unknown"
)

// Classes are all classes of failures.
func Classes() []Class {
	return []Class{
		GPUOutOfMemory, KVTooSmall, ContextTooLong, BadFlag, BadValue, UnsupportedQuantization, UnsupportedModel, KernelMissing,
		ModelMissing, ModelGated, ModelCorrupt, ImageMissing, ProgramMissing, DriverTooOld, GPUMissing, GPUBusy, PortInUse,
		HostOutOfMemory, ShmTooSmall, DiskFull, PermissionDenied, NoExec, RuntimeLost, Killed, Unauthorized, BadAnswer,
		StartupTimeout, Stalled, DiedUnderLoad, RequestsFailed, Unknown,
	}
}

// Fault says what to blame: a fault of the configuration comes again with the
// same flags, one of the machine need not.
type Fault string

// The two faults.
const (
	FaultConfiguration Fault = "configuration"
	FaultMachine       Fault = "machine"
)

// machineFaults are the classes that say nothing about the flags: each may be
// gone at the next try, or once the machine has been put right.
var machineFaults = map[Class]bool{
	ModelMissing: true, ModelGated: true, ModelCorrupt: true, ImageMissing: true, ProgramMissing: true,
	DriverTooOld: true, GPUMissing: true, GPUBusy: true, PortInUse: true, DiskFull: true,
	PermissionDenied: true, RuntimeLost: true, Killed: true, Unauthorized: true,
}

// FaultOf is what a class of failure is blamed on.
func FaultOf(c Class) Fault {
	if machineFaults[c] {
		return FaultMachine
	}
	return FaultConfiguration
}

// Failure is why a trial's engine does not serve. It is data, not an error.
type Failure struct {
	Class      Class    `json:"class"`
	Fault      Fault    `json:"fault"`
	Line       string   `json:"line,omitempty"`        // the decisive line of the log, cleaned and shortened
	LineNumber int      `json:"line_number,omitempty"` // in the log, counted from 1; 0: not from the log
	Hint       string   `json:"hint,omitempty"`        // what to change
	ExitCode   *int     `json:"exit_code,omitempty"`   // nil: the engine had not ended, or its code is not known
	Tail       []string `json:"tail,omitempty"`        // the last lines, where nothing decisive was found
}

// String is the failure on one line.
func (f *Failure) String() string {
	s := string(f.Class)
	if f.Line != "" {
		s += ": " + f.Line
	}
	if f.ExitCode != nil {
		s += fmt.Sprintf(" (exit %d)", *f.ExitCode)
	}
	return s
}

func fail(c Class, line, hint string) *Failure {
	return &Failure{Class: c, Fault: FaultOf(c), Line: line, Hint: hint}
}

// TeardownError says that something of a trial is still there.
type TeardownError struct {
	What string // the container or process
	Err  error
}

// Error implements error.
func (e *TeardownError) Error() string { return fmt.Sprintf("removing %s: %v", e.What, e.Err) }

// Unwrap gives the cause.
func (e *TeardownError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *TeardownError) Hint() string { return "run `qtune destroy` once the cause is gone" }
