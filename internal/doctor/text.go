package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// colours of a terminal.
var colours = map[Status]string{OK: "\x1b[32m", Warning: "\x1b[33m", Failed: "\x1b[31m", Skipped: "\x1b[2m"}

// WriteText writes a line a check, and a summary.
func (r Report) WriteText(w io.Writer, coloured bool) error {
	names := 0
	for _, c := range r.Checks {
		names = max(names, len(c.Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gnn-trainer %s, doctor\n\n", r.Version)
	for _, c := range r.Checks {
		status := fmt.Sprintf("%-7s", c.Status)
		if coloured {
			status = colours[c.Status] + status + "\x1b[0m"
		}
		took := "       "
		if c.Status != Skipped {
			took = fmt.Sprintf("%5.2f s", c.Seconds)
		}
		sentence := c.Message
		switch {
		case c.Mend == "":
		case strings.Contains(sentence, "\n"):
			sentence += "\n" + c.Mend
		default:
			sentence += ": " + c.Mend
		}
		margin := "\n" + strings.Repeat(" ", len("skipped  ")+names+len("  10.00 s  "))
		fmt.Fprintf(&b, "%s  %-*s  %s  %s\n", status, names, c.Name, took, strings.ReplaceAll(printable(sentence), "\n", margin))
	}
	b.WriteString("\n" + r.summary() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
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
	of := len(r.Checks) - len(named[Skipped])
	var parts []string
	if failed := named[Failed]; len(failed) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d checks failed (%s)", len(failed), of, strings.Join(failed, ", ")))
	} else {
		parts = append(parts, fmt.Sprintf("no check of %d failed", of))
	}
	if warned := named[Warning]; len(warned) > 0 {
		parts = append(parts, fmt.Sprintf("%d warned (%s)", len(warned), strings.Join(warned, ", ")))
	}
	if n := len(named[Skipped]); n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", n))
	}
	advice := "a run can start"
	switch r.ExitCode() {
	case 1:
		advice = "what failed may come back by itself"
	case 2:
		advice = "mend it before a run"
	}
	return strings.Join(parts, ", ") + ": " + advice
}
