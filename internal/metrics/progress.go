package metrics

import (
	"math"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// Progress is how far a run has come.
type Progress struct {
	Done      float64       // share of the trainings, 0 to 1
	Remaining time.Duration // of the trainings, at the present pace
	Known     bool          // whether Remaining is

	Epoch    *checkpoint.Epoch // the model's newest; nil: there is none
	Metric   string            // names the Metric of Epoch; "": the loss decides
	TestAUC  float64           // of the model; NaN: not known
	Finished bool
}

// Progress may be asked for at any time.
func (m *Metrics) Progress() Progress { return m.progress.estimate(time.Now()) }

// Finished says that the run has come to its end, and not by a stop or an error.
func (m *Metrics) Finished() {
	m.progress.mu.Lock()
	defer m.progress.mu.Unlock()
	m.progress.finished = true
}

// progressTracker estimates how far the trainings are, which count alike.
type progressTracker struct {
	trainings int

	mu       sync.Mutex
	training int     // under way, from 0
	share    float64 // of it that is done
	began    time.Time
	first    float64   // share that was done then
	at       time.Time // of the newest share
	epoch    *checkpoint.Epoch
	metric   string
	testAUC  *float64
	finished bool
}

func (p *progressTracker) begin(training int, share float64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.training, p.share, p.first, p.began, p.at = training, share, share, at, at
}

func (p *progressTracker) step(share float64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share, p.at = share, at
}

func (p *progressTracker) latest(training string, e checkpoint.Epoch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if training == Model {
		p.epoch = &e
	}
}

func (p *progressTracker) decided(training, metric string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if training == Model {
		p.metric = metric
	}
}

func (p *progressTracker) evaluated(training string, auc float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if training == Model {
		p.testAUC = &auc
	}
}

func (p *progressTracker) estimate(now time.Time) Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Progress{TestAUC: math.NaN(), Metric: p.metric, Finished: p.finished}
	if p.epoch != nil {
		s.Epoch = new(*p.epoch)
	}
	if p.testAUC != nil {
		s.TestAUC = *p.testAUC
	}
	if p.finished {
		s.Done, s.Known = 1, true
		return s
	}
	s.Done = min((float64(p.training)+p.share)/float64(p.trainings), 1)
	if did := p.share - p.first; did > 0 {
		whole := float64(p.at.Sub(p.began)) / did
		left := whole * (1 - p.share + float64(p.trainings-p.training-1))
		// Since the newest share some of that is over.
		left -= float64(now.Sub(p.at))
		s.Remaining, s.Known = time.Duration(min(max(left, 0), math.MaxInt64/2)), true
	}
	return s
}
