package job_test

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/result"
)

func TestTheRankICOfTheValidSplitDecidesWhereTheTaskSaysSo(t *testing.T) {
	if m, _ := stored(t, "BASELINES=none"); m.History.Metric != "" || m.History.ValidMetric != nil {
		t.Errorf("TASK=direction goes by %q, %v", m.History.Metric, m.History.ValidMetric)
	}
	job.DecideByRankIC(t, "direction")
	m, _ := stored(t, "BASELINES=no_edges", "SELECT=best")
	h := m.History
	if h.Metric != "rank_ic" || len(h.ValidMetric) != m.EpochsRun {
		t.Fatalf("%q, %v of %d epochs", h.Metric, h.ValidMetric, m.EpochsRun)
	}
	best := h.ValidMetric[m.BestEpoch-1]
	for epoch, v := range h.ValidMetric {
		if v > best {
			t.Errorf("epoch %d is the best with %v, and epoch %d has %v", m.BestEpoch, best, epoch+1, v)
		}
	}
	// It is what evaluation makes of the predictions of that epoch's weights.
	if got := m.Splits.Valid.RankIC; math.Abs(float64(got-best)) > 1e-12 {
		t.Errorf("the valid split has rank IC %v, and the best epoch had %v", got, best)
	}
	s := m.Selection
	higher := result.WithEdges
	if s.ValidMetric[config.BaselineNoEdges] > s.ValidMetric[result.WithEdges] {
		higher = config.BaselineNoEdges
	}
	if s.Selected != higher || s.ValidMetric[higher] != best || len(s.ValidMetric) != 2 {
		t.Errorf("selected %s of %v", s.Selected, s.ValidMetric)
	}
}
