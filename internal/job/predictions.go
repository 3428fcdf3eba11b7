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
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// predictions are those of a method: of each fold, in time order, by what it
// learned in that fold. Train, valid and live rows are the last fold's, test rows
// those of all.
type predictions struct {
	folds []*foldPredictions

	testSplit    *evaluation.TestSplit     // of the first call of test
	correlations []evaluation.Correlations // [H], of the first call of differences
}

// foldPredictions are those of one fold, or of the only one.
type foldPredictions struct {
	dataset *data.Dataset // of the fold
	columns []string      // of the task, or scoreColumn alone
	score   func([]float32) float64
	of      map[int]int // number of a snapshot to its place in values
	values  []float32   // [snapshots predicted, N, H, columns]
}

// scoreColumn is the one column of a method that ranks nodes and says nothing of
// classes.
const scoreColumn = "score"

// allSplits are those that have predictions.
var allSplits = []data.Split{data.Train, data.Valid, data.Test, data.Live}

// testedSplits are those that a fold needs that is not the last: what its test rows
// are, and what is decided by validation.
var testedSplits = []data.Split{data.Valid, data.Test}

// predict runs a predictor over splits of a fold, the newest snapshots first:
// where ctx ends, the oldest are left out.
func predict(ctx context.Context, predictor train.Predictor, taskName string, d *data.Dataset, splits []data.Split) (*foldPredictions, error) {
	task, err := taskOf(taskName, d)
	if err != nil {
		return nil, err
	}
	var snapshots []int
	for t, split := range slices.Backward(d.Splits) {
		if slices.Contains(splits, split) {
			snapshots = append(snapshots, t)
		}
	}
	p, err := predictor.Predict(ctx, d.Panel, snapshots)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	s := &foldPredictions{dataset: d, columns: task.Columns(), score: task.Score, of: map[int]int{}, values: p.Values}
	if p.Columns == 1 {
		s.columns, s.score = []string{scoreColumn}, func(v []float32) float64 { return float64(v[0]) }
	}
	for k := range len(p.Values) / (d.NumNodes() * p.Horizons * p.Columns) {
		s.of[snapshots[k]] = k
	}
	return s, nil
}

// keep drops the predictions of all splits but some.
func (f *foldPredictions) keep(splits []data.Split) {
	width := f.dataset.NumNodes() * f.dataset.Targets.NumHorizons() * len(f.columns)
	of, values := map[int]int{}, []float32{}
	for t, split := range f.dataset.Splits {
		if at, predicted := f.of[t]; predicted && slices.Contains(splits, split) {
			of[t] = len(of)
			values = append(values, f.values[at*width:(at+1)*width]...)
		}
	}
	f.of, f.values = of, slices.Clip(values)
}

// add adds the predictions of the next fold.
func (p *predictions) add(f *foldPredictions) {
	if len(p.folds) > 0 {
		p.last().keep(testedSplits)
	}
	p.folds = append(p.folds, f)
}

// last are those of the last fold.
func (p *predictions) last() *foldPredictions { return p.folds[len(p.folds)-1] }

// rows are the predictions in time order, one a snapshot, node to be evaluated
// and horizon; where folds overlap, those of the earlier one first.
func (p *predictions) rows() iter.Seq[evaluation.Prediction] {
	return p.between(0, p.last().dataset.Targets.NumHorizons())
}

// at are the rows of horizon h.
func (p *predictions) at(h int) iter.Seq[evaluation.Prediction] { return p.between(h, h+1) }

// between are the rows of the horizons from one to another, which is excluded.
func (p *predictions) between(from, to int) iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		for t := range p.last().dataset.Len() {
			for _, f := range p.folds {
				if f != p.last() && f.dataset.Splits[t] != data.Test {
					continue
				}
				if !f.snapshot(t, from, to, yield) {
					return
				}
			}
		}
	}
}

// snapshot yields the rows of snapshot t, where it is predicted; false: no more are
// wanted.
func (f *foldPredictions) snapshot(t, from, to int, yield func(evaluation.Prediction) bool) bool {
	if _, predicted := f.of[t]; !predicted {
		return true
	}
	for i, ok := range f.dataset.EvalMask(t) {
		for h := from; ok && h < to; h++ {
			if f.dataset.SplitAt(t, h) != data.Gap && !yield(f.row(t, i, h)) {
				return false
			}
		}
	}
	return true
}

// at are all rows of the fold at horizon h.
func (f *foldPredictions) at(h int) iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		for t := range f.dataset.Len() {
			if !f.snapshot(t, h, h+1, yield) {
				return
			}
		}
	}
}

// row is the prediction of node i at snapshot t and horizon h.
func (f *foldPredictions) row(t, i, h int) evaluation.Prediction {
	d := f.dataset
	horizons, columns := d.Targets.Horizons, f.columns
	at := ((f.of[t]*d.NumNodes()+i)*len(horizons) + h) * len(columns)
	values := f.values[at : at+len(columns)]
	row := evaluation.Prediction{
		Symbol: d.Symbols[i], Split: string(d.SplitAt(t, h)), Horizon: int64(horizons[h]), Fold: int64(d.Number), Score: f.score(values),
	}
	row.SetProbabilities(columns, values)
	if times := d.OpenTimes(); times != nil {
		row.OpenTime = times[t]
	}
	y, ret := d.Targets.At(t)
	if k := i*len(horizons) + h; y[k] != pyg.Unlabelled {
		row.Label = &y[k]
		if ret != nil {
			row.Return = new(float64(ret[k]))
			if paid := d.Targets.Funding(t); paid != nil && h == 0 {
				row.Funding = float64(paid[i])
			}
		}
	}
	return row
}

// commonest is the class commonest in the fold's training split at horizon h, of
// one symbol or, with "", of all; the lower of equals.
func (f *foldPredictions) commonest(h int, symbol string) int64 {
	var counts [len(evaluation.Classes)]int
	total, d := 0, f.dataset
	for _, t := range d.Snapshots(data.Train) {
		y, _ := d.Targets.At(t)
		for i, ok := range d.EvalMask(t) {
			if class := y[i*d.Targets.NumHorizons()+h]; ok && class != pyg.Unlabelled && (symbol == "" || d.Symbols[i] == symbol) {
				counts[class]++
				total++
			}
		}
	}
	if total == 0 {
		return pyg.Unlabelled
	}
	return int64(slices.Index(counts[:], slices.Max(counts[:])))
}

// splits measures rows of horizon h, those of one symbol or, with "", of all.
func (p *predictions) splits(h int, symbol string) (evaluation.Splits, error) {
	rows := p.at(h)
	if symbol != "" {
		rows = evaluation.OfSymbol(rows, symbol)
	}
	if p.last().dataset.Number == 0 {
		return evaluation.EvaluateSplits(rows)
	}
	commonest := make([]int64, p.last().dataset.Number)
	for k := range commonest {
		commonest[k] = pyg.Unlabelled
	}
	for _, f := range p.folds {
		commonest[f.dataset.Number-1] = f.commonest(h, symbol)
	}
	return evaluation.EvaluateFolds(rows, commonest)
}

// evaluate measures the predictions of each horizon; the first one's are apart,
// and alone where there is no other.
func (p *predictions) evaluate() (first evaluation.Splits, each []result.HorizonMetrics, err error) {
	for h, horizon := range p.last().dataset.Targets.Horizons {
		splits, err := p.splits(h, "")
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

// alone are the predictions of the fold as if there were no other.
func (f *foldPredictions) alone() *predictions { return &predictions{folds: []*foldPredictions{f}} }

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
	targets := p.last().dataset.Targets
	if _, ret := targets.At(0); ret == nil || targets.Horizons[0] == 0 {
		return nil
	}
	return p.test().Backtest(targets.Horizons[0])
}

// calibration is that of the test rows at the first horizon, by each fold's own
// validation.
func (p *predictions) calibration() *evaluation.Calibration {
	rows := func(yield func(evaluation.Prediction) bool) {
		for _, f := range p.folds {
			for row := range f.at(0) {
				if !yield(row) {
					return
				}
			}
		}
	}
	return evaluation.NewCalibration(rows, p.last().dataset.Targets.Reach(0))
}

// compare compares the predictions of the test split at the first horizon with
// another method's.
func (p *predictions) compare(other *predictions, name string) evaluation.Comparison {
	return p.test().Compare(other.test(), name, p.last().dataset.Targets.Reach(0))
}

// ofHorizons are the correlations of the test rows at each horizon.
func (p *predictions) ofHorizons() []evaluation.Correlations {
	for h := len(p.correlations); h < p.last().dataset.Targets.NumHorizons(); h++ {
		p.correlations = append(p.correlations, evaluation.NewCorrelations(p.at(h)))
	}
	return p.correlations
}

// differences compares the predictions of the test split at each horizon with
// another method's; nil where there are no returns.
func (p *predictions) differences(other *predictions, name string) []evaluation.Difference {
	targets := p.last().dataset.Targets
	if _, ret := targets.At(0); ret == nil {
		return nil
	}
	var all []evaluation.Difference
	ours, theirs := p.ofHorizons(), other.ofHorizons()
	for h, horizon := range targets.Horizons {
		all = append(all, ours[h].Differences(theirs[h], name, horizon)...)
	}
	return all
}
