package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
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
// model that have one: who chooses the best of many runs chooses luck too. A store
// that cannot be read leaves them unknown.
func (t *trainer) countTrials(ctx context.Context, b *evaluation.Backtest) {
	if b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, trialsTimeout)
	defer cancel()
	runs, err := t.trials.Others(ctx, "metrics.json")
	if err != nil {
		t.reporter.warn("counting the other runs of this MODEL_NAME, without which the backtest has no deflated Sharpe ratios", err)
		return
	}
	var ids []string
	var others []*evaluation.Backtest
	for _, run := range runs {
		var m struct {
			Backtest *evaluation.Backtest `json:"backtest"`
		}
		if json.Unmarshal(run.Content, &m) == nil && m.Backtest != nil { // one of a stop, or of version 0.2, has none
			ids, others = append(ids, run.QueueID), append(others, m.Backtest)
		}
	}
	b.Deflate(ids, others)
}
