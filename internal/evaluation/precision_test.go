package evaluation

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestPrecisionCountedByHand(t *testing.T) {
	at := func(score, ret []float64) [3]float64 {
		var p precisions
		p.add(0, score, ret)
		return [3]float64{p.top1[0].Value, p.topThird[0].Value, p.bottomThird[0].Value}
	}
	for _, c := range []struct {
		name       string
		score, ret []float64
		want       [3]float64
	}{
		{"all right", []float64{6, 5, 4, 3, 2, 1}, []float64{.6, .5, .4, .3, .2, .1}, [3]float64{1, 1, 1}},
		{"all wrong", []float64{1, 2, 3, 4, 5, 6}, []float64{.6, .5, .4, .3, .2, .1}, [3]float64{0, 0, 0}},
		{"the best is right, the second is not", []float64{6, 5, 4, 3, 2, 1}, []float64{.9, .1, .2, .8, .7, .3}, [3]float64{1, .5, .5}},
		{"the best has the median return", []float64{3, 2, 1}, []float64{.2, .3, .1}, [3]float64{.5, .5, 1}},
		{"two share the highest score", []float64{3, 3, 2, 1}, []float64{.4, .1, .3, .2}, [3]float64{.5, .5, 1}},
		{"three share two places", []float64{3, 3, 3, 2, 1, 0}, []float64{.6, .5, .1, .2, .3, .4}, [3]float64{2. / 3, 2. / 3, .5}},
	} {
		if got := at(c.score, c.ret); math.Abs(got[0]-c.want[0])+math.Abs(got[1]-c.want[1])+math.Abs(got[2]-c.want[2]) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestPrecisionOfScoresOfNothingIsOneHalf(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, symbols := range []int{3, 6, 7} {
		var p precisions
		for day := range int64(4000) {
			score, ret := make([]float64, symbols), make([]float64, symbols)
			for i := range score {
				score[i], ret[i] = float64(r.IntN(4)), r.NormFloat64()
			}
			p.add(day*dayMillis, score, ret)
		}
		m := p.metrics()
		for name, at := range map[string]PrecisionAt{"top 1": m.Top1, "top third": m.TopThird, "bottom third": m.BottomThird} {
			if math.Abs(float64(at.Value)-0.5) > 0.02 || at.Interval.Low > at.Value || at.Interval.High < at.Value {
				t.Errorf("%s of %d: %+v", name, symbols, at)
			}
		}
	}
}
