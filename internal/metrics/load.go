package metrics

import (
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

func (m *Metrics) loaded() {
	m.loadSteps = m.gauge("load_steps", "Steps of the source that are done: pages from an exchange, files of the cache, documents of a database.", "step")
	m.loadExpected = m.gauge("load_steps_expected", "Steps in all, where they are known.", "step")
	m.sample("load_waits_total", counter, "Waits of the source: for a limit of requests, a ban, an unavailable server, data that are not there yet.", nil, func(emit emitter) {
		count, _, _ := m.waits.read(time.Now())
		emit(float64(count))
	})
	m.sample("load_wait_seconds_total", counter, "Seconds spent in them.", nil, func(emit emitter) {
		_, seconds, _ := m.waits.read(time.Now())
		emit(seconds)
	})
	m.sample("load_waiting", gauge, "1 while the source waits.", nil, func(emit emitter) {
		_, _, waiting := m.waits.read(time.Now())
		emit(truth(waiting))
	})
}

// Step tells how far a source has come.
func (m *Metrics) Step(s data.Step) {
	if s.Phase == data.Waiting {
		m.waits.begin(s.Why, time.Now())
		return
	}
	m.waits.end(time.Now())
	name := string(s.Phase)
	m.loadSteps.WithLabelValues(name).Set(float64(s.Done))
	if s.Total > 0 {
		m.loadExpected.WithLabelValues(name).Set(float64(s.Total))
	}
}

// LoadDone says that the source is at its end.
func (m *Metrics) LoadDone() { m.waits.end(time.Now()) }

// waits are those of a source, which tells one again and again while it lasts.
type waits struct {
	mu    sync.Mutex
	why   string
	since time.Time // zero: there is none under way
	count int
	spent time.Duration
}

func (w *waits) begin(why string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.since.IsZero() && w.why == why {
		return
	}
	if !w.since.IsZero() {
		w.spent += at.Sub(w.since)
	}
	w.why, w.since, w.count = why, at, w.count+1
}

func (w *waits) end(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.since.IsZero() {
		w.spent += at.Sub(w.since)
	}
	w.since = time.Time{}
}

func (w *waits) read(at time.Time) (count int, seconds float64, waiting bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	spent := w.spent
	if waiting = !w.since.IsZero(); waiting {
		spent += at.Sub(w.since)
	}
	return w.count, spent.Seconds(), waiting
}
