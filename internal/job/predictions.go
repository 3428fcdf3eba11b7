package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// predictions are those of the snapshots that are in a split.
type predictions struct {
	dataset       *data.Dataset
	of            map[int]int // number of a snapshot to its place in probabilities
	probabilities []float32   // [snapshots predicted, N, 3]
}

// predict runs the model over all splits, the live one included, the newest
// snapshots first: where ctx ends, the oldest are left out.
func predict(ctx context.Context, thread *torch.Thread, m *nn.GCN, g *train.Graphs, d *data.Dataset) (*predictions, error) {
	var snapshots []int
	for t, split := range slices.Backward(d.Splits) {
		if split != data.Gap {
			snapshots = append(snapshots, t)
		}
	}
	p, err := train.Predict(ctx, thread, m, g, snapshots)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	s := &predictions{dataset: d, of: map[int]int{}, probabilities: p.Probabilities}
	for k := range len(p.Probabilities) / (d.NumNodes() * p.Classes) {
		s.of[snapshots[k]] = k
	}
	return s, nil
}

// rows are the predictions in time order, one a snapshot and node present.
func (p *predictions) rows() iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		const classes = len(evaluation.Classes)
		n := p.dataset.NumNodes()
		times := p.dataset.OpenTimes()
		for t := range p.dataset.Len() {
			k, predicted := p.of[t]
			if !predicted {
				continue
			}
			y, ret := p.dataset.Outcomes(t)
			reported := p.dataset.Rows(t)
			for i, symbol := range p.dataset.Symbols {
				if !reported[i] {
					continue
				}
				probability := p.probabilities[(k*n+i)*classes : (k*n+i+1)*classes]
				row := evaluation.Prediction{
					Symbol: symbol, Split: string(p.dataset.Splits[t]),
					PDown: float64(probability[data.Down]), PFlat: float64(probability[data.Flat]), PUp: float64(probability[data.Up]),
				}
				row.Score = row.PUp - row.PDown
				if times != nil {
					row.OpenTime = times[t]
				}
				if y[i] != pyg.Unlabelled {
					row.Label = &y[i]
					if ret != nil {
						row.Return = new(float64(ret[i]))
					}
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}
