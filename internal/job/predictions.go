package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// predictions are those of the snapshots that are in a split.
type predictions struct {
	dataset *data.Dataset
	columns []string // of the task, or scoreColumn alone
	score   func([]float32) float64
	of      map[int]int // number of a snapshot to its place in values
	values  []float32   // [snapshots predicted, N, H, columns]

	testSplit *evaluation.TestSplit // of the first call of test
}

// scoreColumn is the one column of a method that ranks nodes and says nothing of
// classes.
const scoreColumn = "score"

// predict runs a predictor over all splits, the live one included, the newest
// snapshots first: where ctx ends, the oldest are left out.
func predict(ctx context.Context, predictor train.Predictor, taskName string, d *data.Dataset) (*predictions, error) {
	task, err := nn.NewTask(taskName)
	if err != nil {
		return nil, err
	}
	var snapshots []int
	for t, split := range slices.Backward(d.Splits) {
		if split != data.Gap {
			snapshots = append(snapshots, t)
		}
	}
	p, err := predictor.Predict(ctx, d.Panel, snapshots)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	s := &predictions{dataset: d, columns: task.Columns(), score: task.Score, of: map[int]int{}, values: p.Values}
	if p.Columns == 1 {
		s.columns, s.score = []string{scoreColumn}, func(v []float32) float64 { return float64(v[0]) }
	}
	for k := range len(p.Values) / (d.NumNodes() * p.Horizons * p.Columns) {
		s.of[snapshots[k]] = k
	}
	return s, nil
}

// rows are the predictions in time order, one a snapshot, node to be evaluated
// and horizon.
func (p *predictions) rows() iter.Seq[evaluation.Prediction] {
	return p.between(0, p.dataset.Targets.NumHorizons())
}

// at are the rows of horizon h.
func (p *predictions) at(h int) iter.Seq[evaluation.Prediction] { return p.between(h, h+1) }

// between are the rows of the horizons from one to another, which is excluded.
func (p *predictions) between(from, to int) iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		for t := range p.dataset.Len() {
			if _, predicted := p.of[t]; !predicted {
				continue
			}
			for i, ok := range p.dataset.EvalMask(t) {
				for h := from; ok && h < to; h++ {
					if !yield(p.row(t, i, h)) {
						return
					}
				}
			}
		}
	}
}

// row is the prediction of node i at snapshot t and horizon h.
func (p *predictions) row(t, i, h int) evaluation.Prediction {
	horizons, columns := p.dataset.Targets.Horizons, p.columns
	at := ((p.of[t]*p.dataset.NumNodes()+i)*len(horizons) + h) * len(columns)
	values := p.values[at : at+len(columns)]
	row := evaluation.Prediction{
		Symbol: p.dataset.Symbols[i], Split: string(p.dataset.SplitAt(t, h)), Horizon: int64(horizons[h]), Score: p.score(values),
	}
	row.SetProbabilities(columns, values)
	if times := p.dataset.OpenTimes(); times != nil {
		row.OpenTime = times[t]
	}
	y, ret := p.dataset.Targets.At(t)
	if k := i*len(horizons) + h; y[k] != pyg.Unlabelled {
		row.Label = &y[k]
		if ret != nil {
			row.Return = new(float64(ret[k]))
			if paid := p.dataset.Targets.Funding(t); paid != nil && h == 0 {
				row.Funding = float64(paid[i])
			}
		}
	}
	return row
}

// evaluate measures the predictions of each horizon; the first one's are apart,
// and alone where there is no other.
func (p *predictions) evaluate() (first evaluation.Splits, each []result.HorizonMetrics, err error) {
	for h, horizon := range p.dataset.Targets.Horizons {
		splits, err := evaluation.EvaluateSplits(p.at(h))
		if err != nil {
			return first, nil, err
		}
		each = append(each, result.HorizonMetrics{Horizon: horizon, Splits: splits})
	}
	if first = each[0].Splits; len(each) == 1 {
		each = nil
	}
	return first, each, nil
}

// test are the test rows at the first horizon.
func (p *predictions) test() *evaluation.TestSplit {
	if p.testSplit == nil {
		p.testSplit = evaluation.NewTestSplit(p.at(0))
	}
	return p.testSplit
}

// backtest trades the test split at the first horizon; nil where there are no
// returns, or nothing that ranks nodes.
func (p *predictions) backtest() *evaluation.Backtest {
	horizon := p.dataset.Targets.Horizons[0]
	if _, ret := p.dataset.Targets.At(0); ret == nil || horizon == 0 {
		return nil
	}
	return p.test().Backtest(horizon)
}

// compare compares the predictions of the test split at the first horizon with
// another method's.
func (p *predictions) compare(other *predictions, name string) evaluation.Comparison {
	return p.test().Compare(other.test(), name, p.dataset.Targets.Reach(0))
}
