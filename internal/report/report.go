// Package report writes report.html, what a person is shown of a result: metrics,
// predictions and the graph enter, one file that needs no network leaves. It runs
// no model, and judges nothing: result.Verdict does.
package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of the page's parts
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
)

// Input is what a report is made of.
type Input struct {
	Lang        kafka.Lang
	Interrupted bool
	Metadata    result.Metadata
	Metrics     result.Metrics
	Settings    map[string]string     // effective variables, without secrets
	Audit       *Audit                // of the data; nil: there was none
	Test        *evaluation.TestSplit // the model's, at the first horizon
	Dataset     *data.Dataset
}

// Audit is what an audit of the data found.
type Audit struct{ Findings []Finding }

// Finding is a sign that the data know their future: the column it is in, what
// was seen, its likely cause and the remedy.
type Finding struct{ Column, What, Cause, Remedy string }

var (
	//go:embed assets/report.html
	pageText string
	//go:embed assets/report.css
	styleText string
	//go:embed assets/report.js
	scriptText string
	//go:embed assets/uPlot.iife.min.js
	uPlotScript string
	//go:embed assets/uPlot.min.css
	uPlotStyle string
	//go:embed assets/uPlot.LICENSE
	uPlotLicence string
)

var page = template.Must(template.New("report.html").Funcs(template.FuncMap{"t": func(string) string { return "" }}).Parse(pageText))

// Write writes the page of one result. The same input gives the same bytes.
func Write(w io.Writer, in Input) error {
	v, err := newView(in)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	words := func(key string) (string, error) {
		t, ok := texts[key]
		if !ok {
			return "", fmt.Errorf("there is no text %q", key)
		}
		return t.In(in.Lang), nil
	}
	p := template.Must(page.Clone()).Funcs(template.FuncMap{"t": words})
	if err := p.Execute(w, v); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// static is the part of the page that is the same in each.
type static struct {
	Style  template.CSS
	Script template.JS
	Policy string // Content-Security-Policy
}

// newStatic puts style and script together. The policy allows this script alone,
// so that no text of a market becomes one.
func newStatic() static {
	_, library, _ := strings.Cut(uPlotScript, "\n") // its first line is a comment with an address
	script := "/*! uPlot 1.6.32\n" + uPlotLicence + "*/\n" + library + "\n" + scriptText
	sum := sha256.Sum256([]byte(script))
	return static{
		Style:  template.CSS(uPlotStyle + "\n" + styleText),
		Script: template.JS(script),
		Policy: "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'",
	}
}

// encoded is a value as a script of JSON holds it: <, > and & are escaped, so that
// nothing in it ends the script.
func encoded(v any) (template.JS, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("encoding the charts: %w", err)
	}
	return template.JS(b.String()), nil
}
