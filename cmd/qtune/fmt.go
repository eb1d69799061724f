package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/spf13/cobra"

	"github.com/qtune/qtune/profiles"
)

func fmtCmd(w *world) *cobra.Command {
	var check, diff bool
	c := &cobra.Command{
		Use:   "fmt [FILE…]",
		Short: "Write profiles in canonical form",
		Long: `Fmt rewrites profiles in place in canonical form and names those that changed.
With -, or without a file, it formats standard input to standard output.`,
		ValidArgsFunction: completeProfiles,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && args[0] == "-" {
				return formatStream(w)
			}
			return formatFiles(w, args, check, diff)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; exit 1 if a file is not in canonical form")
	c.Flags().BoolVar(&diff, "diff", false, "show what would change, and change nothing")
	return c
}

func formatStream(w *world) error {
	src, err := io.ReadAll(io.LimitReader(w.stdin, maxProfile))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	out, err := formatted(w, "standard input", src)
	if err != nil {
		return err
	}
	_, err = w.stdout.Write(out)
	return err
}

func formatFiles(w *world, paths []string, check, diff bool) error {
	unformatted := 0
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the profile: %w", err)
		}
		out, err := formatted(w, path, src)
		if err != nil {
			return err
		}
		if bytes.Equal(src, out) {
			continue
		}
		unformatted++
		if err := applyFormat(w, path, src, out, check, diff); err != nil {
			return err
		}
	}
	if check && unformatted > 0 {
		return &silentError{exitError}
	}
	return nil
}

func applyFormat(w *world, path string, src, out []byte, check, diff bool) error {
	if diff {
		text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
			A: difflib.SplitLines(string(src)), B: difflib.SplitLines(string(out)),
			FromFile: path, ToFile: path + " (canonical)", Context: 3,
		})
		if err != nil {
			return fmt.Errorf("compare %s with its canonical form: %w", path, err)
		}
		fmt.Fprint(w.stdout, text)
		return nil
	}
	fmt.Fprintln(w.stdout, path)
	if check {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, out, info.Mode().Perm()); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

func formatted(w *world, path string, src []byte) ([]byte, error) {
	out, diags := profiles.Format(src, path)
	if diags.HasErrors() {
		if err := diags.WriteText(w.stderr, w.width(), w.color()); err != nil {
			return nil, err
		}
		return nil, &profileError{count: diags.Errors()}
	}
	return out, nil
}

// maxProfile bounds what is read of standard input, in bytes.
const maxProfile = 16 << 20
