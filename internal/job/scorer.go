package job

import (
	"math"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

// criterion is the metric of a validation pass that decides the best epoch of a
// task; nil: the loss decides.
type criterion struct {
	name string // as events have it, after valid_
	of   func(train.Prediction) float64
}

// criteria makes the criterion of a dataset, by TASK. Tasks that are not here go
// by their loss.
var criteria = map[string]func(*data.Dataset, nn.Task) *criterion{
	"rank": func(d *data.Dataset, task nn.Task) *criterion {
		return &criterion{"rank_ic", newScorer(d, data.Valid, task).rankIC}
	},
	data.TaskNode: func(d *data.Dataset, _ nn.Task) *criterion {
		return &criterion{"accuracy", newLabels(d, data.Valid).accuracy}
	},
}

func newCriterion(task string, d *data.Dataset, scored nn.Task) *criterion {
	if of := criteria[task]; of != nil {
		return of(d, scored)
	}
	return nil
}

// words are its name as a person reads it.
func (c *criterion) words() string { return strings.ReplaceAll(c.name, "_", " ") }

// scorer compares the scores that predictions of one split give with the returns,
// at the first horizon.
type scorer struct {
	task  nn.Task
	ret   []float64
	index []int // of ret, among the split's [snapshots, N, H]
	bars  []int // where in ret each snapshot's begin, and their end
}

func newScorer(d *data.Dataset, split data.Split, task nn.Task) *scorer {
	s := &scorer{task: task, bars: []int{0}}
	for k, t := range d.Snapshots(split) {
		y, ret := d.Targets.At(t)
		for at := 0; at < len(y); at += d.Targets.NumHorizons() {
			if y[at] != pyg.Unlabelled && ret != nil {
				s.ret = append(s.ret, float64(ret[at]))
				s.index = append(s.index, k*len(y)+at)
			}
		}
		s.bars = append(s.bars, len(s.ret))
	}
	return s
}

func (s *scorer) scores(p train.Prediction) []float64 {
	score := make([]float64, len(s.index))
	for k, i := range s.index {
		score[k] = s.task.Score(p.Values[i*p.Columns : (i+1)*p.Columns])
	}
	return score
}

// auc is that of the score against the return's sign.
func (s *scorer) auc(p train.Prediction) float64 { return evaluation.AUC(s.scores(p), s.ret) }

// rankIC is the mean over the bars of Spearman's correlation of score and return,
// as metrics.json has it; NaN where no bar has one.
func (s *scorer) rankIC(p train.Prediction) float64 {
	score, sum, count := s.scores(p), 0.0, 0
	for k, to := range s.bars[1:] {
		from := s.bars[k]
		if r, ok := evaluation.RankCorrelation(score[from:to], s.ret[from:to]); ok {
			sum += r
			count++
		}
	}
	if count == 0 {
		return math.NaN()
	}
	return sum / float64(count)
}

// labels are the classes of one split at the first horizon.
type labels struct {
	class []int64
	index []int // of class, among the split's [snapshots, N, H]
}

func newLabels(d *data.Dataset, split data.Split) *labels {
	l := &labels{}
	for k, t := range d.Snapshots(split) {
		y, _ := d.Targets.At(t)
		for at := 0; at < len(y); at += d.Targets.NumHorizons() {
			if y[at] != pyg.Unlabelled {
				l.class, l.index = append(l.class, y[at]), append(l.index, k*len(y)+at)
			}
		}
	}
	return l
}

// accuracy is the share of the labels whose class is the most probable one, the
// lower of equals.
func (l *labels) accuracy(p train.Prediction) float64 {
	hits := 0
	for k, i := range l.index {
		values := p.Values[i*p.Columns : (i+1)*p.Columns]
		if slices.Index(values, slices.Max(values)) == int(l.class[k]) {
			hits++
		}
	}
	return float64(hits) / float64(len(l.index))
}
