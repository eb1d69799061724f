package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes. They are part of the interface: scripts depend on them.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitProfile     = 3
	exitNoWinner    = 4
	exitLeft        = 5
	exitSlower      = 6
	exitInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done: a winner, or "keep the baseline"
  1    an error
  2    wrong usage
  3    the profile is invalid
  4    no trial met the constraints
  5    something could not be torn down
  6    slower than allowed (compare --fail-if-slower)
  130  interrupted`

// sameSignal is how long a signal may repeat itself: timeout(1) sends its own to the
// process and to its group. One that comes later ends the process at once.
const sameSignal = time.Second

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, w *world) int {
	if w.signals {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, endings()...)
		defer stop()
		context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	}
	out := &usedWriter{Writer: w.stdout}
	w.stdout = out
	root := rootCmd(w)
	root.SetArgs(oneDash(args))
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetIn(w.stdin)
	c, err := root.ExecuteContextC(ctx)
	code := exitCode(ctx, err)
	if err != nil && !errors.As(err, new(*silentError)) {
		complain(w, err, code)
		complainJSON(c, out, err, code)
	}
	return code
}

// endings are the signals that end a run in order, but for those that the caller
// has it ignore, as nohup does with the hangup.
func endings() []os.Signal {
	var heard []os.Signal
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			heard = append(heard, s)
		}
	}
	return heard
}

var longWithOneDash = regexp.MustCompile(`^-[a-z][a-z-]+(=.*)?$`)

// oneDash lets long flags have one dash, as Terraform's and Go's own do:
// "-var x=1" is "--var x=1". There are no short flags that could be joined. The
// words of a simulated engine are its own.
func oneDash(args []string) []string {
	if len(args) > 0 && args[0] == "simulate" {
		return args
	}
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if longWithOneDash.MatchString(a) {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// profileError is a profile with diagnostics, which have been shown.
type profileError struct{ count int }

func (e *profileError) Error() string {
	if e.count == 1 {
		return "the profile has 1 error"
	}
	return fmt.Sprintf("the profile has %d errors", e.count)
}

// silentError carries an exit code for what the output has already said.
type silentError struct{ code int }

func (e *silentError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// exitCode is the only place that turns errors into exit codes.
func exitCode(ctx context.Context, err error) int {
	silent, isSilent := errors.AsType[*silentError](err)
	switch {
	case err == nil:
		return exitOK
	case isSilent:
		return silent.code
	case leftIn(err) != nil:
		return exitLeft
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, new(*profileError)):
		return exitProfile
	case errors.As(err, new(*usageError)):
		return exitUsage
	}
	return exitError
}

// complain prints an error with its code, and the advice that it carries.
func complain(w *world, err error, code int) {
	if code == exitInterrupted {
		fmt.Fprintf(w.stderr, "qtune: interrupted: %v\n", err)
		return
	}
	fmt.Fprintf(w.stderr, "qtune: %s\n", withCode(err))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(w.stderr, "hint: %s\n", hint)
	}
	if code == exitUsage {
		fmt.Fprintln(w.stderr, "hint: `qtune --help` lists the commands, `qtune COMMAND --help` the flags of one")
	}
}

// withCode is an error's text, with its code at the end of the first line.
func withCode(err error) string {
	code := codeOf(err)
	if code == "" {
		return err.Error()
	}
	first, rest, more := strings.Cut(err.Error(), "\n")
	first += " [" + code + "]"
	if more {
		first += "\n" + rest
	}
	return first
}

// hintOf is the advice that an error carries, "" if it has none.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	switch {
	case errors.As(err, &hinted):
		return hinted.Hint()
	case diskFull(err):
		return "free at least 2 MiB there, or keep runs elsewhere with --dir; what is recorded is safe, and `qtune apply` again goes on where this run stopped"
	}
	return ""
}

func rootCmd(w *world) *cobra.Command {
	var level string
	root := &cobra.Command{
		Use:   "qtune",
		Short: "Find the fastest configuration of an LLM inference server",
		Long: `qtune finds the fastest configuration of an LLM inference server (vLLM, SGLang,
llama.cpp) that still meets your service levels, on your own hardware, from one
HCL file. It starts each candidate as a container, waits until it truly serves,
loads it, measures it, removes it, and tells you which one wins and by how much.

New here? Try it without a GPU, without Docker, in a minute:

  qtune apply examples.hcl --simulate

Then write your own profile (start from ` + "`qtune presets`" + `), look at what it
would do (` + "`qtune plan FILE`" + `), and run it (` + "`qtune apply FILE`" + `).

` + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			w.log, err = w.logger(level)
			return err
		},
	}
	root.PersistentFlags().StringVar(&level, "log-level", "warn", "what to log on stderr: debug, info, warn, error or disabled")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddGroup(
		&cobra.Group{ID: "main", Title: "Tune:"},
		&cobra.Group{ID: "profile", Title: "Write profiles:"},
		&cobra.Group{ID: "look", Title: "Look and clean up:"},
	)
	root.AddCommand(
		inGroup("main", applyCmd(w)), inGroup("main", planCmd(w)), inGroup("main", benchCmd(w)),
		inGroup("main", deployCmd(w)), inGroup("main", exportCmd(w)),
		inGroup("profile", initCmd(w)), inGroup("profile", validateCmd(w)), inGroup("profile", fmtCmd(w)), inGroup("profile", presetsCmd(w)),
		inGroup("look", runsCmd(w)), inGroup("look", reportCmd(w)), inGroup("look", compareCmd(w)), inGroup("look", calibrateCmd(w)), inGroup("look", psCmd(w)), inGroup("look", logsCmd(w)), inGroup("look", explainCmd(w)), inGroup("look", doctorCmd(w)), inGroup("look", destroyCmd(w)),
		simulateCmd(w), reaperCmd(w), healthyCmd(), versionCmd(w),
	)
	return root
}

func inGroup(id string, c *cobra.Command) *cobra.Command {
	c.GroupID = id
	return c
}

// knownCommand refuses a word that is no command, with the nearest one.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return &usageError{fmt.Errorf("unknown command %q; did you mean %q?", args[0], near[0])}
	}
	return &usageError{fmt.Errorf("unknown command %q", args[0])}
}

// exactly asks for n arguments, and says which when they are not there.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{fmt.Errorf("%s takes %s, %d given", c.CommandPath(), what, len(args))}
		}
		return nil
	}
}

// atMostOne allows one argument or none.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return &usageError{fmt.Errorf("%s takes %s, %d given", c.CommandPath(), what, len(args))}
		}
		return nil
	}
}
