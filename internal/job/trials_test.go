package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// metricsOf runs a job and reads its metrics.json.
func metricsOf(t *testing.T, dir, queue string, more ...string) result.Metrics {
	t.Helper()
	j, _, path := newJob(t, never, append([]string{"STORE_DIR=" + dir, "QUEUE_ID=" + queue, "BASELINES=prior", "RESUME=never"}, more...)...)
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	return readMetrics(t, path)
}

func readMetrics(t *testing.T, path string) (m result.Metrics) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheTrialsOfAModelAreAllItsRunsInTheStore(t *testing.T) {
	dir := t.TempDir()
	first := metricsOf(t, dir, "q1").Backtest
	if first.Trials.Count != 1 || first.DollarNeutral.AfterCosts[0].Deflated != first.DollarNeutral.AfterCosts[0].Probabilistic {
		t.Errorf("the first run: %+v", first)
	}
	second := metricsOf(t, dir, "q2", "SEED=7").Backtest
	if second.Trials.Count != 2 || !slices.Equal(second.Trials.QueueIDs, []string{"q1"}) {
		t.Errorf("the second run: %+v", second.Trials)
	}
	if a := second.DollarNeutral.AfterCosts[1]; !(a.Deflated < a.Probabilistic) || !(a.ExpectedMaximum > 0) {
		t.Errorf("two trials deflate nothing: %+v", a)
	}
	if other := metricsOf(t, dir, "q3", "MODEL_NAME=m2").Backtest; other.Trials.Count != 1 {
		t.Errorf("another model: %+v", other.Trials)
	}
	// Its own earlier result is no trial, and the same earlier runs give the same.
	again := metricsOf(t, dir, "q2", "SEED=7").Backtest
	if one, other := encoded(t, second), encoded(t, again); one != other {
		t.Errorf("run again:\n%s\n%s", one, other)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// unlisted is a store whose runs may not be listed.
type unlisted struct{}

func (unlisted) Others(context.Context, string) ([]store.Other, error) {
	return nil, errors.New("access denied")
}

func TestARunEndsWhereTheTrialsCannotBeCounted(t *testing.T) {
	var log strings.Builder
	j, _, path := newJob(t, never, "BASELINES=prior")
	j.Store.Trials, j.Log = unlisted{}, zerolog.New(&log)
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	m := readMetrics(t, path)
	if m.Backtest.Trials != nil || !strings.Contains(log.String(), "access denied") {
		t.Errorf("%+v\n%s", m.Backtest, log.String())
	}
}

func TestTheSimulatedMarketPaysFunding(t *testing.T) {
	p := metricsOf(t, t.TempDir(), "q1", "LOOKBACK=5d").Backtest.EqualWeight
	if got := float64(p.FundingBps); !(got < 0 && got > -1) { // of 1 bp each 8 hours, or about it
		t.Errorf("a long portfolio receives %v bps a period", got)
	}
}
