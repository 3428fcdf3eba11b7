package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/paragraph"
)

// WriteJSON writes the report as one JSON object, with the version of the program.
func (r Report) WriteJSON(w io.Writer, version string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Version string `json:"version"`
		Report
	}{version, r})
}

// WriteText writes each check and finding in lines of so many columns; 0: lines
// are not broken.
func (r Report) WriteText(w io.Writer, version string, columns int) error {
	names := 0
	for _, c := range r.Checks {
		names = max(names, len(c.Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gnn-trainer %s, audit\n\n", version)
	for _, c := range r.Checks {
		b.WriteString(fill(fmt.Sprintf("%-7s  %-*s  %s", c.Status, names, c.Name, c.Message), columns, strings.Repeat(" ", 11+names)))
	}
	for k, f := range r.Findings {
		fmt.Fprintf(&b, "\n%d. %s: %s\n", k+1, f.Check, f.Column)
		for _, line := range [][2]string{{"what", f.sentence()}, {"cause", f.Cause}, {"remedy", f.Remedy}} {
			b.WriteString(fill(fmt.Sprintf("   %-6s  %s", line[0], line[1]), columns, strings.Repeat(" ", 11)))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

// fill breaks a line between words, and indents what follows.
func fill(text string, columns int, indent string) string {
	if columns == 0 || len(text) <= columns {
		return text + "\n"
	}
	head := text[:min(len(indent), len(text))]
	return head + strings.TrimPrefix(paragraph.Fill(text[len(head):], indent, columns), indent) + "\n"
}

// sentence is what was found and where.
func (f Finding) sentence() string {
	if f.OpenTime == nil {
		return f.What
	}
	where := "first at " + stamp(*f.OpenTime)
	if f.Symbol != "" {
		where = "first " + f.Symbol + " at " + stamp(*f.OpenTime)
	}
	if strings.Contains(f.What, stamp(*f.OpenTime)) {
		return f.What
	}
	return f.What + "; " + where
}

// Line is the finding as one line of a log.
func (f Finding) Line() string { return f.sentence() + ": " + f.Remedy }

func (r Report) summary() string {
	skipped := 0
	for _, c := range r.Checks {
		if c.Status == Skipped {
			skipped++
		}
	}
	made := fmt.Sprintf("%d checks", len(r.Checks)-skipped)
	switch n := len(r.Findings); n {
	case 0:
		return made + ", nothing found: docs/audit.md has what they cannot see"
	case 1:
		return made + ", 1 finding"
	default:
		return fmt.Sprintf("%s, %d findings", made, n)
	}
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func number(v float64) evaluation.Float { return evaluation.Float(v) }
