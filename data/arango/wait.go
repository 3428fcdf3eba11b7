package arango

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Inputs finds what the configuration names to read. All services of a pipeline
// start at once, so it may not be there yet, or be written just now: up to
// GRAPH_WAIT it is waited for until it is there, has documents, and has not
// grown between two looks. Order books and funding rates grow for ever and need
// only be there.
func (d *DB) Inputs(ctx context.Context) (Inputs, error) {
	until := time.Now().Add(d.cfg.Wait)
	defer func() { d.report = Report{} }() // a look is no reading
	var before []int64
	for complete := false; ; {
		f, err := d.look(ctx)
		if err != nil {
			return Inputs{}, err
		}
		left, pause := time.Until(until), d.poll
		switch {
		case f.lacks == "" && (left <= 0 || complete && slices.Equal(f.counts, before)):
			return f.inputs, nil
		case f.lacks == "":
			before, complete, pause = f.counts, true, d.settle
		case d.cfg.Wait == 0:
			return Inputs{}, fault.Input("%s", f.lacks).Fix("correct the name, or set GRAPH_WAIT to wait for it")
		case left <= 0:
			return Inputs{}, fault.Input("%s after GRAPH_WAIT=%v", f.lacks, d.cfg.Wait).Fix("correct the name, or raise GRAPH_WAIT if it comes later")
		default:
			complete = false
			d.watch.Tell(data.Step{Phase: data.Waiting, Until: until, Why: f.lacks})
		}
		if err := sleep(ctx, min(pause, max(left, time.Millisecond))); err != nil {
			return Inputs{}, fmt.Errorf("waiting for the graph: %w", err)
		}
	}
}
