package config

import (
	"fmt"
	"io"
	"strings"
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

// WriteTable writes the table of variables for a terminal of 80 columns, a
// block a topic: NAME=default, and below it what it means and its other names.
func WriteTable(w io.Writer) error {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", heading(g))
		for _, r := range rows(g) {
			switch r.byDefault {
			case "required":
				fmt.Fprintf(&b, "\n  %s (required)\n", r.name)
			case "":
				fmt.Fprintf(&b, "\n  %s\n", r.name)
			default:
				fmt.Fprintf(&b, "\n  %s=%s\n", r.name, r.byDefault)
			}
			text := r.meaning
			if r.aliases != "" {
				text += "; other names: " + r.aliases
			}
			wrap(&b, text, "      ", 80)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table of variables: %w", err)
	}
	return nil
}

// wrap writes text in lines of at most so many columns, each after indent. A
// longer word has a line of its own.
func wrap(b *strings.Builder, text, indent string, columns int) {
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > columns {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}

// WriteMarkdown writes the table of variables for docs/variables.md.
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
