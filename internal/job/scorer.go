package job

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// scorer scores predictions of one split by AUC of the score against the
// return's sign, at the first horizon.
type scorer struct {
	task  nn.Task
	ret   []float64
	index []int // of ret, among the split's [snapshots, N, H]
}

func newScorer(d *data.Dataset, split data.Split, task nn.Task) *scorer {
	s := &scorer{task: task}
	for k, t := range d.Snapshots(split) {
		y, ret := d.Targets.At(t)
		for at := 0; at < len(y); at += d.Targets.NumHorizons() {
			if y[at] != pyg.Unlabelled && ret != nil {
				s.ret = append(s.ret, float64(ret[at]))
				s.index = append(s.index, k*len(y)+at)
			}
		}
	}
	return s
}

func (s *scorer) auc(p train.Prediction) float64 {
	score := make([]float64, len(s.index))
	for k, i := range s.index {
		score[k] = s.task.Score(p.Values[i*p.Columns : (i+1)*p.Columns])
	}
	return evaluation.AUC(score, s.ret)
}
