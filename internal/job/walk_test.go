package job

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// Later folds validate in the test windows of folds before, which must not choose.
func TestSelectionOfAWalkForwardIsByTheFirstFoldsValidation(t *testing.T) {
	one := &walk{model: &training{fitted: train.Result{BestEpoch: 2, Epochs: []checkpoint.Epoch{{ValidLoss: 3}, {ValidLoss: 1}, {ValidLoss: 2}}}}}
	if got := validLoss(one); got != 1 {
		t.Errorf("of one split it is by %v", got)
	}
	one.folds = []result.FoldMetrics{
		{Fold: 1, BestEpoch: 1, History: result.History{ValidLoss: []evaluation.Float{5, 6}}},
		{Fold: 2, BestEpoch: 1, History: result.History{ValidLoss: []evaluation.Float{4}}},
	}
	if got := validLoss(one); got != 5 {
		t.Errorf("of several folds it is by %v", got)
	}
	if got := validLoss(&walk{model: &training{}}); !math.IsNaN(got) {
		t.Errorf("without an epoch it is by %v", got)
	}
}

func TestCheckpointsOfLaterFoldsComeLast(t *testing.T) {
	for _, c := range []struct {
		name string
		want int
	}{{"model-000000012-000000000.pt", 0}, {"model-fold001-000000012-000000000.pt", 1}, {"model-fold100-000000001-000000003.pt", 100}} {
		if got := (&saved{name: c.name}).fold(); got != c.want {
			t.Errorf("%s is of fold %d, want %d", c.name, got, c.want)
		}
	}
	if a, b, c := kindOf("model", 0), kindOf("model", 9), kindOf("model", 10); a != "model" || !(b < c) {
		t.Errorf("kinds %s, %s and %s", a, b, c)
	}
}
