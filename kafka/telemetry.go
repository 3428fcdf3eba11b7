package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Telemetry emits one run's events: Started, then Loading and Epoch as they
// come, then exactly one of Finished, Interrupted and Error, then Close. It is
// safe for concurrent use.
//
// The dispatcher that reads the events keys them by queue_id, producer and the
// whole second of timestamp, so no two events of a run share a second. Nothing
// but the last event waits for the sink. Started leaves first and is never
// dropped; of Loading and Epoch the newest leaves when its second is free and
// the sink has taken the one before, the others are dropped.
type Telemetry struct {
	ids         IDs
	lang        Lang
	sink        Sink
	undelivered func(event []byte)
	words       Words
	begun       time.Time

	turn     chan struct{}   // full while the sink has an event: they leave one at a time
	life     context.Context // of Started; ended by kill, when the last event is over
	kill     context.CancelFunc
	progress context.Context // of Loading and Epoch events; ended by cut
	cut      context.CancelFunc

	mu      sync.Mutex // guards what follows
	second  int64      // whole second of the newest event, Unix
	started *Event     // Started that the sink has not been given yet
	pending *Event     // Loading or Epoch that waits for its second
	timer   *time.Timer
	armed   bool   // timer will send started or pending
	failing bool   // the sink refused the newest Started, Loading or Epoch
	lost    error  // that the caller has not received
	over    bool   // no further Started, Loading or Epoch
	ending  Status // of the call that decided how the run ends
	stats   Stats

	ended  chan struct{} // closed once the last event is sent or refused
	endErr error         // read it after ended

	flushes sync.WaitGroup // running or armed timers
}

// NewTelemetry begins the telemetry of the run that ids name. Close it.
// undelivered, where not nil, is given Started and the last event where the
// sink did not take them, one at a time; it must not keep event.
func NewTelemetry(ids IDs, lang Lang, sink Sink, undelivered func(event []byte)) *Telemetry {
	if undelivered == nil {
		undelivered = func([]byte) {}
	}
	t := &Telemetry{
		ids: ids, lang: lang, sink: sink, undelivered: undelivered, words: OfTraining,
		begun: time.Now(), turn: make(chan struct{}, 1), ended: make(chan struct{}),
		stats: Stats{Delivered: map[Status]int64{}},
	}
	t.life, t.kill = context.WithCancel(context.Background())
	t.progress, t.cut = context.WithCancel(t.life)
	return t
}

// Say sets what the first and the last event say. Call it before Started.
func (t *Telemetry) Say(w Words) { t.words = w }

// Started reports that the run has begun. A run emits it once. The error is as
// with Loading.
func (t *Telemetry) Started() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return t.takeLost()
	}
	e := t.event(Started, t.words.Started.In(t.lang))
	t.started = &e
	t.arm(0)
	return t.takeLost()
}

// Loading reports what the run is at. The error is that of an earlier event which
// the sink has rejected; of rejections in a row the first is returned, once. The
// run continues. After the last event of the run, it does nothing.
func (t *Telemetry) Loading(what Text) error {
	return t.enqueue(t.event(Loading, what.In(t.lang)))
}

// Epoch reports that an epoch, counted from 1, of at most epochs has ended with
// a mean training loss. What extra holds is sent beside it, under "extra";
// numbers that are not finite are left out. The error is as with Loading.
func (t *Telemetry) Epoch(epoch, epochs int, loss float64, extra map[string]float64) error {
	e := t.event(Loading, fmt.Sprintf(textEpoch.In(t.lang), epoch, loss))
	e.Epoch, e.Loss = epoch, loss
	e.Extra = map[string]float64{"epochs": float64(epochs)}
	maps.Copy(e.Extra, extra)
	return t.enqueue(e)
}

// Finished ends the run well: the model lies at modelPath, and metrics, a
// value that encoding/json accepts, say how good it is. Should metrics not
// encode, the event leaves without them and the error says so.
//
// Finished, Interrupted and Error are one decision. The first call sends its
// event without waiting for a free second: where this one is taken, the event
// bears the start of the next. A Started that the sink has not taken leaves
// before it. Every later call waits for the first, sends nothing and returns
// what the first returned: the state that won and whether it was delivered.
// ctx bounds the sending and should outlive the run's own.
func (t *Telemetry) Finished(ctx context.Context, modelPath string, metrics any) (Status, error) {
	e := t.event(Finished, t.words.Finished.In(t.lang))
	e.ModelPath = modelPath
	b, err := json.Marshal(metrics)
	if err != nil {
		err = fmt.Errorf("encoding the metrics of the finished event: %w", err)
	} else if metrics != nil {
		e.Metrics = b
	}
	return t.conclude(ctx, e, err)
}

// Interrupted ends a run that was asked to stop; the model so far lies at
// modelPath, which is empty where there is none. See Finished.
func (t *Telemetry) Interrupted(ctx context.Context, modelPath string) (Status, error) {
	e := t.event(Interrupted, t.words.Interrupted.In(t.lang))
	e.ModelPath = modelPath
	return t.conclude(ctx, e, nil)
}

// Error ends a run that cause has stopped. See Finished.
func (t *Telemetry) Error(ctx context.Context, cause error) (Status, error) {
	e := t.event(Failed, fmt.Sprintf(textError.In(t.lang), fault.Text(cause)))
	e.Fault = fault.Of(cause)
	return t.conclude(ctx, e, nil)
}

// Stats is what a telemetry has done so far.
type Stats struct {
	Waiting     int              // events that the sink has not taken yet
	Delivered   map[Status]int64 // events that it took
	Dropped     int64            // Loading and Epoch events that a newer one or the end took the place of
	Undelivered int64            // events that the sink has refused
	Last        Status           // of the newest event that the sink was given; empty: there was none
}

// Stats may be asked for at any time.
func (t *Telemetry) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Delivered = maps.Clone(s.Delivered)
	for _, e := range []*Event{t.started, t.pending} {
		if e != nil {
			s.Waiting++
		}
	}
	return s
}

// count has f change the stats.
func (t *Telemetry) count(f func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.stats)
}

// Close drops an event that still waits and returns when no goroutine of the
// telemetry is left, with an error not returned yet. It sends no terminal event: a
// run that had none has not reported how it ended.
func (t *Telemetry) Close() error {
	t.stopProgress()
	t.kill()
	t.flushes.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLost()
}

// takeLost is the error that the caller has not received. The caller holds mu.
func (t *Telemetry) takeLost() error {
	err := t.lost
	t.lost = nil
	return err
}

func (t *Telemetry) event(s Status, message string) Event {
	return Event{IDs: t.ids, Status: s, Message: message}
}

func (t *Telemetry) conclude(ctx context.Context, e Event, err error) (Status, error) {
	t.mu.Lock()
	first := t.ending == ""
	if first {
		t.ending = e.Status
	}
	won := t.ending
	t.mu.Unlock()
	if first {
		t.stopProgress()
		t.endErr = errors.Join(err, t.last(ctx, e))
		close(t.ended)
	}
	select {
	case <-t.ended:
		return won, t.endErr
	case <-ctx.Done():
		return won, fmt.Errorf("waiting for the %s event to be sent: %w", won, context.Cause(ctx))
	}
}

// giveUp is how long a sink may take to let go of an event whose context has
// ended.
const giveUp = 200 * time.Millisecond

// last waits for its turn and sends a Started that is left, then e.
func (t *Telemetry) last(ctx context.Context, e Event) error {
	defer context.AfterFunc(ctx, t.kill)()
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		select {
		case t.turn <- struct{}{}:
		case <-time.After(giveUp):
			return t.missed(e, fmt.Errorf("the event before it is still being sent: %w", context.Cause(ctx)))
		}
	}
	defer func() { <-t.turn }()
	t.mu.Lock()
	started := t.started
	t.started = nil
	t.mu.Unlock()
	var err error
	if started != nil {
		err = t.deliver(ctx, *started)
	}
	return errors.Join(err, t.deliver(ctx, e))
}

// stopProgress stops Started, Loading and Epoch. A Loading or Epoch that the sink
// has in hand is cut short, so that it does not hold up the last event.
func (t *Telemetry) stopProgress() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropPending()
	t.over = true
	if t.armed && t.timer.Stop() {
		t.armed = false
		t.flushes.Done()
	}
	t.cut()
}

// enqueue makes e the event that leaves next, and arms the timer that sends it.
func (t *Telemetry) enqueue(e Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.dropPending()
		t.pending = &e
		t.arm(time.Unix(t.second+1, 0).Sub(t.now()))
	}
	return t.takeLost()
}

// dropPending leaves out the event that waits. The caller holds mu.
func (t *Telemetry) dropPending() {
	if t.pending != nil {
		t.pending = nil
		t.stats.Dropped++
	}
}

// arm has flush run after d. The caller holds mu.
func (t *Telemetry) arm(d time.Duration) {
	if !t.armed {
		t.armed = true
		t.flushes.Add(1)
		t.timer = time.AfterFunc(d, t.flush)
	}
}

// flush sends Started where it waits, else the pending event.
func (t *Telemetry) flush() {
	defer t.flushes.Done()
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.mu.Lock()
	t.armed = false
	e, ctx := t.started, t.life
	t.started = nil
	if e == nil {
		e, ctx = t.pending, t.progress
		t.pending = nil
	}
	t.mu.Unlock()
	if e == nil {
		return
	}
	err := t.deliver(ctx, *e)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.failing = false
	case ctx.Err() == nil && !t.failing:
		t.failing, t.lost = true, err
	}
	if t.pending != nil && !t.over {
		t.arm(time.Unix(t.second+1, 0).Sub(t.now()))
	}
}

// deliver stamps e and hands it to the sink. The caller has the turn.
func (t *Telemetry) deliver(ctx context.Context, e Event) error {
	e.Time = t.stamp()
	t.count(func(s *Stats) { s.Waiting, s.Last = s.Waiting+1, e.Status })
	b, err := e.encode()
	if err == nil {
		err = t.sink.Send(ctx, b)
	}
	t.count(func(s *Stats) {
		s.Waiting--
		switch {
		case err == nil:
			s.Delivered[e.Status]++
		case e.Status == Loading && ctx.Err() != nil:
			s.Dropped++ // the last event cut it short
		default:
			s.Undelivered++
		}
	})
	if err == nil {
		return nil
	}
	if e.Status != Loading {
		t.undelivered(b)
	}
	return fmt.Errorf("sending the %s event: %w", e.Status, err)
}

// missed is the error of an event that the sink was never given.
func (t *Telemetry) missed(e Event, err error) error {
	e.Time = t.stamp()
	t.count(func(s *Stats) { s.Undelivered, s.Last = s.Undelivered+1, e.Status })
	if b, encoding := e.encode(); encoding == nil {
		t.undelivered(b)
	}
	return fmt.Errorf("sending the %s event: %w", e.Status, err)
}

// stamp takes a second for an event: the present one, or the next free one.
func (t *Telemetry) stamp() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if now.Unix() <= t.second {
		now = time.Unix(t.second+1, 0)
	}
	t.second = now.Unix()
	return now
}

// now is the time at the start plus what has passed since: a clock set back
// during the run must not make its seconds come twice.
func (t *Telemetry) now() time.Time { return t.begun.Add(time.Since(t.begun)) }
