package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/paragraph"
	"github.com/streamforge/gnn-trainer/internal/progress"
)

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Layout is how a report is written for people.
type Layout struct {
	Columns int // of the terminal; 0: lines are not broken
	Colours bool
}

// layoutOf is that of f: lines of its width where it is a terminal.
func layoutOf(f *os.File) Layout {
	if !progress.IsTerminal(f) {
		return Layout{}
	}
	return Layout{Columns: progress.Columns(f), Colours: os.Getenv("NO_COLOR") == ""}
}

// colours of a terminal.
var colours = map[Status]string{OK: "\x1b[32m", Warning: "\x1b[33m", Failed: "\x1b[31m", Skipped: "\x1b[2m"}

const (
	statusColumns = len("skipped  ")
	timeColumns   = len("  10.00 s  ")
	// narrow is the width of sentences below which they do not stand beside the
	// name of their check, but under it.
	narrow = 60
)

// WriteText writes each check with its sentence, broken between words where the
// terminal ends, and a summary.
func (r Report) WriteText(w io.Writer, l Layout) error {
	names := 0
	for _, c := range r.Checks {
		names = max(names, len(c.Name))
	}
	margin := statusColumns + names + timeColumns
	below := l.Columns > 0 && l.Columns-margin < narrow
	if below {
		margin = statusColumns
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gnn-trainer %s, doctor\n\n", r.Version)
	for _, c := range r.Checks {
		status := fmt.Sprintf("%-*s", statusColumns-2, c.Status)
		if l.Colours {
			status = colours[c.Status] + status + "\x1b[0m"
		}
		took := ""
		if c.Status != Skipped {
			took = fmt.Sprintf("%5.2f s", c.Seconds)
		}
		text := l.fill(printable(c.sentence()), strings.Repeat(" ", margin))
		if below {
			head := fmt.Sprintf("%s  %-*s  %s", status, names, c.Name, took)
			fmt.Fprintf(&b, "%s\n%s\n", strings.TrimRight(head, " "), text)
		} else {
			fmt.Fprintf(&b, "%s  %-*s  %7s  %s\n", status, names, c.Name, took, strings.TrimLeft(text, " "))
		}
	}
	b.WriteString("\n" + l.fill(r.summary(), "") + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// fill is text in lines of the layout, each after indent.
func (l Layout) fill(text, indent string) string {
	if l.Columns > 0 {
		return paragraph.Fill(text, indent, l.Columns)
	}
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent)
}

// sentence is what was found, and what to do about it.
func (c Result) sentence() string {
	switch {
	case c.Remedy == "":
		return c.Message
	case strings.Contains(c.Message, "\n"):
		return c.Message + "\n" + c.Remedy
	}
	return c.Message + ": " + c.Remedy
}

// printable takes from a text of some server what a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// summary is the last line.
func (r Report) summary() string {
	named := map[Status][]string{}
	for _, c := range r.Checks {
		named[c.Status] = append(named[c.Status], c.Name)
	}
	count := func(s Status, one, more string) string {
		n := len(named[s])
		if n == 1 {
			more = one
		}
		if s == Skipped || n == 0 {
			return fmt.Sprintf("%d %s", n, more)
		}
		return fmt.Sprintf("%d %s (%s)", n, more, strings.Join(named[s], ", "))
	}
	parts := []string{count(Failed, "failed", "failed")}
	if len(named[Warning]) > 0 {
		parts = append(parts, count(Warning, "warning", "warnings"))
	}
	if len(named[Skipped]) > 0 {
		parts = append(parts, count(Skipped, "skipped", "skipped"))
	}
	advice := "a run can start"
	switch r.ExitCode() {
	case 1:
		advice = "the failures may be temporary, try again"
	case 2:
		advice = "fix this before running"
	}
	return fmt.Sprintf("%d checks: %s: %s", len(r.Checks), strings.Join(parts, ", "), advice)
}
