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
// return's sign.
type scorer struct {
	ret   []float64
	index []int // of ret, among the split's [snapshots, N]
}

func newScorer(d *data.Dataset, split data.Split) *scorer {
	s := &scorer{}
	for k, t := range snapshotsOf(d, split) {
		y, ret := d.Outcomes(t)
		for i, class := range y {
			if class != pyg.Unlabelled && ret != nil {
				s.ret = append(s.ret, float64(ret[i]))
				s.index = append(s.index, k*d.NumNodes()+i)
			}
		}
	}
	return s
}

func (s *scorer) auc(p train.Prediction) float64 {
	score := make([]float64, len(s.index))
	for k, i := range s.index {
		row := p.Probabilities[i*p.Classes : (i+1)*p.Classes]
		score[k] = float64(row[data.Up]) - float64(row[data.Down])
	}
	return evaluation.AUC(score, s.ret)
}
