package metrics

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

func (m *Metrics) registerVerdict() {
	const of = " of the test split at the first horizon, at the end: of the model, and of the best baseline by the validation split."
	m.rankIC = m.gauge("test_rank_ic", "Rank IC"+of, "method")
	m.rankICLow = m.gauge("test_rank_ic_low", "Lower end of the 95 % interval of the rank IC"+of, "method")
	m.rankICHigh = m.gauge("test_rank_ic_high", "Upper end of the 95 % interval of the rank IC"+of, "method")
	m.verdict = m.gauge("verdict", "1 for what the comparison with the baselines comes to, 0 for the other outcomes, at the end.", "outcome")
}

// Verdict is how a run compares with its baselines.
type Verdict struct {
	Outcome  string
	Outcomes []string                           // all that there are
	Test     map[string]evaluation.SplitMetrics // by method: model, and the best baseline's name
}

// verdictScrape is whether the verdict has been scraped.
type verdictScrape struct {
	mu      sync.Mutex
	set     bool
	scraped chan struct{} // closed after the first scrape of it
}

// scrapedNow notes the end of a scrape that began after the verdict, where set
// was true then.
func (j *verdictScrape) scrapedNow(set bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if set && j.scraped != nil {
		close(j.scraped)
		j.scraped = nil
	}
}

func (j *verdictScrape) isSet() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.set
}

// Linger waits until the verdict of a finished run has been scraped, at most so
// long and until ctx ends.
func (m *Metrics) Linger(ctx context.Context, atMost time.Duration) {
	m.verdictScrape.mu.Lock()
	scraped := m.verdictScrape.scraped
	m.verdictScrape.mu.Unlock()
	if scraped == nil || !m.Progress().Finished {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	select {
	case <-scraped:
	case <-ctx.Done():
	}
}

// SetVerdict shows a verdict.
func (m *Metrics) SetVerdict(v Verdict) {
	defer func() {
		m.verdictScrape.mu.Lock()
		defer m.verdictScrape.mu.Unlock()
		m.verdictScrape.set, m.verdictScrape.scraped = true, make(chan struct{})
	}()
	for _, outcome := range v.Outcomes {
		m.verdict.WithLabelValues(outcome).Set(truth(outcome == v.Outcome))
	}
	for method, test := range v.Test {
		for vec, value := range map[*prometheus.GaugeVec]evaluation.Float{
			m.rankIC: test.RankIC, m.rankICLow: test.RankICInterval.Low, m.rankICHigh: test.RankICInterval.High,
		} {
			if f := float64(value); !math.IsNaN(f) {
				vec.WithLabelValues(method).Set(f)
			}
		}
	}
}
