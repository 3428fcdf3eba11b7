package job

import (
	"context"
	"fmt"
	"iter"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/libtorch"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/internal/train"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/pyg"
)

// sayings are a model's predictions of every snapshot that is in a part.
type sayings struct {
	dataset       *data.Dataset
	snapshots     []int
	probabilities []float32 // [len(snapshots), N, 3]
}

// predict runs the model over all parts, the live one included.
func predict(ctx context.Context, thread *libtorch.Thread, m *nn.GCN, g *train.Graphs, d *data.Dataset) (*sayings, error) {
	s := &sayings{dataset: d}
	for t, part := range d.Splits {
		if part != data.Gap {
			s.snapshots = append(s.snapshots, t)
		}
	}
	p, err := train.Predict(ctx, thread, m, g, s.snapshots)
	if err != nil {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	s.probabilities = p.Probabilities
	return s, nil
}

// rows are the predictions in time order, one a snapshot and node present.
func (s *sayings) rows() iter.Seq[result.Prediction] {
	return func(yield func(result.Prediction) bool) {
		const classes = len(result.Classes)
		n := s.dataset.NumNodes()
		for k, t := range s.snapshots {
			g := s.dataset.Snapshot(t)
			reported := s.dataset.Rows(t)
			for i, symbol := range s.dataset.Symbols {
				if !reported[i] {
					continue
				}
				p := s.probabilities[(k*n+i)*classes : (k*n+i+1)*classes]
				row := result.Prediction{
					Symbol: symbol, Split: string(s.dataset.Splits[t]),
					PDown: float64(p[data.Down]), PFlat: float64(p[data.Flat]), PUp: float64(p[data.Up]),
				}
				row.Score = row.PUp - row.PDown
				if g.OpenTime != nil {
					row.OpenTime = g.OpenTime[0]
				}
				if g.Y[i] != pyg.Unlabelled {
					row.Label = &g.Y[i]
					if g.Ret != nil {
						row.Return = new(float64(g.Ret[i]))
					}
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}
