package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestTheLossOfSeveralHorizonsIsTheMeanOverAllLabels(t *testing.T) {
	err := onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		task, err := NewTask("direction")
		if err != nil {
			return err
		}
		// Node 0 is labelled at both horizons, node 1 at the second alone.
		outputs := s.Float32s([]float32{0, 0, 0, 1, 0, 0, 5, 5, 5, 0, 2, 0}, 2, 6)
		targets := Targets{Class: s.Int64s([]int64{1, 0, -100, 2}, 2, 2), Labelled: 3}
		even, one, two := math.Log(3), math.Log(math.E+2)-1, math.Log(2+math.Exp(2))
		if got, want := torch.Item(task.Loss(s, outputs, targets)), (even+one+two)/3; math.Abs(got-want) > 1e-6 {
			t.Errorf("the loss is %v, want %v", got, want)
		}
		first := task.Loss(s, s.Narrow(outputs, 1, 0, task.Outputs()), targets.First(s, 1))
		if got := torch.Item(first); math.Abs(got-even) > 1e-6 {
			t.Errorf("the loss of the first horizon is %v, want %v", got, even)
		}
		p := task.Predict(s, outputs)
		if want := []int64{4, int64(len(task.Columns()))}; !slices.Equal(p.Shape(), want) {
			t.Errorf("predictions are %v, want %v", p.Shape(), want)
		}
		if got := task.Score([]float32{0.25, 0, 0.75}); got != 0.5 {
			t.Errorf("the score is %v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
