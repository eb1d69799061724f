package engine

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// shownLine bounds a log line that is shown, in bytes.
const shownLine = 400

var (
	ansi = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-Z\\\\-_])")
	// Prefixes of vLLM ("(Worker pid=53) ERROR 11-24 00:21:29 [file.py:1063] ",
	// before 0.11 "ERROR 11-24 00:21:29 file.py:1063] "),
	// SGLang ("[2026-11-24 00:51:37 TP0] "), of Python's logging and of Docker's
	// own timestamps.
	sourcePrefix = regexp.MustCompile(`^\(([A-Za-z_]+[^()]{0,60})\) ?`)
	levelPrefix  = regexp.MustCompile(`^(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:\[[^\]]{1,80}\] ?|[\w./-]{1,60}:\d+\] ?)?`)
	datePrefix   = regexp.MustCompile(`^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\] ]*(?: [A-Z]+\d+)*\]?:? ?`)
)

// cleaned is a log line without colours and without what the logger put in front.
type cleaned struct {
	text   string
	source string // the process that wrote it, as vLLM names it; "" if it does not say
}

func clean(line string) cleaned {
	if strings.IndexByte(line, 0x1b) >= 0 {
		line = ansi.ReplaceAllString(line, "")
	}
	line = strings.TrimRight(line, " \t\r\n")
	line = line[strings.LastIndexByte(line, '\r')+1:] // what a progress bar has overwritten
	line = datePrefix.ReplaceAllString(line, "")
	var c cleaned
	if m := sourcePrefix.FindStringSubmatch(line); m != nil {
		c.source, line = m[1], line[len(m[0]):]
	}
	line = levelPrefix.ReplaceAllString(line, "")
	c.text = datePrefix.ReplaceAllString(line, "")
	return c
}

// show makes a line fit for a report: one line, printable, bounded.
func show(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) <= shownLine {
		return text
	}
	cut := shownLine
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
