package job

import (
	"math"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// evaluate measures the model on every split: the test split is opened here,
// once.
func evaluate(f train.Result, p *predictions, l loaded, symbol string) (result.Metrics, error) {
	m := result.Metrics{Data: l.report, BestEpoch: f.BestEpoch, EpochsRun: len(f.Epochs), StoppedEarly: f.EarlyStop}
	var err error
	if m.Splits, m.Horizons, err = p.evaluate(); err != nil {
		return m, err
	}
	m.Symbol.Name = symbol
	if m.Symbol.Splits, err = evaluation.EvaluateSplits(evaluation.OfSymbol(p.first(), symbol)); err != nil {
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
	for _, e := range f.Epochs {
		m.History.Add(e.TrainLoss, e.ValidLoss, e.Score)
	}
	return m, nil
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

// logSummary logs what a person wants to know first.
func logSummary(m result.Metrics, modelPath string, log zerolog.Logger) {
	e := log.Info().Int("best_epoch", m.BestEpoch).
		Float64("test_accuracy", round(m.Splits.Test.Accuracy)).Float64("test_majority_accuracy", round(m.Splits.Test.MajorityAccuracy)).
		Float64("test_auc", round(m.Splits.Test.AUC))
	if m.Baseline != nil {
		e = e.Float64("test_auc_without_edges", round(m.Baseline.Splits.Test.AUC))
	}
	e.Float64("seconds", round(evaluation.Float(m.Timing.TotalSeconds))).Str("model", modelPath).Msg("stored")
	if m.Baseline != nil && m.Splits.Test.AUC < m.Baseline.Splits.Test.AUC {
		log.Warn().Msg("on the test split the same network without edges is the better one: the graph does harm on this market with these settings")
	}
}

func round(v evaluation.Float) float64 { return math.Round(float64(v)*1e4) / 1e4 }
