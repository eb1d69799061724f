package main

import (
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/profiles"
)

// errorCode is a short word for a kind of error, which stays the same when its
// message is put better.
type errorCode struct {
	code   string
	is     func(error) bool
	means  string // Markdown, as remedy is
	remedy string
}

// codeOf is the only place that gives errors their codes; "" for one that has none.
// What could not be prepared has the class of its failure.
func codeOf(err error) string {
	if e, ok := errors.AsType[*preparationError](err); ok {
		return string(e.failure.Class)
	}
	for _, c := range errorCodes() {
		if c.is(err) {
			return c.code
		}
	}
	return ""
}

// codeText is what is told of a code, whatever bears it.
type codeText struct {
	Code   string `json:"code"`
	Of     string `json:"of"` // error, profile or failure
	Means  string `json:"means"`
	Remedy string `json:"remedy"`
	Fault  string `json:"fault,omitempty"` // of a failure: configuration or machine
}

// codeTexts are all codes.
func codeTexts() []codeText {
	var all []codeText
	for _, c := range errorCodes() {
		all = append(all, codeText{Code: c.code, Of: "error", Means: c.means, Remedy: c.remedy})
	}
	for _, c := range profiles.Codes() {
		all = append(all, codeText{Code: string(c.Code), Of: "profile", Means: c.Means, Remedy: c.Remedy})
	}
	for _, c := range engine.ClassTexts() {
		all = append(all, codeText{string(c.Class), "failure", c.Means, c.Remedy, string(engine.FaultOf(c.Class))})
	}
	return all
}

// usedWriter knows whether anything was written.
type usedWriter struct {
	io.Writer
	used atomic.Bool
}

func (u *usedWriter) Write(p []byte) (int, error) {
	n, err := u.Writer.Write(p)
	if n > 0 {
		u.used.Store(true)
	}
	return n, err
}

// jsonError is an error as the only thing that a command with --json prints.
type jsonError struct {
	Type  string `json:"type"` // "error"
	Code  string `json:"code,omitempty"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Exit  int    `json:"exit"`
}

// complainJSON prints an error on stdout for a command that was to print JSON there,
// and has printed nothing.
func complainJSON(c *cobra.Command, out *usedWriter, err error, exit int) {
	asked, _ := c.Flags().GetBool("json") // false where there is no such flag
	if !asked || out.used.Load() {
		return
	}
	// A reader that went away has not missed more than stderr and the exit code say.
	_ = json.NewEncoder(out).Encode(jsonError{"error", codeOf(err), err.Error(), hintOf(err), exit})
}
