package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Losses by their definitions, over labelled values alone: Huber's of delta 1, the
// mean square, and minus the mean correlation over the snapshots and horizons.
func TestLossesOfARegressionAreTheirDefinitions(t *testing.T) {
	const snapshots, nodes, horizons = 3, 5, 2
	const n = snapshots * nodes * horizons
	random := rand.New(rand.NewPCG(1, 2))
	outputs, values, classes := make([]float32, n), make([]float32, n), make([]int64, n)
	for i := range n {
		outputs[i], values[i] = float32(2*random.NormFloat64()), float32(2*random.NormFloat64())
		if i%4 == 1 {
			classes[i], values[i] = -100, 1000 // counts nowhere
		}
	}
	huber, square, labelled := 0.0, 0.0, 0.0
	for i := range n {
		if classes[i] == -100 {
			continue
		}
		d := math.Abs(float64(outputs[i] - values[i]))
		labelled++
		square += d * d
		if d < 1 {
			huber += d * d / 2
		} else {
			huber += d - 0.5
		}
	}
	correlation := 0.0
	for s := range snapshots {
		for h := range horizons {
			var x, y []float64
			for i := range nodes {
				if at := (s*nodes+i)*horizons + h; classes[at] != -100 {
					x, y = append(x, float64(outputs[at])), append(y, float64(values[at]))
				}
			}
			correlation += pearson(x, y) / (snapshots * horizons)
		}
	}
	want := map[string]float64{"": huber / labelled, "huber": huber / labelled, "mse": square / labelled, "ic": -correlation}
	err := onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		plain, err := NewTask("rank")
		if err != nil {
			return err
		}
		targets := Targets{Class: s.Int64s(classes, snapshots*nodes, horizons), Value: s.Float32s(values, snapshots*nodes, horizons), Labelled: int(labelled), Snapshots: snapshots}
		for name, want := range want {
			task, err := WithLoss(plain, "rank", name)
			if err != nil {
				return err
			}
			if got := torch.Item(task.Loss(s, s.Float32s(outputs, snapshots*nodes, horizons), targets)); math.Abs(got-want) > 1e-5 {
				t.Errorf("LOSS=%s is %v, want %v", name, got, want)
			}
		}
		if _, err := WithLoss(plain, "return", "ic"); err == nil {
			t.Error("TASK=return takes LOSS=ic")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pearson(x, y []float64) float64 {
	mx, my := 0.0, 0.0
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
	}
	xy, xx, yy := 0.0, 0.0, 0.0
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	return xy / math.Sqrt(xx*yy)
}
