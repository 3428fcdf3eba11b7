package baseline

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/train"
)

const (
	// trees are how many are grown, one after another, each on what those before
	// it have left.
	trees = 200

	// treeParameters are those of growing, and predictParameters those of
	// predicting. One thread: baselines are fitted side by side already, and
	// threads that wait for each other beside a busy process take ten times as
	// long. Nothing is drawn at random but the rows that the bins of values are
	// made of.
	treeParameters = "objective=regression num_leaves=31 learning_rate=0.03 deterministic=true force_row_wise=true seed=1 " + predictParameters
	// The parameters that are not named have LightGBM's defaults.
	predictParameters = "num_threads=1 verbosity=-1"

	// predictedRows is how many rows are predicted at once.
	predictedRows = 1 << 16
)

// lightGBM boosts trees on the ranks that ridge takes, at each horizon
// (Friedman, Greedy function approximation: a gradient boosting machine, 2001;
// Ke and others, LightGBM, 2017). It finds what is not linear in them.
type lightGBM struct{ library *Library }

// Fit implements train.Method.
func (m lightGBM) Fit(ctx context.Context, d *data.Dataset) (train.Predictor, train.Result, error) {
	f := &boosted{features: d.NumFeatures()}
	for h := range d.Targets.NumHorizons() {
		b, err := m.boost(ctx, rankedRows(d, h, data.Train))
		if err != nil {
			f.Close()
			return nil, train.Result{}, err
		}
		f.boosters = append(f.boosters, b)
	}
	return f, train.Result{}, nil
}

// boost grows the trees; nil where there are no rows.
func (m lightGBM) boost(ctx context.Context, rows ranked) (*booster, error) {
	if len(rows.x) == 0 {
		return nil, nil
	}
	// LightGBM keeps its verbosity by thread: growing on another than the one whose
	// verbosity was set, it would write among the events on stdout.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, err := m.library.newBooster(rows.x, rows.y, treeParameters)
	if err != nil {
		return nil, err
	}
	for finished, tree := false, 0; tree < trees && !finished && err == nil; tree++ {
		if ctx.Err() != nil {
			err = fmt.Errorf("growing trees: %w", context.Cause(ctx))
			break
		}
		finished, err = b.grow()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// boosted predicts with trees.
type boosted struct {
	features int
	boosters []*booster // [H]; nil: there was nothing to learn from
}

// Predict implements train.Predictor.
func (f *boosted) Predict(ctx context.Context, p *data.Panel, snapshots []int) (train.Prediction, error) {
	n, horizons := p.NumNodes(), len(f.boosters)
	out := train.Prediction{Horizons: horizons, Columns: 1, Values: make([]float32, 0, len(snapshots)*n*horizons)}
	for chunk := range slices.Chunk(snapshots, max(1, predictedRows/n)) {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("predicting by trees: %w", err)
		}
		values, err := f.predict(p, chunk)
		if err != nil {
			return out, err
		}
		out.Values = append(out.Values, values...)
	}
	return out, nil
}

// predict gives the scores [snapshots, N, H], 0 at masked nodes.
func (f *boosted) predict(p *data.Panel, snapshots []int) ([]float32, error) {
	n, horizons := p.NumNodes(), len(f.boosters)
	var x []float32
	var at []int // of each row of x, among all nodes
	for k, t := range snapshots {
		mask := p.Mask(t)
		ranks := featureRanks(p, t, mask)
		for i, ok := range mask {
			if !ok {
				continue
			}
			for _, v := range ranks[i*f.features : (i+1)*f.features] {
				x = append(x, float32(v))
			}
			at = append(at, k*n+i)
		}
	}
	values, scores := make([]float32, len(snapshots)*n*horizons), make([]float64, len(at))
	for h, b := range f.boosters {
		if b == nil {
			continue
		}
		if err := b.predict(x, scores, predictParameters); err != nil {
			return nil, err
		}
		for row, node := range at {
			values[node*horizons+h] = float32(scores[row])
		}
	}
	return values, nil
}

// Close implements train.Predictor.
func (f *boosted) Close() {
	for _, b := range f.boosters {
		if b != nil {
			b.close()
		}
	}
	f.boosters = nil
}
