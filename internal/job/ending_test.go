package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestAWantOfMemorySaysWhatToLowerAndIsWorthARetry(t *testing.T) {
	if err := withOOMHint(nil); err != nil {
		t.Error(err)
	}
	other := errors.New("no space left on device")
	if err := withOOMHint(other); err != other {
		t.Error(err)
	}
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	err = thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		s.Uniform(0, 1, 1<<40, 1<<10)
		return nil
	})
	err = withOOMHint(fmt.Errorf("training: %w", err))
	if !errors.Is(err, torch.ErrOutOfMemory) || !strings.Contains(err.Error(), "lower BATCH_SIZE or HIDDEN") || ExitCode(err) != ExitFailure {
		t.Errorf("%v, exit code %d", err, ExitCode(err))
	}
}

func TestOnePlaceMapsAnEndingToItsEventItsExitCodeAndItsLine(t *testing.T) {
	stop := kafka.Stop{Position: kafka.Position{Topic: "queue-control", Offset: 7}}
	for _, c := range []struct {
		name   string
		ending Ending
		status string
		code   int
		line   string
	}{
		{"finished", Ending{ModelPath: "file:///m/model.pt", Result: &Result{}}, "finished", 0, ""},
		{"SIGTERM", Ending{InterruptedBy: Stopped{syscall.SIGTERM}}, "interrupted", 143, `"message":"interrupted: stopped by SIGTERM; start this QUEUE_ID again to resume"`},
		{"Ctrl-C", Ending{InterruptedBy: Stopped{syscall.SIGINT}, ModelPath: "file:///m/model.pt"}, "interrupted", 130, `"model_stored":true,"message":"interrupted: stopped by SIGINT; `},
		{"a message", Ending{InterruptedBy: stop}, "interrupted", 0, "queue-control"},
		{"wrong input", Ending{Err: fault.Input("EPOCHS is bad").Fix("set 1")}, "error", 2, `"remedy":"set 1","message":"EPOCHS is bad: set 1"`},
		{"a failure", Ending{Err: errors.New("no space left on device")}, "error", 1, "no space left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var events, log strings.Builder
			telemetry := kafka.NewTelemetry(kafka.IDs{QueueID: "q", Symbol: "S", Type: "t", Producer: "p"}, kafka.English, kafka.Lines(&events), nil)
			code, err := c.ending.conclude(t.Context(), telemetry, zerolog.New(&log))
			if code != c.code || err != nil {
				t.Errorf("exit code %d, %v", code, err)
			}
			if strings.Count(events.String(), "\n") != 1 || !strings.Contains(events.String(), `"status":"`+c.status+`"`) ||
				strings.Contains(events.String(), "model.pt") != (c.ending.ModelPath != "") {
				t.Errorf("the events are %s", events.String())
			}
			if !strings.Contains(log.String(), c.line) || c.line == "" && log.Len() > 0 {
				t.Errorf("the log is %s", log.String())
			}
		})
	}
}

func TestAnErrorIsAStopOnlyWhereTheStopIsItsCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	full := errors.New("no space left on device")
	if e := endingOf(ctx, context.Canceled, "earlier"); e.Err == nil || e.InterruptedBy != nil {
		t.Errorf("without a stop: %+v", e)
	}
	cancel(Stopped{syscall.SIGTERM})
	for _, err := range []error{fmt.Errorf("loading: %w", context.Canceled), fmt.Errorf("loading: %w", context.Cause(ctx))} {
		if e := endingOf(ctx, err, "earlier"); e.InterruptedBy != (Stopped{syscall.SIGTERM}) || e.Err != nil || e.ModelPath != "earlier" {
			t.Errorf("%v: %+v", err, e)
		}
	}
	if e := endingOf(ctx, full, "earlier"); !errors.Is(e.Err, full) || e.InterruptedBy != nil {
		t.Errorf("a full disk after the stop: %+v", e)
	}
	rejected, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("%w: look at KAFKA_PASSWORD", fault.ErrRejected))
	if e := endingOf(rejected, context.Canceled, "earlier"); !errors.Is(e.Err, fault.ErrRejected) || e.InterruptedBy != nil {
		t.Errorf("a broker that rejects: %+v", e)
	}
}
