package job

import (
	"testing"

	"github.com/streamforge/gnn-trainer/nn/train"
)

func TestTheBestEpochOfNodesIsTheOneOfTheHighestAccuracy(t *testing.T) {
	l := &labels{class: []int64{2, 0, 1}, index: []int{0, 2, 3}} // node 1 has no label
	p := train.Prediction{Horizons: 1, Columns: 3, Values: []float32{
		0.1, 0.2, 0.7, // right
		0.9, 0.1, 0, // unlabelled
		0.4, 0.4, 0.2, // right: the lower of equals
		0, 0.4, 0.6, // wrong
	}}
	if got := l.accuracy(p); got != 2.0/3 {
		t.Errorf("accuracy %v", got)
	}
}
