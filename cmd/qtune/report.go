package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/profiles"
	"github.com/qtune/qtune/report"
	"github.com/qtune/qtune/report/words"
	"github.com/qtune/qtune/tuner"
)

// reportFlags are the flags of report.
type reportFlags struct {
	profileFlags
	dir    string
	format string
	output string
	lang   string
}

// reportFormats are the forms that a report can have.
func reportFormats() []string {
	return []string{"text", "md", "csv", "csv-full", "json", "html", "svg"}
}

func reportCmd(w *world) *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Show a past run: as text, a web page, Markdown, CSV, JSON or pictures",
		Long: `Report shows a run from its folder alone: one that decided, one that was
interrupted, one that crashed. Without a RUN it is the newest.

  qtune report                           text, on the terminal
  qtune report --format html -o run.html one file for the browser, that needs no network
  qtune report --format md               for a pull request ("markdown" is the same)
  qtune report --format csv              a line for each figure; csv-full: for each level
  qtune report --format json             everything, as docs/report.schema.json describes it
  qtune report --format svg -o pictures  each picture as a file in a folder`,
		Args: atMostOne("at most one run"),
		RunE: func(_ *cobra.Command, args []string) error {
			run := ""
			if len(args) == 1 {
				run = args[0]
			}
			return showReport(w, &f, run)
		},
	}
	f.bind(c)
	c.Flags().StringVar(&f.dir, "dir", "", "the `FOLDER` that keeps runs (default: $QTUNE_DIR, else .qtune)")
	c.Flags().StringVar(&f.format, "format", "text", "the `FORM`: "+strings.Join(reportFormats(), ", "))
	c.Flags().StringVarP(&f.output, "output", "o", "", "write to this `FILE` (svg: folder) instead of stdout")
	c.Flags().StringVar(&f.lang, "lang", "", "the `LANGUAGE`: "+strings.Join(words.Tags(), ", ")+" (default: of $LC_ALL, $LC_MESSAGES or $LANG)")
	return c
}

func showReport(w *world, f *reportFlags, run string) error {
	if f.format == "markdown" { // as compare calls it
		f.format = "md"
	}
	if !slices.Contains(reportFormats(), f.format) {
		return &usageError{fmt.Errorf("--format %q: choose one of %s", f.format, strings.Join(reportFormats(), ", "))}
	}
	if f.format == "svg" && f.output == "" {
		return &usageError{errors.New("--format svg writes several files: name a folder with -o")}
	}
	if f.lang != "" && slices.Contains([]string{"csv", "csv-full", "json"}, f.format) {
		return &usageError{fmt.Errorf("--format %s is for programs and has no language: leave out --lang", f.format)}
	}
	lang, err := w.language(f.lang)
	if err != nil {
		return err
	}
	past, err := pastRun(w, f, run)
	if err != nil {
		return err
	}
	opt := report.Options{Lang: lang, Version: qtuneVersion()}
	if f.format == "svg" {
		return writeDrawings(f.output, past, opt)
	}
	var text bytes.Buffer // whole before anything is written: a report is not left half done
	if err := writeReport(&text, f.format, past, opt); err != nil {
		return fmt.Errorf("make the report of run %s: %w", past.Outcome.Summary.Run, err)
	}
	if f.output == "" {
		_, err = w.stdout.Write(text.Bytes())
		return err
	}
	if err := os.WriteFile(f.output, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// pastRun reads a run back; without a name it is the newest.
func pastRun(w *world, f *reportFlags, run string) (*tuner.PastRun, error) {
	options, err := f.options(w)
	if err != nil {
		return nil, err
	}
	folder, err := tuner.OpenFolder(w.runFolder(f.dir))
	if err != nil {
		return nil, err
	}
	if run, err = newest(folder, run); err != nil {
		return nil, err
	}
	past, _, err := readPast(folder, run, options)
	return past, err
}

// writeReport writes one form of a report.
func writeReport(out io.Writer, format string, past *tuner.PastRun, opt report.Options) error {
	switch {
	case format == "text" && opt.Lang == "en":
		return report.Text(out, past.Outcome)
	case format == "csv":
		return report.CSV(out, past)
	case format == "csv-full":
		return report.FullCSV(out, past)
	case format == "json":
		return report.JSON(out, past, opt.Version)
	}
	d, err := report.NewDocument(past, opt)
	if err != nil {
		return err
	}
	switch format {
	case "text":
		return d.Plain(out)
	case "md":
		return d.Markdown(out)
	}
	return d.HTML(out)
}

// writeDrawings writes each picture of a report into a folder.
func writeDrawings(dir string, past *tuner.PastRun, opt report.Options) error {
	d, err := report.NewDocument(past, opt)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of pictures: %w", err)
	}
	for name, drawing := range d.Drawings() {
		var text bytes.Buffer
		if err := drawing.File(&text, d.Footer()); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write a picture: %w", err)
		}
	}
	return nil
}

// keepReports writes the reports of a run that has just ended beside its text.
func keepReports(w *world, folder *tuner.Folder, run string, profile *profiles.Profile) error {
	past, err := folder.Past(run, func([]byte, string, tuner.RunHeader) *profiles.Profile { return profile })
	if err != nil {
		return fmt.Errorf("read the run back: %w", err)
	}
	past.Outcome.Summary.Folder = relative(past.Outcome.Summary.Folder)
	lang, err := w.language("")
	if err != nil {
		return err
	}
	for _, format := range []string{"html", "md"} {
		var text bytes.Buffer
		if err := writeReport(&text, format, past, report.Options{Lang: lang, Version: qtuneVersion()}); err != nil {
			return fmt.Errorf("make the report: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder.RunPath(run), "report."+format), text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// language is what is asked for, else what the locale names, else English.
func (w *world) language(asked string) (string, error) {
	if asked != "" {
		if !slices.Contains(words.Tags(), asked) {
			return "", &usageError{fmt.Errorf("--lang %q: choose one of %s", asked, strings.Join(words.Tags(), ", "))}
		}
		return asked, nil
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := w.getenv(name); v != "" {
			return words.Match(v), nil
		}
	}
	return words.Match(""), nil
}
