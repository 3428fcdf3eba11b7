package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestTheTaskOfNodesHasTheClassesOfTheData(t *testing.T) {
	task, err := NewTask("node")
	if err != nil {
		t.Fatal(err)
	}
	task = OfClasses(task, 5)
	if want := []string{"p_0", "p_1", "p_2", "p_3", "p_4"}; task.Outputs() != 5 || !slices.Equal(task.Columns(), want) {
		t.Errorf("%d outputs and %v", task.Outputs(), task.Columns())
	}
	if got := task.Score([]float32{0.1, 0.2, 0.6, 0.1, 0}); got != float64(float32(0.6)) {
		t.Errorf("score %v", got)
	}
	if other, _ := NewTask("direction"); OfClasses(other, 5).Outputs() != 3 {
		t.Error("the direction has 5 outputs")
	}
	err = onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		logits := s.Float32s([]float32{1, 2, 3, 4, 5, 0, 0, 0, 0, 0}, 2, 5)
		loss := torch.Item(task.Loss(s, logits, Targets{Class: s.Int64s([]int64{-100, 3}, 2, 1), Labelled: 1}))
		if want := math.Log(5); math.Abs(loss-want) > 1e-6 {
			t.Errorf("the loss is %v, want %v", loss, want)
		}
		p := torch.ReadFloat32s(task.Predict(s, logits))
		if len(p) != 10 || math.Abs(float64(p[9])-0.2) > 1e-7 || !(p[4] > p[3]) {
			t.Errorf("%v", p)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
