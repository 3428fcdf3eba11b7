package job

import (
	"context"
	"sync"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/audit"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
)

// sourcePyG is the value of DATA_SOURCE for one PyG Data file.
const sourcePyG = "pyg"

// maxWarnings bounds the warnings of one kind.
const maxWarnings = 10

// loaded is the data of a run.
type loaded struct {
	dataset     *data.Dataset
	report      source.Report
	audit       audit.Report
	fingerprint func() string // of dataset; the first call reads all of it
}

// loader makes the dataset of a run.
type loader struct {
	config   config.Config
	source   source.Config     // pinned to the extent of the first start
	pin      func(*source.Pin) // remembers that extent
	console  *progress.Console
	reporter *reporter

	wholeAudit bool         // the audit's long form, which keeps the market
	keepMarket bool         // for other datasets of it
	market     *data.Market // that was kept
	report     source.Report
}

// load makes the dataset from candles, from a PyG file, or from a graph that was
// prepared in ArangoDB, and writes its newest snapshot there where GRAPH_SAVE
// asks for it.
func (l *loader) load(ctx context.Context) (loaded, error) {
	l.reporter.enter(metrics.Loading, kafka.LoadingData)
	d, err := l.read(ctx)
	if err == nil && l.config.Source.Arango.Save != "" {
		err = l.saveGraph(ctx, d.dataset)
	}
	if err != nil {
		return loaded{}, err
	}
	d.fingerprint = sync.OnceValue(d.dataset.Fingerprint)
	return d, nil
}

func (l *loader) read(ctx context.Context) (loaded, error) {
	from := l.source
	watch, done := l.watch()
	defer done()
	from.Watch = watch
	from.LeastBars = l.config.Data.LeastBars()
	from.Fixed = func(p source.Pin) { l.pin(&p) } // before a fetch of hours, which may be killed
	switch from.Source {
	case sourcePyG:
		d, err := l.readPyG()
		if err != nil {
			return loaded{}, err
		}
		return loaded{dataset: d, audit: l.auditGraph(d, nil)}, nil
	case source.Arango:
		d, candles, err := l.loadPrepared(ctx, from)
		if d.dataset != nil || err != nil {
			return d, err
		}
		from.Arango = candles
	}
	market, report, err := source.Load(ctx, from)
	if err != nil {
		return loaded{}, err
	}
	l.pin(l.config.Source.Pin(market))
	done()
	log := l.reporter.log
	for _, lines := range [][]string{report.Warnings, report.Unread} {
		for _, line := range lines[:min(len(lines), maxWarnings)] {
			log.Warn().Msg(line)
		}
		if more := len(lines) - maxWarnings; more > 0 {
			log.Warn().Msgf("and %d more like it", more)
		}
	}
	if report.Database != nil {
		log.Info().Interface("counts", report.Database).Msg("documents read")
	}
	log.Info().Str("source", from.Source).Int("symbols", len(market.Symbols)).Int("bars", market.Bars).
		Int("rows", report.Rows).Int("duplicates", report.Duplicates).Int("disordered", report.Disordered).
		Int("missing", report.Missing).Msg("market loaded")
	l.reporter.enter(metrics.BuildingGraph, kafka.BuildingGraph)
	return await(ctx, func() (loaded, error) {
		d, found, err := l.buildAudited(market)
		l.report = report
		return loaded{dataset: d, report: report, audit: found}, err
	})
}
