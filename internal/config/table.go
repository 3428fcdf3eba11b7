package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/paragraph"
)

// Variable is one variable as `gnn-trainer env --json` prints it.
type Variable struct {
	Name        string   `json:"name"`
	Topic       string   `json:"topic"`
	Description string   `json:"description"`
	Default     string   `json:"default"` // as it would be set; empty: none
	Required    bool     `json:"required"`
	Secret      bool     `json:"secret"`  // NAME_FILE may name a file that holds it
	Aliases     []string `json:"aliases"` // other names, without their _FILE
	Accepts     string   `json:"accepts"` // in words, what it must be set to; empty: any text
	Values      []string `json:"values"`  // of an enumeration, all there are
	Unit        string   `json:"unit"`    // of a number or a length of time; empty: none

	TaskDefaults map[string]string `json:"task_defaults"` // by TASK, where it changes the default
}

// Variables are all there are, in the order of the help.
func Variables() []Variable {
	var list []Variable
	for _, g := range groups {
		list = append(list, g.variables()...)
	}
	return list
}

func (g group) variables() []Variable {
	list := make([]Variable, 0, len(g.vars))
	byDefault := defaults()
	for _, v := range g.vars {
		list = append(list, Variable{
			Name: v.name, Topic: g.title, Description: v.meaning, Default: byDefault[v.name], Required: v.required, Secret: v.secret,
			Aliases: append([]string{}, v.aliases...), Accepts: v.want(), Values: append([]string{}, v.values...), Unit: v.unit, TaskDefaults: defaultsByTask(v.name),
		})
	}
	return list
}

// WriteJSON writes Variables as a JSON array, an object a line.
func WriteJSON(w io.Writer) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, v := range Variables() {
		b.WriteString([]string{"[", ",\n"}[min(i, 1)])
		if err := e.Encode(v); err != nil {
			return fmt.Errorf("encoding the variables: %w", err)
		}
		b.Truncate(b.Len() - 1) // the end of the line
	}
	b.WriteString("]\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the variables: %w", err)
	}
	return nil
}

// others are the variable's other names, _FILE ones included.
func (v Variable) others() []string {
	others := slices.Clone(v.Aliases)
	if v.Secret {
		for _, n := range append([]string{v.Name}, v.Aliases...) {
			others = append(others, n+"_FILE")
		}
	}
	return others
}

// meaning is the description with what the variable accepts.
func (v Variable) meaning() string {
	text := v.Description
	if v.Accepts != "" && !v.Required {
		text += " (" + v.Accepts + ")"
	}
	if v.Secret {
		text += " (secret; _FILE: a file that holds it)"
	}
	for _, task := range slices.Sorted(maps.Keys(v.TaskDefaults)) {
		text += "; with TASK=" + task + " the default is " + v.TaskDefaults[task]
	}
	return text
}

// defaultsByTask are the defaults of a variable by TASK, where they differ.
func defaultsByTask(name string) map[string]string {
	byTask := map[string]string{}
	for task, defaults := range taskDefaults {
		if value, changed := defaults[name]; changed {
			byTask[task] = value
		}
	}
	return byTask
}

// WriteTable writes the table of variables for a terminal of 80 columns, a
// block a topic: NAME=default, and below it what it means and its other names.
func WriteTable(w io.Writer) error {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", g.title)
		for _, v := range g.variables() {
			switch {
			case v.Required:
				fmt.Fprintf(&b, "\n  %s (required)\n", v.Name)
			case v.Default == "":
				fmt.Fprintf(&b, "\n  %s\n", v.Name)
			default:
				fmt.Fprintf(&b, "\n  %s=%s\n", v.Name, v.Default)
			}
			text := v.meaning()
			if others := v.others(); len(others) > 0 {
				text += "; other names: " + strings.Join(others, ", ")
			}
			b.WriteString(paragraph.Fill(text, "      ", 80) + "\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table of variables: %w", err)
	}
	return nil
}

// WriteMarkdown writes the table of variables for docs/variables.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	code := func(list ...string) string {
		if strings.Join(list, "") == "" {
			return ""
		}
		return "`" + strings.Join(list, "`, `") + "`"
	}
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "**%s**\n\n| variable | default | meaning | other names |\n|---|---|---|---|\n", g.title)
		for _, v := range g.variables() {
			byDefault := code(v.Default)
			if v.Required {
				byDefault = "required"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, byDefault, strings.ReplaceAll(v.meaning(), "|", `\|`), code(v.others()...))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table of variables: %w", err)
	}
	return nil
}
