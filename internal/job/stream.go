package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
)

const (
	// closing is how long after its close a bar is asked for: a source does not serve
	// it sooner.
	closing = 3 * time.Second
	// asking is the pause between two requests for a bar that is late.
	asking = 2 * time.Second
	// following is how long before a close latest.json is read.
	following = 5 * time.Second
	// caughtUp is how many bars that were missed are predicted yet.
	caughtUp = 12
)

// stream predicts the bars as they close, each once and in order. What it cannot
// predict is an event with its reason.
type stream struct {
	*prediction
	step time.Duration // of a bar

	next   int64         // open time of the bar to come, Unix ms; 0: whichever is the newest
	ahead  time.Duration // of the clock that decides over this machine's
	behind string        // why the bar to come is late
	other  time.Time     // when the model was created that is not followed
}

// stream predicts until s ends, whose cause it gives.
func (p *prediction) stream(s *shutdown) error {
	started := time.Now()
	listen(s, p.broker, kafka.WatchConfig{IDs: p.config.IDs, Since: started, SinceAll: started}, p.log)
	t := &stream{prediction: p, step: p.model.metadata.Recipe().Interval}
	for {
		if err := t.turn(s); err != nil {
			return err
		}
		if err := t.wait(s); err != nil {
			return err
		}
	}
}

// now is the time by the clock that decides which bars have closed.
func (t *stream) now() time.Time { return time.Now().Add(t.ahead) }

// turn predicts what has closed since the last one. An error ends the stream.
func (t *stream) turn(s *shutdown) error {
	ctx, cancel := context.WithTimeoutCause(s, t.step, fault.Transient("the source took longer than a bar"))
	defer cancel()
	b, at, err := t.newest(ctx, t.source)
	if s.Err() != nil {
		return context.Cause(s)
	}
	if at.openTime != 0 {
		t.ahead = at.ahead
	}
	switch {
	case err != nil && t.next == 0 && fault.Permanent(err):
		return err // it never worked
	case err != nil && at.openTime == 0:
		t.late(reasonOf(ctx, err))
		return nil
	case at.openTime < t.next:
		t.late("the source does not have it")
		return nil
	}
	if err := t.catchUp(s, at.openTime); err != nil {
		return err
	}
	if err != nil {
		t.skip(at.openTime, at.openTime, reasonOf(ctx, err))
	} else if err := t.deliver(s, b); err != nil {
		return err
	}
	t.next, t.behind = at.openTime+t.step.Milliseconds(), ""
	return nil
}

// reasonOf is why a bar could not be predicted.
func reasonOf(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.DeadlineExceeded) {
		err = cause
	}
	return fault.Text(err)
}

// late notes why the bar to come is not there. Once the next one has closed too, it
// is skipped, with those after it of which that is as true.
func (t *stream) late(why string) {
	if why != t.behind {
		t.log.Warn().Str("why", why).Msg("a bar is late; asking again")
		t.behind = why
	}
	if t.next == 0 || t.model.metadata.Sessions { // while a market is closed nothing is late
		return
	}
	over := t.now().Add(-2*t.step - closing).UnixMilli() // bars that open until then are
	if over < t.next {
		return
	}
	step := t.step.Milliseconds()
	last := over - (over-t.next)%step
	t.skip(t.next, last, why)
	t.next = last + step
}

// catchUp predicts the bars between the last one and the newest, the latest of them
// at least. A market with closing hours has none while it is closed.
func (t *stream) catchUp(s *shutdown, newest int64) error {
	step := t.step.Milliseconds()
	if t.next == 0 || t.model.metadata.Sessions {
		return nil
	}
	if first := newest - caughtUp*step; t.next < first {
		t.skip(t.next, first-step, cmp.Or(t.behind, "the program was not running"))
		t.next = first
	}
	for ; t.next < newest; t.next += step {
		c := t.source
		c.End = rfc3339(t.next + step)
		b, at, err := t.newest(s, c)
		switch {
		case s.Err() != nil:
			return context.Cause(s)
		case err != nil:
			t.skip(t.next, t.next, fault.Text(err))
		case at.openTime != t.next:
			t.skip(t.next, t.next, "the source does not have it")
		default:
			if err := t.deliver(s, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver hands a bar on. Kafka and the store may be away for the time of a bar.
func (t *stream) deliver(s *shutdown, b *bar) error {
	if err := t.write(b); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s, t.step)
	defer cancel()
	if err := t.handOn(ctx, b); err != nil {
		switch {
		case s.Err() != nil:
			return context.Cause(s)
		case fault.Permanent(err):
			return err
		}
		t.skip(b.openTime, b.openTime, "it is on stdout, and was not delivered elsewhere: "+fault.Text(err))
		return nil
	}
	t.logBar(b)
	return nil
}

// skip reports bars that are not predicted, by their open times.
func (t *stream) skip(from, to int64, why string) {
	why = strings.TrimSpace(why)
	t.log.Warn().Str("from", rfc3339(from)).Str("to", rfc3339(to)).Str("why", why).Msg("bar skipped")
	text := kafka.BarSkipped(rfc3339(from), rfc3339(to), why)
	t.prediction.warn("sending an event", t.telemetry.Loading(text))
}

// wait waits for the next close, and looks for a newer model shortly before it.
func (t *stream) wait(s *shutdown) error {
	due := t.now().Add(asking)
	if t.model.metadata.Sessions {
		due = t.now().Add(t.step / 4)
	}
	if close := time.UnixMilli(t.next).Add(t.step + closing); t.next != 0 && close.After(due) {
		due = close
	}
	if err := t.until(s, due.Add(-following)); err != nil {
		return err
	}
	t.follow(s)
	return t.until(s, due)
}

// until waits for a time by the clock that decides.
func (t *stream) until(s *shutdown, due time.Time) error {
	timer := time.NewTimer(due.Sub(t.now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.Done():
		return context.Cause(s)
	}
}

// follow takes the model that latest.json names now. Where that cannot be used, the
// one there is goes on.
func (t *stream) follow(s *shutdown) {
	if t.config.Predict.Model != "" {
		return
	}
	latest, err := readLatest(s, t.config)
	if err != nil {
		if s.Err() == nil {
			t.log.Warn().Err(err).Msg("looking for a newer model failed; the one there is goes on")
		}
		return
	}
	if latest.QueueID == t.model.queueID && latest.Created.Equal(t.model.created) || latest.Created.Equal(t.other) {
		return
	}
	if err := t.replace(s, latest.QueueID); err != nil && s.Err() == nil {
		if fault.Permanent(err) {
			t.other = latest.Created // it will be no better
		}
		t.log.Warn().Err(err).Str("model_queue_id", latest.QueueID).Msg("a newer model cannot be used; the one there is goes on")
	}
}

// replace loads the model of a run in the place of the one there is.
func (t *stream) replace(s *shutdown, queueID string) error {
	c := t.config
	c.Predict.Model, c.Source.Interval = queueID, t.model.metadata.Interval
	stored, err := readModel(s, c, t.log)
	if err != nil {
		return err
	}
	newer, err := stored.serve(t.thread, t.device)
	if err != nil {
		return fmt.Errorf("loading the model: %w", err)
	}
	t.model.predictor.Close()
	t.prediction.model = newer
	t.logModel()
	return nil
}
