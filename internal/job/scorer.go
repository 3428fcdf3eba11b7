package job

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// snapshotsOf are the numbers of a split's snapshots.
func snapshotsOf(d *data.Dataset, split data.Split) []int {
	var numbers []int
	for t, s := range d.Splits {
		if s == split {
			numbers = append(numbers, t)
		}
	}
	return numbers
}

// scorer scores predictions of one split by AUC of the score against the
// return's sign, at the first horizon.
type scorer struct {
	ret   []float64
	index []int // of ret, among the split's [snapshots, N, H]
}

func newScorer(d *data.Dataset, split data.Split) *scorer {
	s := &scorer{}
	for k, t := range snapshotsOf(d, split) {
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
		row := p.Values[i*p.Columns : (i+1)*p.Columns]
		score[k] = float64(row[data.Up]) - float64(row[data.Down])
	}
	return evaluation.AUC(score, s.ret)
}
