package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Telemetry tells one run's course: Started, then Loading and Epoch as they
// come, then exactly one of Finished, Interrupted and Error, then Close. It is
// safe for concurrent use.
//
// The dispatcher that reads the events keys them by queue_id, producer and the
// whole second of timestamp, so no two events of a run share a second. Started
// and the last event leave at once. Loading and Epoch never wait for the sink:
// the newest of them leaves when its second is free, the others are dropped.
type Telemetry struct {
	ids   IDs
	lang  Lang
	sink  Sink
	begun time.Time

	turn     chan struct{}   // full while the sink has an event: they leave one at a time
	progress context.Context // of Loading and Epoch events; ended by cut
	cut      context.CancelFunc

	mu      sync.Mutex // guards what follows
	second  int64      // whole second of the newest event, Unix
	pending *Event     // Loading or Epoch that waits for its second
	timer   *time.Timer
	armed   bool  // timer will send pending
	lost    error // of events sent since the caller was last told
	over    bool  // no further Started, Loading or Epoch

	ending Status // of the call that decided how the run ends

	ended  chan struct{} // closed once the last event is sent or refused
	endErr error         // read it after ended

	flushes sync.WaitGroup // running or armed timers
}

// NewTelemetry begins the telemetry of the run that ids name. Close it.
func NewTelemetry(ids IDs, lang Lang, sink Sink) *Telemetry {
	t := &Telemetry{ids: ids, lang: lang, sink: sink, begun: time.Now(), turn: make(chan struct{}, 1), ended: make(chan struct{})}
	t.progress, t.cut = context.WithCancel(context.Background())
	return t
}

// Started sends the first event and waits for the sink. A run says it once.
func (t *Telemetry) Started(ctx context.Context) error {
	return t.send(ctx, t.event(Started, textStarted.In(t.lang)))
}

// Loading tells what the run is at. The error is that of an earlier Loading
// or Epoch event which the sink has refused since the last call; the run goes
// on. After the last event of the run, it does nothing.
func (t *Telemetry) Loading(what Text) error {
	return t.enqueue(t.event(Loading, what.In(t.lang)))
}

// Epoch tells that an epoch, counted from 1, of at most epochs has ended with
// a mean training loss. What extra holds is told beside it, under "extra";
// numbers that are not finite are left out. The error is as with Loading.
func (t *Telemetry) Epoch(epoch, epochs int, loss float64, extra map[string]float64) error {
	e := t.event(Loading, fmt.Sprintf(textEpoch.In(t.lang), epoch, loss))
	e.Epoch, e.Loss = epoch, loss
	e.Extra = map[string]float64{"epochs": float64(epochs)}
	maps.Copy(e.Extra, extra)
	return t.enqueue(e)
}

// Finished ends the run well: the model lies at modelPath, and metrics, a
// value that encoding/json accepts, tell how good it is. Should metrics not
// encode, the event leaves without them and the error says so.
//
// Finished, Interrupted and Error are one decision. The first call sends its
// event without waiting for a free second: where this one is taken, the event
// bears the start of the next. Every later call waits for the first, sends
// nothing and returns what the first returned: the state that won and whether
// it was delivered. ctx bounds the sending and should outlive the run's own.
func (t *Telemetry) Finished(ctx context.Context, modelPath string, metrics any) (Status, error) {
	e := t.event(Finished, textFinished.In(t.lang))
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
	e := t.event(Interrupted, textInterrupted.In(t.lang))
	e.ModelPath = modelPath
	return t.conclude(ctx, e, nil)
}

// Error ends a run that cause has stopped. See Finished.
func (t *Telemetry) Error(ctx context.Context, cause error) (Status, error) {
	return t.conclude(ctx, t.event(Failed, fmt.Sprintf(textError.In(t.lang), cause)), nil)
}

// Close drops an event that still waits and returns when no goroutine of the
// telemetry is left, with an error not told yet. It sends no last event: a run
// that had none has not said how it ended.
func (t *Telemetry) Close() error {
	t.silence()
	t.flushes.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
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
		t.silence()
		t.endErr = errors.Join(err, t.send(ctx, e))
		close(t.ended)
	}
	select {
	case <-t.ended:
		return won, t.endErr
	case <-ctx.Done():
		return won, fmt.Errorf("waiting for the %s event to be sent: %w", won, context.Cause(ctx))
	}
}

// silence stops Started, Loading and Epoch. An event that the sink has in hand
// is cut short, so that a sink in trouble does not hold up the last event.
func (t *Telemetry) silence() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over, t.pending = true, nil
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
	lost := t.lost
	t.lost = nil
	if t.over {
		return lost
	}
	t.pending = &e
	if !t.armed {
		t.armed = true
		t.flushes.Add(1)
		free := time.Unix(t.second+1, 0)
		t.timer = time.AfterFunc(free.Sub(t.now()), t.flush)
	}
	return lost
}

// flush sends the pending event.
func (t *Telemetry) flush() {
	defer t.flushes.Done()
	t.turn <- struct{}{}
	defer func() { <-t.turn }()

	t.mu.Lock()
	t.armed = false
	e := t.pending
	t.pending = nil
	t.mu.Unlock()
	if e == nil {
		return
	}
	if err := t.deliver(t.progress, *e); err != nil && t.progress.Err() == nil {
		t.mu.Lock()
		t.lost = errors.Join(t.lost, err)
		t.mu.Unlock()
	}
}

// send waits for its turn and sends e at once.
func (t *Telemetry) send(ctx context.Context, e Event) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return fmt.Errorf("sending the %s event: the one before it is still being sent: %w", e.Status, context.Cause(ctx))
	}
	t.mu.Lock()
	late := t.over && !e.Status.Terminal()
	t.mu.Unlock()
	if late {
		return nil
	}
	return t.deliver(ctx, e)
}

// deliver stamps e and hands it to the sink. The caller has the turn.
func (t *Telemetry) deliver(ctx context.Context, e Event) error {
	e.Time = t.stamp()
	b, err := e.encode()
	if err == nil {
		err = t.sink.Send(ctx, b)
	}
	if err != nil {
		return fmt.Errorf("sending the %s event: %w", e.Status, err)
	}
	return nil
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
