package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// broker is one whose stops the test sends.
type broker struct {
	refuses error // what Check says
	stops   chan kafka.Stop

	mu      sync.Mutex
	watched []kafka.WatchConfig
}

func (b *broker) Check(context.Context) error { return b.refuses }

func (b *broker) Watch(ctx context.Context, c kafka.WatchConfig) (kafka.Stop, error) {
	b.mu.Lock()
	b.watched = append(b.watched, c)
	b.mu.Unlock()
	select {
	case s := <-b.stops:
		return s, nil
	case <-ctx.Done():
		return kafka.Stop{}, context.Cause(ctx)
	}
}

var endless = []string{"EPOCHS=1000000", "PATIENCE=0"}

func TestAStopFromTheBrokerIsServedOnceAndRememberedThen(t *testing.T) {
	where := kafka.Position{Topic: "queue-control", Partition: 1, Offset: 7}
	j, events, path := newJob(t, never, endless...)
	b := &broker{stops: make(chan kafka.Stop, 1)}
	j.Broker = b
	events.onEpoch = func() { b.stops <- kafka.Stop{Position: where, Time: time.Now()} }
	if code := j.Run(t.Context()); code != job.ExitDone {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "interrupted")
	if m, err := store.Verify(path); err != nil || m.Status != store.Interrupted {
		t.Errorf("%s, %v", m.Status, err)
	}

	// a start later does not hear it again, and listens from the first start on
	first := b.watched[0]
	j, events, _ = newJob(t, never, append(endless, "STORE_DIR="+filepath.Dir(filepath.Dir(path)))...)
	j.Broker = b
	events.onEpoch = func() {
		b.stops <- kafka.Stop{Position: kafka.Position{Topic: "queue-control", Offset: 9}, Time: time.Now()}
	}
	if code := j.Run(t.Context()); code != job.ExitDone {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "interrupted")
	second := b.watched[1]
	if !slices.Equal(second.Served, []kafka.Position{where}) || !second.Since.Equal(first.Since) || !second.SinceAll.After(first.SinceAll) {
		t.Errorf("it looks for %+v, and first for %+v", second, first)
	}
}

func TestAStopWhoseEventWasNotDeliveredIsNotServedYet(t *testing.T) {
	j, events, path := newJob(t, never, endless...)
	events.refuse = true
	b := &broker{stops: make(chan kafka.Stop, 1)}
	j.Broker = b
	events.onEpoch = func() { b.stops <- kafka.Stop{Time: time.Now()} }
	if code := j.Run(t.Context()); code != job.ExitFailure {
		t.Errorf("exit code %d", code)
	}

	// the retry hears it again, and only tells where the model lies
	j, events, _ = newJob(t, never, append(endless, "STORE_DIR="+filepath.Dir(filepath.Dir(path)))...)
	j.Broker = b
	b.stops <- kafka.Stop{Time: time.Now()}
	if code := j.Run(t.Context()); code != job.ExitDone {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "interrupted")
	if len(b.watched[1].Served) != 0 {
		t.Errorf("served: %v", b.watched[1].Served)
	}
	var last struct {
		ModelPath string `json:"model_path"`
	}
	if err := json.Unmarshal(events.last, &last); err != nil || !strings.HasSuffix(last.ModelPath, "/q1/model.pt") {
		t.Errorf("%s, %v", events.last, err)
	}
}

func TestABrokerThatRefusesEndsTheRunAsWrongConfiguration(t *testing.T) {
	j, events, _ := newJob(t, never, endless...)
	j.Broker = &broker{refuses: fault.Rejected("the password is wrong").Fix("check KAFKA_PASSWORD")}
	if code := j.Run(t.Context()); code != job.ExitInput {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "error")
}

// A message, a signal, a failing store and the run's own end, at any moments:
// one of them wins, and one terminal event says so.
func TestWhateverEndsARunAtOnceOneEndIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many runs, so that their ends differ")
	}
	random := rand.New(rand.NewPCG(3, 4))
	const runs = 24
	ends := map[string]int{}
	// Moments within as long as a run takes on this machine, and half as long again.
	begun := time.Now()
	undisturbed, _, _ := newJob(t, func(string) error { return nil }, "EPOCHS=6", "BASELINE=none")
	if code := undisturbed.Run(t.Context()); code != 0 {
		t.Fatalf("undisturbed, it ends with %d", code)
	}
	most := int64(time.Since(begun) * 3 / 2)
	for range runs {
		soon := func() time.Duration { return time.Duration(random.Int64N(most)) }
		failAt, begun := soon()*3, time.Now()
		j, events, path := newJob(t, func(string) error {
			if time.Since(begun) > failAt {
				return syscall.ENOSPC
			}
			return nil
		}, "EPOCHS=6", "BASELINE=none")
		b := &broker{stops: make(chan kafka.Stop, 1)}
		j.Broker = b
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(soon(), func() { b.stops <- kafka.Stop{Time: time.Now()} })
		time.AfterFunc(soon(), func() { stop(job.Stopped{Signal: syscall.SIGTERM}) })
		code := j.Run(ctx)
		stop(nil)
		state := events.states[len(events.states)-1]
		events.mustEnd(t, state)
		ends[fmt.Sprint(state, " ", code)]++
		want := map[string][]int{"finished": {0}, "interrupted": {0, 143}, "error": {1}}[state]
		if !slices.Contains(want, code) {
			t.Errorf("%s with exit code %d", state, code)
		}
		m, err := store.Verify(path)
		if state == "finished" && (err != nil || m.Status != store.Finished) || state == "error" && err == nil {
			t.Errorf("%s, and the folder says %s, %v", state, m.Status, err)
		}
	}
	t.Logf("ends: %v", ends)
	if len(ends) < 3 {
		t.Errorf("only %v: the moments do not differ enough for this test to show anything", ends)
	}
}
