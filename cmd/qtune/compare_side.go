package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/qtune/qtune/compare"
	"github.com/qtune/qtune/compare/files"
	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/tuner"
)

// deliverText writes a result to standard output, or into a file: the whole of it.
func deliverText(w *world, path, text string) error {
	if path == "" {
		_, err := io.WriteString(w.stdout, text)
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// readSide reads what an argument names: files, or a trial of a run.
func readSide(w *world, f *compareFlags, arg string) (*compare.Side, error) {
	if parts := strings.Split(arg, ","); len(parts) > 1 && !exists(arg) {
		return severalStarts(w, f, parts)
	}
	path, pick := arg, ""
	if !exists(path) {
		if i := strings.LastIndexByte(arg, ':'); i >= 0 {
			path, pick = arg[:i], arg[i+1:]
		}
	}
	info, err := os.Stat(path)
	switch {
	case path == "" || err != nil:
		folder, err := tuner.OpenFolder(w.runFolder(f.dir))
		if err != nil {
			return nil, err
		}
		return runSide(w, f, folder, path, pick)
	case info.IsDir():
		return folderSide(w, f, path, pick)
	}
	return fileSide(w, f, path, pick)
}

// severalStarts puts files of the same thing together, each a start of its own.
func severalStarts(w *world, f *compareFlags, parts []string) (*compare.Side, error) {
	var all *compare.Side
	for _, part := range parts {
		s, err := readSide(w, f, part)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = s
			continue
		}
		if err := all.Join(s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// folderSide is a run by its folder, wherever that lies.
func folderSide(w *world, f *compareFlags, path, pick string) (*compare.Side, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the run %s: %w", path, err)
	}
	if !exists(filepath.Join(abs, "journal.jsonl")) {
		return nil, fmt.Errorf("%s is no run's folder: it has no journal.jsonl", path)
	}
	if filepath.Base(filepath.Dir(abs)) == "runs" {
		folder, err := tuner.OpenFolder(filepath.Dir(filepath.Dir(abs)))
		if err != nil {
			return nil, err
		}
		return runSide(w, f, folder, filepath.Base(abs), pick)
	}
	folder, err := tuner.OpenFolder(abs) // a copy: its runs/.. is itself
	if err != nil {
		return nil, err
	}
	return runSide(w, f, folder, "..", pick)
}

// runSide is a trial of a run; without a name the newest.
func runSide(w *world, f *compareFlags, folder *tuner.Folder, run, pick string) (*compare.Side, error) {
	run, err := newest(folder, run)
	if err != nil {
		return nil, err
	}
	if !exists(filepath.Join(folder.RunPath(run), "journal.jsonl")) {
		return nil, &noSideError{run, folder.Path}
	}
	options, err := f.options(w)
	if err != nil {
		return nil, err
	}
	past, _, err := readPast(folder, run, options)
	if err != nil {
		return nil, err
	}
	t := &trialSide{past: past, folder: folder, run: run}
	return t.side(pick)
}

// noSideError is an argument that is neither a file nor a run.
type noSideError struct{ name, folder string }

func (e *noSideError) Error() string {
	return fmt.Sprintf("%s is neither a file nor a run in %s", e.name, relative(e.folder))
}

// Hint says where runs are listed.
func (e *noSideError) Hint() string {
	return "`qtune runs` lists the runs; --dir names the folder that keeps them"
}

// fileSide is a result file.
func fileSide(w *world, f *compareFlags, path, pick string) (*compare.Side, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	in := bufio.NewReaderSize(file, 64<<10)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	if bytes.Contains(head, []byte(`"qtune.report"`)) {
		return reportSide(w, f, in, path, pick)
	}
	if pick != "" {
		return nil, &usageError{fmt.Errorf("%s is no report, and has nothing called %s", path, pick)}
	}
	s, err := files.Read(path, in)
	if err != nil {
		return nil, err
	}
	s.Name, s.Source = relative(path), relative(path)
	return s, withRequests(s, path)
}

// withRequests adds the requests that bench kept in a file of their own beside its
// result.
func withRequests(s *compare.Side, path string) error {
	if s.Requests == "" {
		return nil
	}
	beside := filepath.Join(filepath.Dir(path), filepath.Base(s.Requests))
	if !exists(beside) {
		s.Notes = append(s.Notes, "its file of requests, "+filepath.Base(s.Requests)+", is not beside it")
		return nil
	}
	all, err := readRequests(beside)
	if err != nil {
		return err
	}
	for i := range s.Levels {
		l := &s.Levels[i]
		if len(l.Starts) == 1 {
			l.Starts[0].Requests = all[files.Place{Level: l.Named}]
		}
	}
	return nil
}

func readRequests(path string) (map[files.Place]*compare.Requests, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the requests: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return files.ReadRequests(path, file)
}

// reportSide is a trial of a JSON report.
func reportSide(w *world, f *compareFlags, in io.Reader, path, pick string) (*compare.Side, error) {
	var d report.Data
	if err := json.NewDecoder(in).Decode(&d); err != nil {
		return nil, fmt.Errorf("read the report %s: %w", path, err)
	}
	if d.Version > report.SchemaVersion {
		return nil, fmt.Errorf("the report %s has the form %d, this qtune reads up to %d: use a newer qtune", path, d.Version, report.SchemaVersion)
	}
	options, err := f.options(w)
	if err != nil {
		return nil, err
	}
	profile, _ := profiles.Parse([]byte(d.Profile), path, asGiven(options, d.Run)) // its mistakes were shown when it ran
	t := &trialSide{past: &tuner.PastRun{Header: d.Run, State: d.State, Outcome: d.Outcome, Results: d.Results, Finish: d.Finish, Profile: profile}, run: d.Run.Run}
	s, err := t.side(pick)
	if err == nil {
		s.Source = relative(path)
	}
	return s, err
}
