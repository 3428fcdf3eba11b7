package job

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/train"
)

const (
	// importanceRows bounds the rows that are predicted again for each feature: less
	// than an epoch or two in all.
	importanceRows = 20_000
	// importanceFeatures bounds how often they are predicted again.
	importanceFeatures = 256
	// importanceNodes bounds a graph without time, which is predicted whole.
	importanceNodes = 10_000
)

// importance is how much worse the predictions of the valid split become where one
// feature is permuted (Breiman, Random forests, 2001). Of the valid split: who
// drops features by it has not used the test split up. It is nil where there is
// too much to predict. A stop is an error.
//
// window is how many bars the predictor looks back on; 0: the newest alone.
func importance(ctx context.Context, predictor train.Predictor, predicted *predictions, window int, seed uint64) (*result.Importance, error) {
	last := predicted.last() // the fold whose model it is
	d := last.dataset
	snapshots := evenly(d.Snapshots(data.Valid), max(1, importanceRows/d.NumNodes()))
	if window > 0 {
		snapshots = evenRuns(d.Snapshots(data.Valid), max(1, importanceRows/d.NumNodes()))
	}
	if d.Targets.NumClasses() != len(evaluation.Classes) || d.NumFeatures() > importanceFeatures {
		return nil, nil // words of a text and the like: one by one they say nothing
	}
	if len(snapshots) == 0 || d.Timeless() && d.NumNodes() > importanceNodes {
		return nil, nil
	}
	m := &result.Importance{Split: string(data.Valid), Snapshots: len(snapshots)}
	base := last.some(snapshots)
	seen, places := withPast(d.Panel, snapshots, window)
	for f, name := range d.Features {
		panel, across := d.Permuted(f, seen, rand.New(rand.NewPCG(seed, uint64(f))))
		p, err := predictor.Predict(ctx, panel, places)
		if err != nil {
			return nil, err
		}
		permuted := *last
		permuted.values, permuted.of = p.Values, map[int]int{}
		for k, t := range snapshots {
			permuted.of[t] = k
		}
		m.Features = append(m.Features, result.FeatureImportance{Feature: name, Across: across, Drop: evaluation.DropOf(base, permuted.some(snapshots))})
	}
	return m, nil
}

// some are the rows of some snapshots at the first horizon.
func (f *foldPredictions) some(snapshots []int) []evaluation.Prediction {
	var rows []evaluation.Prediction
	for _, t := range snapshots {
		for i, ok := range f.dataset.EvalMask(t) {
			if ok {
				rows = append(rows, f.row(t, i, 0))
			}
		}
	}
	return rows
}

// evenly is at most so many of a list, evenly spread, the last among them.
func evenly[E any](list []E, most int) []E {
	if len(list) <= most {
		return list
	}
	var some []E
	for k := range most {
		some = append(some, list[(k+1)*len(list)/most-1])
	}
	return some
}

// evenRuns is at most so many of a list, as evenly spread runs of neighbours, which
// share most of what they look back on.
func evenRuns(list []int, most int) []int {
	runs := slices.Collect(slices.Chunk(list, catalog.RunLength))
	return slices.Concat(evenly(runs, max(1, most/catalog.RunLength))...)
}

// withPast are snapshots and those of the window bars up to each, rising, and where
// among them the snapshots are.
func withPast(p *data.Panel, snapshots []int, window int) (seen, places []int) {
	for _, t := range snapshots {
		seen = append(seen, t)
		for back := 1; back < window; back++ {
			if u, ok := p.SnapshotAt(p.Bar(t) - back); ok {
				seen = append(seen, u)
			}
		}
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	for _, t := range snapshots {
		at, _ := slices.BinarySearch(seen, t)
		places = append(places, at)
	}
	return seen, places
}
