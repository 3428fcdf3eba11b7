package baseline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// penalties are tried by the rank IC on the validation split; a share of the
// mean diagonal of X'X.
var penalties = []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10}

// ridge regresses the rank of the return on the ranks of the features, all
// within their snapshot and at each horizon (Hoerl, Kennard, Ridge regression,
// 1970). A rank is what is left of a feature when the market's level is taken
// out, and no single value weighs more than another.
type ridge struct{}

// Fit implements train.Method.
func (ridge) Fit(ctx context.Context, d *data.Dataset) (train.Predictor, train.Result, error) {
	horizons, f := d.Targets.NumHorizons(), d.NumFeatures()
	weights := make([][]float64, horizons)
	for h := range horizons {
		products, moments, err := normalEquations(ctx, d, h)
		if err != nil {
			return nil, train.Result{}, err
		}
		best, valid := math.Inf(-1), rankedRows(d, h, data.Valid)
		for _, share := range penalties {
			w := solve(products, moments, share)
			if w == nil {
				continue
			}
			if ic := valid.rankIC(w); weights[h] == nil || ic > best {
				best, weights[h] = ic, w
			}
		}
		if weights[h] == nil {
			weights[h] = make([]float64, f) // no feature varies within a snapshot
		}
	}
	return scores{horizons, 1, func(p *data.Panel, t int, values []float32) {
		x := featureRanks(p, t, p.Mask(t))
		for i := range p.NumNodes() {
			for h, w := range weights {
				values[i*horizons+h] = float32(dot(x[i*f:(i+1)*f], w))
			}
		}
	}}, train.Result{}, nil
}

// normalEquations are X'X [F, F] and X'y [F] of the training split at horizon h.
func normalEquations(ctx context.Context, d *data.Dataset, h int) (*mat.SymDense, *mat.VecDense, error) {
	f := d.NumFeatures()
	products, moments := mat.NewSymDense(f, nil), mat.NewVecDense(f, nil)
	for _, t := range d.Snapshots(data.Train) {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("fitting the ridge regression: %w", context.Cause(ctx))
		}
		labelled := labelledAt(d, t, h)
		x, y := featureRanks(d.Panel, t, labelled), returnRanks(d, t, h, labelled)
		for i, ok := range labelled {
			if !ok {
				continue
			}
			row := mat.NewVecDense(f, x[i*f:(i+1)*f])
			products.SymRankOne(products, 1, row)
			moments.AddScaledVec(moments, y[i], row)
		}
	}
	return products, moments, nil
}

// solve is the solution with a penalty, nil where there is none.
func solve(products *mat.SymDense, moments *mat.VecDense, share float64) []float64 {
	f := moments.Len()
	penalty := share * mat.Trace(products) / float64(f)
	if penalty <= 0 {
		return nil
	}
	penalised := mat.NewSymDense(f, nil)
	penalised.CopySym(products)
	for j := range f {
		penalised.SetSym(j, j, penalised.At(j, j)+penalty)
	}
	var cholesky mat.Cholesky
	w := mat.NewVecDense(f, nil)
	if !cholesky.Factorize(penalised) || cholesky.SolveVecTo(w, moments) != nil {
		return nil
	}
	return w.RawVector().Data
}

// ranked are the labelled rows of a split, as ranks within their snapshot.
type ranked struct {
	features int
	x        []float32 // [R, F]
	y        []float32 // [R]
	ends     []int     // of each snapshot's rows
}

func rankedRows(d *data.Dataset, h int, split data.Split) ranked {
	f, snapshots := d.NumFeatures(), d.Snapshots(split)
	// At most so many: grown by and by, they would be copied again and again.
	most := len(snapshots) * d.NumNodes()
	r := ranked{features: f, x: make([]float32, 0, most*f), y: make([]float32, 0, most)}
	for _, t := range snapshots {
		labelled := labelledAt(d, t, h)
		x, y := featureRanks(d.Panel, t, labelled), returnRanks(d, t, h, labelled)
		for i, ok := range labelled {
			if !ok {
				continue
			}
			for _, v := range x[i*f : (i+1)*f] {
				r.x = append(r.x, float32(v))
			}
			r.y = append(r.y, float32(y[i]))
		}
		r.ends = append(r.ends, len(r.y))
	}
	return r
}

// rankIC is the mean over snapshots of weights' rank IC; minus infinity where
// none has one.
func (r ranked) rankIC(w []float64) float64 {
	sum, count, from := 0.0, 0, 0
	for _, to := range r.ends {
		var score, ret []float64
		for i := from; i < to; i++ {
			s := 0.0
			for j, v := range r.x[i*r.features : (i+1)*r.features] {
				s += float64(v) * w[j]
			}
			score, ret = append(score, s), append(ret, float64(r.y[i]))
		}
		from = to
		if ic, ok := evaluation.RankCorrelation(score, ret); ok {
			sum += ic
			count++
		}
	}
	if count == 0 {
		return math.Inf(-1)
	}
	return sum / float64(count)
}

// labelledAt are the nodes [N] with a return at horizon h.
func labelledAt(d *data.Dataset, t, h int) []bool {
	class, _ := d.Targets.At(t)
	labelled := slices.Clone(d.EvalMask(t))
	for i := range labelled {
		labelled[i] = labelled[i] && class[i*d.Targets.NumHorizons()+h] != pyg.Unlabelled
	}
	return labelled
}

// featureRanks are the features' ranks [N, F] among the nodes of the mask, from
// -1/2 to 1/2, equal values at the mean of their ranks; 0 elsewhere.
func featureRanks(p *data.Panel, t int, mask []bool) []float64 {
	f := p.NumFeatures()
	ranks, x := make([]float64, len(mask)*f), p.X(t)
	for j := range f {
		rank(mask, func(i int) float64 { return float64(x[i*f+j]) }, func(i int, v float64) { ranks[i*f+j] = v })
	}
	return ranks
}

// returnRanks are the returns' ranks [N] at horizon h.
func returnRanks(d *data.Dataset, t, h int, mask []bool) []float64 {
	ranks := make([]float64, len(mask))
	_, ret := d.Targets.At(t)
	rank(mask, func(i int) float64 { return float64(ret[i*d.Targets.NumHorizons()+h]) }, func(i int, v float64) { ranks[i] = v })
	return ranks
}

func rank(mask []bool, value func(i int) float64, set func(i int, rank float64)) {
	var order []int
	for i, ok := range mask {
		if ok {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(value(a), value(b)) })
	last := float64(max(len(order)-1, 1))
	for from, to := 0, 0; from < len(order); from = to {
		to = from + 1
		for to < len(order) && value(order[to]) == value(order[from]) {
			to++
		}
		for _, i := range order[from:to] {
			if len(order) > 1 {
				set(i, float64(from+to-1)/2/last-0.5)
			}
		}
	}
}

func dot(x, w []float64) float64 {
	sum := 0.0
	for j, v := range x {
		sum += v * w[j]
	}
	return sum
}
