package job

import (
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// evaluate measures the model on every split: the test split is opened here,
// once.
func evaluate(f train.Result, by *criterion, p *predictions, l loaded, symbol string) (result.Metrics, error) {
	m := result.Metrics{Data: l.report, BestEpoch: f.BestEpoch, EpochsRun: len(f.Epochs), StoppedEarly: f.EarlyStop}
	var err error
	if m.Splits, m.Horizons, err = p.evaluate(); err != nil {
		return m, err
	}
	m.Symbol.Name = symbol
	if m.Symbol.Splits, err = p.splits(0, symbol); err != nil {
		return m, err
	}
	d, edges := l.dataset, 0
	for t := range d.Len() {
		edges += len(d.Edges(t).Sources)
	}
	m.Graph = result.GraphSize{
		Nodes:            d.NumNodes(),
		EdgesPerSnapshot: evaluation.Float(float64(edges) / float64(d.Len())),
		Density:          evaluation.Float(d.Density),
	}
	m.History = historyOf(f, by)
	return m, nil
}

func historyOf(f train.Result, by *criterion) (h result.History) {
	for _, e := range f.Epochs {
		h.Add(e.TrainLoss, e.ValidLoss, e.Score)
	}
	if by != nil {
		h.Metric = by.name
		for _, e := range f.Epochs {
			h.ValidMetric = append(h.ValidMetric, evaluation.Float(e.Metric))
		}
	}
	return h
}

func epochSeconds(f train.Result) []float64 {
	var seconds []float64
	for _, e := range f.Epochs {
		seconds = append(seconds, e.Seconds)
	}
	return seconds
}

// eventMetrics are the metrics of the finished event.
func eventMetrics(m result.Metrics) map[string]any {
	t := map[string]any{"splits": m.Splits, "best_epoch": m.BestEpoch, "epochs_run": m.EpochsRun}
	if m.Baseline != nil {
		t["baseline_splits"] = m.Baseline.Splits
	}
	return t
}
