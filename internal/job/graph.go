package job

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/pyg"
)

// loadPrepared reads a graph that was prepared in ArangoDB. Where there are
// candles instead, the dataset is nil, and candles names their collections.
func (r *run) loadPrepared(ctx context.Context, c source.Config) (d *data.Dataset, candles arango.Config, err error) {
	candles = c.Arango
	db, err := arango.Open(ctx, c.Arango, c.Watch)
	if err != nil {
		return nil, candles, err
	}
	defer db.Close()
	in, err := db.Inputs(ctx)
	if err != nil {
		return nil, candles, err
	}
	if in.Graph == nil {
		candles.Inputs, candles.Candles = "", strings.Join(in.Candles, ",")
		candles.OrderBook, candles.Funding = strings.Join(in.OrderBook, ","), strings.Join(in.Funding, ",")
		candles.Wait = 0 // it was waited for
		return nil, candles, nil
	}
	d, err = r.prepared(ctx, db, in.Graph, c)
	return d, candles, err
}

func (r *run) prepared(ctx context.Context, db *arango.DB, l *arango.Layout, c source.Config) (*data.Dataset, error) {
	selection, err := source.ParseSymbols(c.Symbols, "")
	if err != nil {
		return nil, err
	}
	if selection.Top > 0 {
		return nil, inputError(fmt.Errorf("SYMBOLS=%s asks for volumes, which a prepared graph lacks: name its nodes, or unset it", c.Symbols))
	}
	choice := arango.Choice{Symbols: selection.Names}
	if choice.Interval, err = source.ParseInterval(c.Interval); err != nil {
		return nil, err
	}
	choice.Bounds = func(newest int64) (from, to int64) {
		from, to, _ = c.Bounds(newest) // it was checked with the configuration
		return from, to
	}
	g, report, err := db.Graph(ctx, l, choice)
	if err != nil {
		return nil, err
	}
	r.loaded.Database = &report
	r.Log.Info().Str("graph", l.Name).Bool("dynamic", g.Snapshots != nil).Interface("counts", report).Msg("prepared graph read")
	r.enter(metrics.BuildingGraph, kafka.BuildingGraph)
	if g.Snapshots == nil {
		if !slices.ContainsFunc(g.File.Data.Y, func(class int64) bool { return class != pyg.Unlabelled }) {
			return nil, inputError(fmt.Errorf("no node of graph %s has a label (y, label or target) to be trained on: give the nodes one, %d (down), %d (flat) or %d (up)", l.Name, data.Down, data.Flat, data.Up))
		}
		d, err := await(ctx, func() (*data.Dataset, error) { return data.FromPyG(g.File, nil, r.Config.Data, r.Config.Train.Seed) })
		if err == nil {
			d.Features, d.LeftOut = g.Features, g.LeftOut
		}
		return d, err
	}
	s := g.Snapshots
	d, err := await(ctx, func() (*data.Dataset, error) { return data.FromSnapshots(s, r.Config.Data) })
	if err == nil && !sameTraining(r.record.Settings, r.Config.Settings()) {
		span := s.Times[len(s.Times)-1] - s.Times[0]
		r.pin(ctx, r.Config.Source.Pin(&data.Market{Symbols: s.Symbols, Interval: s.Interval, Start: s.Times[0], Bars: int(span/s.Interval.Milliseconds()) + 1}))
	}
	return d, err
}

// saveGraph writes the newest snapshot, which graph.pt holds too, to ArangoDB.
// It comes before the training, so that a database that refuses it is told of
// before hours of work.
func (r *run) saveGraph(ctx context.Context, d *data.Dataset) error {
	c := r.Config.Source.Arango
	watch, done := r.watching()
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
	r.Log.Info().Str("graph", c.Save).Int("nodes", newest.NumNodes).Int("edges", newest.NumEdges()).Msg("graph saved to ArangoDB")
	return nil
}
