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
	TestAUC  float64           // of the model; NaN: not known
	Finished bool
}

// Progress may be asked for at any time.
func (m *Metrics) Progress() Progress { return m.course.progress(time.Now()) }

// Finished says that the run has come to its end, and not by a stop or an error.
func (m *Metrics) Finished() {
	m.course.mu.Lock()
	defer m.course.mu.Unlock()
	m.course.finished = true
}

// course is the way through the trainings, which count alike.
type course struct {
	trainings int

	mu       sync.Mutex
	training int     // under way, from 0
	share    float64 // of it that is done
	began    time.Time
	first    float64   // share that was done then
	at       time.Time // of the newest share
	epoch    *checkpoint.Epoch
	testAUC  *float64
	finished bool
}

func (c *course) begin(training int, share float64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.training, c.share, c.first, c.began, c.at = training, share, share, at, at
}

func (c *course) step(share float64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.share, c.at = share, at
}

func (c *course) latest(training string, e checkpoint.Epoch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if training == Model {
		c.epoch = &e
	}
}

func (c *course) evaluated(training string, auc float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if training == Model {
		c.testAUC = &auc
	}
}

func (c *course) progress(now time.Time) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Progress{TestAUC: math.NaN(), Finished: c.finished}
	if c.epoch != nil {
		p.Epoch = new(*c.epoch)
	}
	if c.testAUC != nil {
		p.TestAUC = *c.testAUC
	}
	if c.finished {
		p.Done, p.Known = 1, true
		return p
	}
	p.Done = min((float64(c.training)+c.share)/float64(c.trainings), 1)
	if did := c.share - c.first; did > 0 {
		whole := float64(c.at.Sub(c.began)) / did
		left := whole * (1 - c.share + float64(c.trainings-c.training-1))
		// Since the newest share some of that is over.
		left -= float64(now.Sub(c.at))
		p.Remaining, p.Known = time.Duration(min(max(left, 0), math.MaxInt64/2)), true
	}
	return p
}
