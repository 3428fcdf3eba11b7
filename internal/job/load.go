package job

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/pyg"
)

// sourcePyG is the value of DATA_SOURCE for one PyG Data file.
const sourcePyG = "pyg"

// mostLines bounds the warnings of one kind.
const mostLines = 10

// load brings the dataset in, from candles, from a PyG file, or from a graph
// that was prepared in ArangoDB, and writes its newest snapshot there where that
// was asked for.
func (r *run) load(ctx context.Context) (*data.Dataset, error) {
	r.enter(metrics.Loading, kafka.LoadingData)
	d, err := r.dataOf(ctx)
	if err == nil && r.Config.Source.Arango.Save != "" {
		err = r.saveGraph(ctx, d)
	}
	return d, err
}

func (r *run) dataOf(ctx context.Context) (*data.Dataset, error) {
	c := r.Config
	from := r.record.pinned(Cached(c), c.Settings())
	watch, done := r.watching()
	defer done()
	from.Watch = watch
	from.Fixed = func(p source.Pin) { // before a fetch of hours, which may be killed
		if !sameTraining(r.record.Settings, c.Settings()) {
			r.pin(ctx, &p)
		}
	}
	switch c.Source.Source {
	case sourcePyG:
		return r.loadGraph()
	case source.Arango:
		d, candles, err := r.loadPrepared(ctx, from)
		if d != nil || err != nil {
			return d, err
		}
		from.Arango = candles
	}
	market, report, err := source.Load(ctx, from)
	if err != nil {
		return nil, err
	}
	if !sameTraining(r.record.Settings, c.Settings()) {
		r.pin(ctx, c.Source.Pin(market))
	}
	done()
	r.loaded = report
	for _, line := range report.Unread[:min(len(report.Unread), mostLines)] {
		r.Log.Warn().Msg(line)
	}
	if report.Database != nil {
		r.Log.Info().Interface("counts", report.Database).Msg("documents read")
	}
	r.Log.Info().Str("source", c.Source.Source).Int("symbols", len(market.Symbols)).Int("bars", market.Bars).
		Int("rows", report.Rows).Int("duplicates", report.Duplicates).Int("disordered", report.Disordered).
		Int("missing", report.Missing).Msg("market loaded")
	r.enter(metrics.BuildingGraph, kafka.BuildingGraph)
	return await(ctx, func() (*data.Dataset, error) { return data.BuildReleasing(market, c.Data) })
}

func (r *run) loadGraph() (*data.Dataset, error) {
	c := r.Config
	f, size, err := openFile(c.Source.Dir)
	if err != nil {
		return nil, fmt.Errorf("reading DATA_DIR, one file of torch.save(data): %w", err)
	}
	defer f.Close()
	file, err := pyg.ReadData(f, size)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.Source.Dir, err)
	}
	names, err := source.ParseSymbols(c.Source.Symbols, "")
	if err != nil {
		return nil, err
	}
	if len(file.Ignored) > 0 {
		r.Log.Info().Strs("attributes", file.Ignored).Msg("attributes of the graph that are not used")
	}
	return data.FromPyG(file, names.Names, c.Data, c.Train.Seed)
}

// warnOfGraph tells of a graph of ours that cannot tell its nodes apart.
func (r *run) warnOfGraph(d *data.Dataset) {
	switch n := d.NumNodes(); {
	case d.EdgesGiven || d.Interval == 0:
	case n == 1:
		r.Log.Warn().Msg("a graph of one node has no edges, and is worth nothing: name more SYMBOLS")
	case n > 2 && d.Density > 0.95:
		r.Log.Warn().Msgf("nearly every node is joined with every other at each bar, so all hear the same, which mostly does harm: "+
			"set EDGE_TOP_K below %d, or EDGE_THRESHOLD", n-1)
	}
}

// describe logs what the graph is.
func (r *run) describe(d *data.Dataset) {
	for _, l := range d.LeftOut {
		if len(l.Lacking) > 0 {
			r.Log.Warn().Str("feature", l.Name).Str("reason", l.Reason).Str("lacking", source.FirstOf(l.Lacking)).
				Msg("feature left out, since some symbols lack what most have")
			continue
		}
		r.Log.Info().Str("feature", l.Name).Str("reason", l.Reason).Msg("feature left out")
	}
	parts := map[data.Split]int{}
	for _, s := range d.Splits {
		parts[s]++
	}
	r.Log.Info().Int("nodes", d.NumNodes()).Int("features", d.NumFeatures()).Float64("density", round(evaluation.Float(d.Density))).
		Int("train", parts[data.Train]).Int("valid", parts[data.Valid]).Int("test", parts[data.Test]).
		Int("live", parts[data.Live]).Int("gap", parts[data.Gap]).Msg("graph built")
}
