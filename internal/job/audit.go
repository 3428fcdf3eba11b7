package job

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/audit"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/report"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
)

// ExitFindings is the exit code of an audit that found something.
const ExitFindings = 3

// buildAudited makes the dataset of a market, and audits both. The market loses
// its series on the way, unless the audit is the long one.
func (l *loader) buildAudited(m *data.Market) (*data.Dataset, audit.Report, error) {
	a := audit.Begin(audit.Input{Market: m, Config: l.config.Data, Short: !l.wholeAudit})
	build := data.BuildReleasing
	if l.wholeAudit || l.keepMarket {
		build = data.Build
	}
	if l.keepMarket {
		l.market = m
	}
	d, err := build(m, l.config.Data)
	if err != nil {
		return nil, audit.Report{}, err
	}
	return d, a.End(d), nil
}

// auditGraph audits a prepared graph.
func (l *loader) auditGraph(d *data.Dataset, closes []float64) audit.Report {
	return audit.Begin(audit.Input{Closes: closes, Config: l.config.Data, Short: !l.wholeAudit}).End(d)
}

// logAudit warns of each finding.
func logAudit(r audit.Report, log zerolog.Logger) {
	for _, f := range r.Findings {
		log.Warn().Str("check", f.Check).Str("column", f.Column).Str("cause", f.Cause).Msg("audit: " + f.Line())
	}
}

// shownAudit is what the report shows of the audit.
func shownAudit(m result.Metrics) *report.Audit {
	if m.Audit == nil {
		return nil
	}
	shown := &report.Audit{}
	for _, f := range m.Audit.Findings {
		shown.Findings = append(shown.Findings, report.Finding{Column: f.Column, What: f.What, Cause: f.Cause, Remedy: f.Remedy})
	}
	return shown
}

// Audit looks at the data of a run, which environ describes in the form of
// os.Environ, writes what it finds to stdout, as text or as JSON, and returns the
// exit code. It trains nothing and stores nothing. Faults are logged to stderr.
func Audit(ctx context.Context, environ []string, version string, asJSON bool, stdout, stderr *os.File) int {
	c, err := config.LoadAudit(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	log = log.Level(max(log.GetLevel(), zerolog.WarnLevel)) // what is found goes to stdout
	warnMisspelt(log, environ)
	if err != nil {
		logFaults(log, err)
		return ExitInput
	}
	telemetry := kafka.NewTelemetry(c.IDs, c.Kafka.Lang, kafka.Discard, nil)
	defer func() { _ = telemetry.Close() }() // it discards what it is given
	l := &loader{
		config: c, source: Cached(c), pin: func(*source.Pin) {}, console: console, wholeAudit: true,
		reporter: &reporter{metrics: newMetrics(c, version), log: log, telemetry: telemetry, reject: func(error) {}},
	}
	d, err := l.read(ctx)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if s := (Stopped{}); err != nil && errors.As(context.Cause(ctx), &s) {
		return s.ExitCode()
	}
	if err != nil {
		logFaults(log, err)
		return ExitCode(err)
	}
	if asJSON {
		err = d.audit.WriteJSON(stdout, version)
	} else {
		columns := 0
		if progress.IsTerminal(stdout) {
			columns = progress.Columns(stdout)
		}
		err = d.audit.WriteText(stdout, version, columns)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "writing the findings:", err)
		return ExitFailure
	case len(d.audit.Findings) > 0:
		return ExitFindings
	}
	return ExitDone
}
