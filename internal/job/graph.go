package job

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/pyg"
)

// loadPrepared reads a graph that was prepared in ArangoDB. Where there are
// candles instead, the dataset is nil, and candles names their collections.
func (l *loader) loadPrepared(ctx context.Context, c source.Config) (d loaded, candles arango.Config, err error) {
	candles = c.Arango
	db, err := arango.Open(ctx, c.Arango, c.Watch)
	if err != nil {
		return loaded{}, candles, err
	}
	defer db.Close()
	in, err := db.Inputs(ctx)
	if err != nil {
		return loaded{}, candles, err
	}
	if in.Graph == nil {
		candles.Inputs, candles.Candles = "", strings.Join(in.Candles, ",")
		candles.OrderBook, candles.Funding = strings.Join(in.OrderBook, ","), strings.Join(in.Funding, ",")
		candles.Wait = 0 // it was waited for
		return loaded{}, candles, nil
	}
	d, err = l.prepared(ctx, db, in.Graph, c)
	return d, candles, err
}

func (l *loader) prepared(ctx context.Context, db *arango.DB, layout *arango.Layout, c source.Config) (loaded, error) {
	choice, err := choose(c)
	if err != nil {
		return loaded{}, err
	}
	g, report, err := db.Graph(ctx, layout, choice)
	if err != nil {
		return loaded{}, err
	}
	result := loaded{report: source.Report{Database: &report}}
	l.reporter.log.Info().Str("graph", layout.Name).Bool("dynamic", g.Snapshots != nil).Interface("counts", report).Msg("prepared graph read")
	l.reporter.enter(metrics.BuildingGraph, kafka.BuildingGraph)
	if g.Snapshots == nil {
		if result.dataset, err = l.fixedGraph(ctx, layout.Name, g); err == nil {
			result.audit = l.auditGraph(result.dataset, nil)
		}
		return result, err
	}
	s := g.Snapshots
	result.dataset, err = await(ctx, func() (*data.Dataset, error) { return data.FromSnapshots(s, l.config.Data) })
	if err == nil {
		result.audit = l.auditGraph(result.dataset, s.Close)
		span := s.Times[len(s.Times)-1] - s.Times[0]
		l.pin(l.config.Source.Pin(&data.Market{Symbols: s.Symbols, Interval: s.Interval, Start: s.Times[0], Bars: int(span/s.Interval.Milliseconds()) + 1}))
	}
	return result, err
}

// choose is what to read of a prepared graph.
func choose(c source.Config) (arango.Choice, error) {
	selection, err := source.ParseSymbols(c.Symbols, "")
	if err != nil {
		return arango.Choice{}, err
	}
	if selection.Top > 0 {
		return arango.Choice{}, fault.Input("SYMBOLS=%s asks for volumes, which a prepared graph lacks", c.Symbols).Fix("name its nodes, or unset SYMBOLS")
	}
	choice := arango.Choice{Symbols: selection.Names}
	if choice.Exclude, err = source.ParseExclude(c.Exclude, c.Symbols, c.Symbol); err != nil {
		return arango.Choice{}, err
	}
	if choice.Interval, err = source.ParseInterval(c.Interval); err != nil {
		return arango.Choice{}, err
	}
	choice.Bounds = func(newest int64) (from, to int64) {
		from, to, _ = c.Bounds(newest) // it was checked with the configuration
		return from, to
	}
	return choice, nil
}

// fixedGraph is the dataset of a graph without times, whose nodes have labels.
func (l *loader) fixedGraph(ctx context.Context, name string, g *arango.Graph) (*data.Dataset, error) {
	if !slices.ContainsFunc(g.File.Data.Y, func(class int64) bool { return class != pyg.Unlabelled }) {
		return nil, fault.Input("no node of graph %s has a label (y, label or target)", name).
			Fix("give the nodes one, %d (down), %d (flat) or %d (up)", data.Down, data.Flat, data.Up)
	}
	d, err := await(ctx, func() (*data.Dataset, error) { return data.FromPyG(g.File, nil, l.config.Data, l.config.Train.Seed) })
	if err == nil {
		d.Features, d.Dropped = g.Features, g.Dropped
	}
	return d, err
}

// saveGraph writes the newest snapshot, which graph.pt holds too, to ArangoDB.
// It comes before the training, so that a database that rejects it fails before
// hours of work.
func (l *loader) saveGraph(ctx context.Context, d *data.Dataset) error {
	c := l.config.Source.Arango
	watch, done := l.watch()
	defer done()
	db, err := arango.Open(ctx, c, watch)
	if err != nil {
		return err
	}
	defer db.Close()
	newest := d.Snapshot(d.Len() - 1)
	if err := db.Save(ctx, c.Save, arango.Saved{Symbols: d.Symbols, Features: d.Features, Data: newest}); err != nil {
		return fmt.Errorf("saving the graph: %w", err)
	}
	l.reporter.log.Info().Str("graph", c.Save).Int("nodes", newest.NumNodes).Int("edges", newest.NumEdges()).Msg("graph saved to ArangoDB")
	return nil
}
