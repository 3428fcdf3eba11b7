// Package doctor checks, before a run or after a failure, all that the run's
// environment names: configuration, libtorch, device, disk and memory, Kafka,
// MinIO, the source of the data, and the clock. The environment enters; one
// result a check, with how to fix what is wrong, and an exit code leave. The
// checks use the packages that a run uses. It trains nothing, and
// leaves nothing behind anywhere.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK      Status = "ok"
	Warning Status = "warning" // a run can start, and may be worse for it
	Failed  Status = "failed"
	Skipped Status = "skipped" // it does not apply to this run, or could not be made
)

// Result is one check's.
type Result struct {
	Name    string  `json:"name"`
	Status  Status  `json:"status"`
	Seconds float64 `json:"seconds"`
	Message string  `json:"message"` // what was found, or why it was skipped
	Remedy  string  `json:"mend"`    // what to do; empty where there is nothing to do

	transient bool // of a failure: it may go away by itself
}

// Report is the results in their fixed order.
type Report struct {
	Version string   `json:"version"` // of gnn-trainer
	Checks  []Result `json:"checks"`
	OK      bool     `json:"ok"` // no check has failed
}

// ExitCode is 0 where no check has failed, 2 where the user must fix
// something, and 1 where all that failed may be temporary.
func (r Report) ExitCode() int {
	code := job.ExitDone
	for _, c := range r.Checks {
		switch {
		case c.Status != Failed:
		case !c.transient:
			return job.ExitInput
		default:
			code = job.ExitFailure
		}
	}
	return code
}

// Deadline is how long a check may take. A check waits for one other at most,
// so all of them end within three times that.
const Deadline = 10 * time.Second

// Doctor reads the configuration from environ, in the form of os.Environ, makes
// the checks, writes their results to stdout, as text or as JSON, and returns
// the exit code.
func Doctor(ctx context.Context, environ []string, version string, asJSON bool, stdout, stderr *os.File) int {
	report := Check(ctx, environ, version, Deadline)
	var err error
	if asJSON {
		err = report.WriteJSON(stdout)
	} else {
		err = report.WriteText(stdout, layoutOf(stdout))
	}
	if err != nil {
		fmt.Fprintln(stderr, "writing the results:", err)
		return job.ExitFailure
	}
	if s := (job.Stopped{}); errors.As(context.Cause(ctx), &s) {
		return s.ExitCode()
	}
	return report.ExitCode()
}

// Check makes the checks that environ calls for, each within deadline.
func Check(ctx context.Context, environ []string, version string, deadline time.Duration) Report {
	c, err := config.Load(environ)
	x := &checker{Config: c, plan: newPlan(c, time.Now()), misspelt: config.Misspelt(environ)}
	return newReport(version, perform(ctx, x.checks(err), deadline))
}

func newReport(version string, results []Result) Report {
	r := Report{Version: version, Checks: results, OK: true}
	for _, c := range results {
		r.OK = r.OK && c.Status != Failed
	}
	return r
}

// checker is what the checks share.
type checker struct {
	config.Config
	misspelt []string // names in the environment that are nearly variables
	plan     *plan
	skew     skew
	noBucket atomic.Bool // MinIO has none yet

	gpu atomic.Pointer[torch.Device] // that tensors will live on; nil: the CPU
}

// checks are all there are, in the order of the report.
func (x *checker) checks(wrong error) []check {
	all := []check{x.configuration(wrong), x.libtorch(), x.lightGBM(), x.device(), x.cpu(), x.memory()}
	all = append(all, x.folders()...)
	all = append(all, x.metrics())
	all = append(all, x.kafka()...)
	all = append(all, x.minio(), x.checkpoints(wrong), x.binance(), x.arangodb(), x.files(), x.bars(), x.clock())
	return all
}
