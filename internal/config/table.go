package config

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
)

// row is a line of the table, as a user reads it.
type row struct{ name, byDefault, meaning, aliases string }

func rows(g group) []row {
	list := make([]row, 0, len(g.vars))
	byDefault := defaults()
	for _, v := range g.vars {
		r := row{name: v.name, byDefault: byDefault[v.name], meaning: v.meaning}
		if v.required {
			r.byDefault = "required"
		} else if v.want != "" {
			r.meaning += " (" + v.want + ")"
		}
		others := v.aliases
		if v.secret {
			r.meaning += " (secret; _FILE: a file that holds it)"
			for _, n := range v.names() {
				others = append(others[:len(others):len(others)], n+"_FILE")
			}
		}
		r.aliases = strings.Join(others, ", ")
		list = append(list, r)
	}
	return list
}

func heading(g group) string {
	if g.later == "" {
		return g.title
	}
	return g.title + ", in a later version: setting one of these is an error"
}

// WriteTable writes the table of variables as aligned text, a block a topic.
func WriteTable(w io.Writer) error {
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VARIABLE\tDEFAULT\tMEANING\tOTHER NAMES")
	for _, g := range groups {
		for _, r := range rows(g) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.name, r.byDefault, r.meaning, r.aliases)
		}
	}
	_ = t.Flush() // to memory

	// headings come in after the alignment, which they would break
	var b strings.Builder
	next, stop := iter.Pull(strings.Lines(aligned.String()))
	defer stop()
	line := func() {
		text, _ := next()
		b.WriteString(strings.TrimRight(text, " \n") + "\n")
	}
	line()
	for _, g := range groups {
		fmt.Fprintf(&b, "\n%s\n", heading(g))
		for range g.vars {
			line()
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table of variables: %w", err)
	}
	return nil
}

// WriteMarkdown writes the table of variables for README.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	code := func(list string) string {
		if list == "" {
			return ""
		}
		return "`" + strings.ReplaceAll(list, ", ", "`, `") + "`"
	}
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "**%s**\n\n| variable | default | meaning | other names |\n|---|---|---|---|\n", heading(g))
		for _, r := range rows(g) {
			byDefault := code(r.byDefault)
			if r.byDefault == "required" {
				byDefault = r.byDefault
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.name, byDefault, strings.ReplaceAll(r.meaning, "|", `\|`), code(r.aliases))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table of variables: %w", err)
	}
	return nil
}
