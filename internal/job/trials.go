package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// TrialStore reads what other runs of the same MODEL_NAME have stored.
type TrialStore interface {
	Others(ctx context.Context, name string) ([]store.Other, error)
}

// trialsTimeout bounds the reading of the other runs, without which a result is
// whole but for its deflated Sharpe ratios.
const trialsTimeout = 30 * time.Second

// countTrials deflates the Sharpe ratios of a backtest by the other runs of the
// model that have one: who chooses the best of many runs chooses luck too. What runs
// searched before they looked at the test split counts as well. A store that cannot
// be read leaves them unknown.
func (t *trainer) countTrials(ctx context.Context, m *result.Metrics) {
	if m.Backtest == nil && m.Tuning == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, trialsTimeout)
	defer cancel()
	runs, err := t.trials.Others(ctx, "metrics.json")
	if err != nil {
		t.reporter.warn("counting the other runs of this MODEL_NAME, without which the backtest has no deflated Sharpe ratios", err)
		return
	}
	searched := 0 // by this run and by those that have a backtest
	if m.Tuning != nil {
		m.Tuning.TestConfigurations = 1 + len(runs)
		searched = m.Tuning.Trials - 1
	}
	var ids []string
	var others []*evaluation.Backtest
	for _, run := range runs {
		var other struct {
			Backtest *evaluation.Backtest `json:"backtest"`
			Tuning   *result.Tuning       `json:"tuning"`
		}
		if json.Unmarshal(run.Content, &other) == nil && other.Backtest != nil { // one of a stop, or of version 0.2, has none
			ids, others = append(ids, run.QueueID), append(others, other.Backtest)
			if other.Tuning != nil {
				searched += max(0, other.Tuning.Trials-1)
			}
		}
	}
	if m.Backtest != nil {
		m.Backtest.Deflate(ids, others, searched)
	}
}
