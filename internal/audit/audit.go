// Package audit looks for what a model must not know: features, targets, edges
// and scalers that change with the future, columns of a user's own that hold it,
// rows that a model is both trained and tested on, and scores that no market
// gives. Candles and a dataset enter; findings leave, each with its column, first
// time, values, likely cause and remedy. It trains nothing, needs no result, and
// changes nothing.
//
// It is a test of signs, not a proof: docs/audit.md has what each check cannot
// see. A further check is one file, and one line in checks.
package audit

import (
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// Finding is one sign of a leak.
type Finding struct {
	Check  string `json:"check"`
	Column string `json:"column"` // or columns, edges, targets, mask: what is wrong
	Symbol string `json:"symbol"` // of the first value; empty: it is of no one symbol

	OpenTime *int64 `json:"open_time,omitempty"` // of the first value, Unix ms; nil: it has none
	// Value is what was found there, and Expected what would stand there without
	// the leak, or what it is compared with, as What says. NaN: there is none.
	Value    evaluation.Float `json:"value"`
	Expected evaluation.Float `json:"expected"`

	What   string `json:"what"`   // one sentence, with the numbers
	Cause  string `json:"cause"`  // the likely one
	Remedy string `json:"remedy"` // in the imperative
}

// Check is how one check ended.
type Check struct {
	Name    string  `json:"name"`
	Status  Status  `json:"status"`
	Message string  `json:"message"` // what was looked at, or why nothing was
	Seconds float64 `json:"-"`       // not stored: the same run gives the same bytes
}

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK      Status = "ok"
	Found   Status = "finding"
	Skipped Status = "skipped" // it does not apply to these data
)

// Report is what an audit found. Both lists are never nil.
type Report struct {
	Findings []Finding `json:"findings"`
	Checks   []Check   `json:"checks"`
}

// Input is what is audited.
type Input struct {
	Market *data.Market // nil: a prepared graph
	Closes []float64    // [T, N] prices of a prepared graph at its moments; nil: it has none
	Config data.Config

	// Short is the form that runs in each training: fewer times and rows, and
	// nothing of the market is read after Begin.
	Short bool
}

// outcome is what a check found, and a sentence about what it looked at.
type outcome struct {
	findings []Finding
	message  string
	skipped  bool
}

func skip(format string, a ...any) outcome {
	return outcome{message: fmt.Sprintf(format, a...), skipped: true}
}

func clean(format string, a ...any) outcome { return outcome{message: fmt.Sprintf(format, a...)} }

// check is one kind of sign. begin looks at the candles; what it gives looks at
// the dataset that was made of them.
type check struct {
	name  string
	begin func(in Input) func(d *data.Dataset) outcome
}

// checks are all there are, in the order of the report.
var checks = []check{
	{"causality", causality},
	{"scaling", scaling},
	{"columns", columns},
	{"gaps", gaps},
	{"repeats", repeats},
	{"scores", scores},
	{"graph", graph},
	{"target", target},
}

// Audit is one that has seen the candles.
type Audit struct {
	finish []func(d *data.Dataset) outcome
	took   []time.Duration
}

// Begin looks at the candles. The dataset is not made yet, so that it may be made
// of candles which nobody holds any more.
func Begin(in Input) *Audit {
	a := &Audit{}
	for _, c := range checks {
		begin := time.Now()
		a.finish = append(a.finish, c.begin(in))
		a.took = append(a.took, time.Since(begin))
	}
	return a
}

// End looks at the dataset of the candles, and reports.
func (a *Audit) End(d *data.Dataset) Report {
	r := Report{Findings: []Finding{}, Checks: []Check{}}
	for k, c := range checks {
		begin := time.Now()
		o := a.finish[k](d)
		one := Check{Name: c.name, Status: OK, Message: o.message, Seconds: (a.took[k] + time.Since(begin)).Seconds()}
		switch {
		case len(o.findings) > 0:
			one.Status = Found
		case o.skipped:
			one.Status = Skipped
		}
		for _, f := range o.findings {
			f.Check = c.name
			r.Findings = append(r.Findings, f)
		}
		r.Checks = append(r.Checks, one)
	}
	return r
}

// at is a pointer to an open time.
func at(ms int64) *int64 { return &ms }

// several counts things, of which one is named without an s.
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// few names the first of many.
func few(names []string) string {
	const most = 5
	if more := len(names) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", join(names[:most]), more)
	}
	return join(names)
}
