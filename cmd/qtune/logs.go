package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/tuner"
)

func logsCmd(w *world) *cobra.Command {
	var dir, run string
	c := &cobra.Command{
		Use:   "logs [TRIAL]",
		Short: "Print a trial's server log",
		Long: `Logs prints what the server of a trial has written. Without a TRIAL (the first
characters of its name are enough) it is the last one of the run, and without
--run the newest run.`,
		Args: atMostOne("at most one trial"),
		RunE: func(_ *cobra.Command, args []string) error {
			trial := ""
			if len(args) == 1 {
				trial = args[0]
			}
			return logs(w, w.runFolder(dir), run, trial)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().StringVar(&run, "run", "", "the `RUN` (default: the newest)")
	return c
}

func logs(w *world, path, run, trial string) error {
	folder, err := tuner.OpenFolder(path)
	if err != nil {
		return err
	}
	if run, err = newest(folder, run); err != nil {
		return err
	}
	files, err := serverLogs(folder, run, trial)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := copyFile(w.stdout, file); err != nil {
			return err
		}
	}
	return nil
}

func newest(folder *tuner.Folder, run string) (string, error) {
	runs, err := folder.Runs()
	if err != nil || run != "" {
		return run, err
	}
	if len(runs) == 0 {
		return "", fmt.Errorf("no run is kept in %s", relative(folder.Path))
	}
	return runs[len(runs)-1], nil
}

// serverLogs are the logs of a trial's starts; trial may be the start of its
// name, or "" for the last trial that the run started.
func serverLogs(folder *tuner.Folder, run, trial string) ([]string, error) {
	records, err := folder.Journal(run)
	if err != nil && len(records) == 0 {
		return nil, err
	}
	match := ""
	for _, r := range records {
		if r.Type == tuner.RecordTrialStarted && strings.HasPrefix(r.Trial, trial) {
			match = r.Trial
		}
	}
	if match == "" {
		return nil, fmt.Errorf("run %s started no trial %s; its reused trials have their logs in the runs that measured them (`qtune runs`)", run, trial)
	}
	return filepath.Glob(filepath.Join(folder.TrialPath(run, match), "server*.log"))
}

func copyFile(out io.Writer, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	_, err = io.Copy(out, f)
	return errors.Join(err, f.Close())
}
