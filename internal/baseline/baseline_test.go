package baseline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// reverting is a market of n symbols whose returns follow the last bar's with the
// given factor.
func reverting(seed uint64, n, bars int, factor float64) *data.Market {
	r := rand.New(rand.NewPCG(seed, 1))
	series := func() [][]float64 { return data.NewSeries(n, bars) }
	m := &data.Market{
		Interval: time.Hour, Start: 1_704_067_200_000, Bars: bars,
		Open: series(), High: series(), Low: series(), Close: series(), Volume: series(), Optional: map[data.Column][][]float64{},
	}
	for i := range n {
		m.Symbols = append(m.Symbols, fmt.Sprintf("S%d", i))
		price, ret := 100.0, 0.0
		for t := range bars {
			open := price
			ret = factor*ret + 1e-3*r.NormFloat64()
			price *= math.Exp(ret)
			m.Open[i][t], m.Close[i][t], m.Volume[i][t] = open, price, 1+r.ExpFloat64()
			m.High[i][t], m.Low[i][t] = max(open, price)*1.0001, min(open, price)*0.9999
		}
	}
	return m
}

func dataset(t *testing.T, m *data.Market) *data.Dataset {
	t.Helper()
	d, err := data.Build(m, data.Config{
		Recipe:       data.Recipe{MaxGap: 7, GraphWindow: 30, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1, 3}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
		Signals:      data.SignalNames(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rankIC is the mean rank IC on the test split at the first horizon.
func rankIC(t *testing.T, d *data.Dataset, name string) float64 {
	t.Helper()
	sum, count := 0.0, 0
	p := predict(t, d, name, d.Snapshots(data.Test))
	width := d.NumNodes() * p.Horizons * p.Columns
	for k, snapshot := range d.Snapshots(data.Test) {
		class, ret := d.Targets.At(snapshot)
		var score, returns []float64
		for i := range d.NumNodes() {
			if class[i*p.Horizons] >= 0 {
				score = append(score, float64(p.Values[k*width+i*p.Horizons]))
				returns = append(returns, float64(ret[i*p.Horizons]))
			}
		}
		if ic, ok := evaluation.RankCorrelation(score, returns); ok {
			sum += ic
			count++
		}
	}
	return sum / float64(count)
}

func predict(t *testing.T, d *data.Dataset, name string, snapshots []int) train.Prediction {
	t.Helper()
	method, meaning, err := New(name, library(t))
	if err != nil || meaning == "" || !Suits(name, d) {
		t.Fatalf("%s: %v, %q", name, err, meaning)
	}
	predictor, _, err := method.Fit(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer predictor.Close()
	p, err := predictor.Predict(t.Context(), d.Panel, snapshots)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Values) != len(snapshots)*d.NumNodes()*p.Horizons*p.Columns {
		t.Fatalf("%s gives %d values", name, len(p.Values))
	}
	return p
}

func TestReversalAndRidgeFindWhatReverts(t *testing.T) {
	d := dataset(t, reverting(1, 12, 1500, -0.3))
	for name, least := range map[string]float64{"reversal_1": 0.2, "deviation_3": 0.15, "range_position": 0.15, Ridge: 0.2, LightGBM: 0.18} {
		if ic := rankIC(t, d, name); ic < least {
			t.Errorf("%s has rank IC %.3f, want %v", name, ic, least)
		}
	}
	random := dataset(t, reverting(2, 12, 1500, 0))
	for _, name := range append(data.SignalNames(), Ridge, LightGBM) {
		if ic := rankIC(t, random, name); math.Abs(ic) > 0.06 { // its deviation is 0.3/sqrt(290)
			t.Errorf("%s has rank IC %.3f where there is nothing", name, ic)
		}
	}
}

func TestRidgeTurnsWithTheMarket(t *testing.T) {
	d := dataset(t, reverting(3, 12, 1500, 0.3)) // returns go on
	if ic := rankIC(t, d, Ridge); ic < 0.2 {
		t.Errorf("ridge has rank IC %.3f", ic)
	}
	if ic := rankIC(t, d, "reversal_1"); ic > -0.2 {
		t.Errorf("reversal has rank IC %.3f", ic)
	}
}

func TestThePriorIsTheSharesOfTheTrainingSplit(t *testing.T) {
	d := dataset(t, reverting(4, 5, 600, 0))
	p := predict(t, d, Prior, []int{0, d.Len() - 1})
	var counts [2][3]float64
	for _, snapshot := range d.Snapshots(data.Train) {
		class, _ := d.Targets.At(snapshot)
		for at, c := range class {
			if c >= 0 {
				counts[at%2][c]++
			}
		}
	}
	for k, v := range p.Values {
		of := counts[k/3%2]
		if want := of[k%3] / (of[0] + of[1] + of[2]); math.Abs(float64(v)-want) > 1e-6 {
			t.Fatalf("value %d is %v, want %v", k, v, want)
		}
	}
}

func TestNoBaselineLooksAtTheTestSplit(t *testing.T) {
	m, other := reverting(5, 8, 900, -0.2), reverting(5, 8, 900, -0.2)
	d := dataset(t, m)
	from := 30 + d.Snapshots(data.Test)[0] + 1 // the bar after the first test snapshot
	for i := range other.Symbols {
		for _, s := range [][][]float64{other.Open, other.High, other.Low, other.Close} {
			for bar := from; bar < other.Bars; bar++ {
				s[i][bar] *= math.Exp(0.05 * math.Sin(float64(bar*(i+1))))
			}
		}
		for bar := from; bar < other.Bars; bar++ {
			low, high := min(other.Open[i][bar], other.Close[i][bar]), max(other.Open[i][bar], other.Close[i][bar])
			other.Low[i][bar], other.High[i][bar] = min(low, other.Low[i][bar]), max(high, other.High[i][bar])
		}
	}
	changed := dataset(t, other)
	before := append(d.Snapshots(data.Train), d.Snapshots(data.Valid)...)
	for _, name := range Names() {
		if !slices.Equal(predict(t, d, name, before).Values, predict(t, changed, name, before).Values) {
			t.Errorf("%s changes with what comes after the validation split", name)
		}
	}
}

func TestAPredictionEndsWithItsContext(t *testing.T) {
	d := dataset(t, reverting(6, 5, 600, 0))
	method, _, err := New(Ridge, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	predictor, _, err := method.Fit(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := predictor.Predict(ctx, d.Panel, []int{0}); err == nil {
		t.Error("it went on")
	}
	if _, _, err := method.Fit(ctx, d); err == nil {
		t.Error("it learned")
	}
	if _, _, err := New("best", nil); err == nil {
		t.Error("there is a baseline of any name")
	}
}

func TestRidgeTakesThePenaltyOfTheValidSplit(t *testing.T) {
	d := dataset(t, reverting(7, 6, 300, -0.1)) // few rows, so that penalties differ
	products, moments, err := normalEquations(t.Context(), d, 0)
	if err != nil {
		t.Fatal(err)
	}
	valid, best, worst := rankedRows(d, 0, data.Valid), math.Inf(-1), math.Inf(1)
	for _, share := range penalties {
		ic := valid.rankIC(solve(products, moments, share))
		best, worst = max(best, ic), min(worst, ic)
	}
	if best == worst {
		t.Fatal("all penalties are alike, which shows nothing")
	}
	sum, count := 0.0, 0
	snapshots := d.Snapshots(data.Valid)
	p := predict(t, d, Ridge, snapshots)
	for k, snapshot := range snapshots {
		var score, ret []float64
		y := returnRanks(d, snapshot, 0, labelledAt(d, snapshot, 0))
		for i, ok := range labelledAt(d, snapshot, 0) {
			if ok {
				score, ret = append(score, float64(p.Values[(k*d.NumNodes()+i)*p.Horizons])), append(ret, y[i])
			}
		}
		if ic, ok := evaluation.RankCorrelation(score, ret); ok {
			sum += ic
			count++
		}
	}
	if got := sum / float64(count); math.Abs(got-best) > 1e-6 {
		t.Errorf("its rank IC on the valid split is %.6f, the best penalty's %.6f and the worst's %.6f", got, best, worst)
	}
}
