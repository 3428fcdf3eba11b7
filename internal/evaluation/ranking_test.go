package evaluation

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate"
	"gonum.org/v1/gonum/stat"
)

func TestAUC(t *testing.T) {
	for _, c := range []struct {
		name       string
		score, ret []float64
		want       float64
	}{
		{"a perfect order", []float64{1, 2, 3, 4}, []float64{-1, -1, 1, 1}, 1},
		{"the opposite order", []float64{4, 3, 2, 1}, []float64{-1, -1, 1, 1}, 0},
		{"a constant score", []float64{5, 5, 5}, []float64{-1, 1, 1}, 0.5},
		{"one tie among two pairs", []float64{1, 2, 2}, []float64{-1, -1, 1}, 0.75},
		{"a return of zero is no rise", []float64{1, 2}, []float64{0, 1}, 1},
		{"rises only", []float64{1, 2}, []float64{1, 1}, math.NaN()},
		{"no rise", []float64{1, 2}, []float64{-1, 0}, math.NaN()},
		{"nothing", nil, nil, math.NaN()},
		{"a score that is NaN", []float64{math.NaN(), 2}, []float64{0, 1}, math.NaN()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := AUC(c.score, c.ret); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzAUC takes a byte a row: its high nibble is the score, its low bits the
// return. AUC must equal the count over all pairs and gonum's area under the
// curve, and reversing the score must mirror it.
func FuzzAUC(f *testing.F) {
	for _, seed := range [][]byte{{}, {0x10}, {0x10, 0x21}, {0x10, 0x11, 0x20, 0x21}, []byte("a market of many bars"), {0xff, 0x00, 0xf0, 0x0f}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 500 {
			t.Skip("the count over all pairs is quadratic")
		}
		score, reversed, ret := make([]float64, len(b)), make([]float64, len(b)), make([]float64, len(b))
		for i, v := range b {
			score[i] = float64(v >> 4)
			reversed[i] = -score[i]
			ret[i] = float64(v%4) - 2
		}
		got := AUC(score, ret)
		if want := pairs(score, ret); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("AUC is %v, counting pairs gives %v", got, want)
		}
		if math.IsNaN(got) {
			return
		}
		if mirrored := AUC(reversed, ret); math.Abs(mirrored-(1-got)) > 1e-15 {
			t.Fatalf("AUC %v becomes %v when the score is reversed", got, mirrored)
		}
		rise := make([]bool, len(b))
		order := make([]int, len(b))
		floats.Argsort(score, order)
		for i, o := range order {
			rise[i] = ret[o] > 0
		}
		tpr, fpr, _ := stat.ROC(nil, score, rise, nil)
		if area := integrate.Trapezoidal(fpr, tpr); math.Abs(got-area) > 1e-12 {
			t.Fatalf("AUC is %v, gonum's area under the curve %v", got, area)
		}
	})
}

func pairs(score, ret []float64) float64 {
	var won, all float64
	for i := range score {
		for j := range score {
			if !(ret[i] > 0) || ret[j] > 0 {
				continue
			}
			all++
			switch {
			case score[i] > score[j]:
				won++
			case score[i] == score[j]:
				won += 0.5
			}
		}
	}
	return won / all
}

func TestMidranksShareTheMeanRank(t *testing.T) {
	for _, c := range []struct {
		name    string
		v, want []float64
	}{
		{"nothing", nil, []float64{}},
		{"all different", []float64{30, 10, 20}, []float64{3, 1, 2}},
		{"a pair", []float64{1, 2, 2, 3}, []float64{1, 2.5, 2.5, 4}},
		{"all the same", []float64{7, 7, 7}, []float64{2, 2, 2}},
		{"two ties", []float64{5, 1, 5, 1, 1}, []float64{4.5, 2, 4.5, 2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := midranks(c.v); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestACorrelationNeedsACrossSectionThatVaries(t *testing.T) {
	tiny := []float64{0, 1e-200, 2e-200}
	for _, c := range []struct {
		name string
		x, y []float64
		want float64
		ok   bool
	}{
		{"a line", []float64{1, 2, 3}, []float64{2, 4, 6}, 1, true},
		{"two points", []float64{1, 2}, []float64{1, 2}, 0, false},
		{"a constant that float sums round", []float64{0.1, 0.1, 0.1}, []float64{1, 2, 3}, 0, false},
		{"a variance that rounds to nothing", tiny, tiny, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := correlation(c.x, c.y)
			if ok != c.ok || ok && math.Abs(got-c.want) > 1e-15 {
				t.Errorf("got %v, %v, want %v, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestTheInformationRatioIsMeanOverSampleDeviation(t *testing.T) {
	for _, c := range []struct {
		name        string
		v           []float64
		mean, ratio float64
	}{
		{"none", nil, math.NaN(), math.NaN()},
		{"one", []float64{0.25}, 0.25, math.NaN()},
		{"equal ones", []float64{0.25, 0.25}, 0.25, math.NaN()},
		{"two", []float64{0, 1}, 0.5, 0.5 / math.Sqrt(0.5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			mean, ratio := meanAndRatio(c.v)
			for _, p := range [][2]float64{{float64(mean), c.mean}, {float64(ratio), c.ratio}} {
				if !(math.Abs(p[0]-p[1]) <= 1e-15) && !(math.IsNaN(p[0]) && math.IsNaN(p[1])) {
					t.Errorf("got %v and %v, want %v and %v", mean, ratio, c.mean, c.ratio)
				}
			}
		})
	}
}
