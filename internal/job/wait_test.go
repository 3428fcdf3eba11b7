package job_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
)

// away is a store that is waited for at the start, in vain.
type away struct {
	*store.Folder
	report func(why string, until time.Time)
}

func (a *away) OnWait(report func(why string, until time.Time)) { a.report = report }

func (a *away) Open(context.Context) error {
	a.report("MinIO at minio:9000 is unavailable (connection refused)", time.Date(2024, 1, 1, 12, 30, 15, 0, time.UTC))
	return fmt.Errorf("probing: %w", fault.Transient("unavailable for 1m0s").Fix("start the server"))
}

func TestAWaitForTheStoreIsAnEventAfterStarted(t *testing.T) {
	j, events, _ := newJob(t, never, "MESSAGE_LANG=en")
	j.Store.Access = &away{Folder: j.Store.Access.(*store.Folder)}
	if code := j.Run(t.Context()); code != 1 {
		t.Errorf("exit code %d", code)
	}
	// The loading event leaves when its second is free, and a run that ends
	// before has dropped it: what is certain is the order.
	if !slices.Equal(events.states, []string{"started", "error"}) && !slices.Equal(events.states, []string{"started", "loading", "error"}) {
		t.Errorf("the events were %v", events.states)
	}
	if !strings.Contains(string(events.last), `"remedy":"start the server"`) {
		t.Errorf("the error is %s", events.last)
	}
}
