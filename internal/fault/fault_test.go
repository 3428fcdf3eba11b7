package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

func TestAFaultReadsAsOneSentenceAndKeepsItsFields(t *testing.T) {
	missing := fault.Input("the file has no y").At("g.pt").Fix("save one")
	for name, c := range map[string]struct {
		err                         error
		sentence, what, where, rest string
		kind                        fault.Kind
	}{
		"all fields":                    {missing, "the file has no y, g.pt: save one", "the file has no y", "g.pt", "save one", fault.ErrInput},
		"a place that is named already": {fault.Input("EPOCHS is 0").At("EPOCHS").Fix("set 1"), "EPOCHS is 0: set 1", "EPOCHS is 0", "EPOCHS", "set 1", fault.ErrInput},
		"no place":                      {fault.Rejected("no rights").Fix("grant them"), "no rights: grant them", "no rights", "", "grant them", fault.ErrRejected},
		"no remedy":                     {fault.Transient("%s is down", "kafka:9092"), "kafka:9092 is down", "kafka:9092 is down", "", "", fault.ErrTransient},
		"a plain error":                 {fs.ErrNotExist, "file does not exist", "file does not exist", "", "", fault.ErrInternal},
		"words around it":               {fmt.Errorf("loading: %w", missing), "loading: the file has no y, g.pt: save one", "loading: the file has no y", "g.pt", "save one", fault.ErrInput},
		"words after it":                {fmt.Errorf("%w; tried twice", missing), "the file has no y, g.pt: save one; tried twice", "the file has no y; tried twice", "g.pt", "save one", fault.ErrInput},
		"a cause keeps its remedy": {
			fault.Transient("loading: %w", missing), "loading: the file has no y, g.pt: save one",
			"loading: the file has no y", "g.pt", "save one", fault.ErrTransient,
		},
		"words around it and another place": {
			fault.Wrap("loading: %w", missing).At("s3://b/g.pt"), "loading: the file has no y, s3://b/g.pt: save one",
			"loading: the file has no y", "s3://b/g.pt", "save one", fault.ErrInput,
		},
		"one remedy, the outer one's": {
			fault.Rejected("loading: %w", missing).Fix("set DATA_DIR"), "loading: the file has no y, g.pt: set DATA_DIR",
			"loading: the file has no y", "g.pt", "set DATA_DIR", fault.ErrRejected,
		},
		"two side by side": {
			errors.Join(missing, fault.Rejected("no rights").Fix("grant them")), "the file has no y, g.pt: save one\nno rights: grant them",
			"the file has no y, g.pt: save one\nno rights: grant them", "", "", fault.ErrInput,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.err.Error(); got != c.sentence {
				t.Errorf("sentence %q, want %q", got, c.sentence)
			}
			e := fault.Of(c.err)
			if e.What != c.what || e.Where != c.where || e.Remedy != c.rest || e.Kind != c.kind {
				t.Errorf("got %+v", e)
			}
		})
	}
	if fault.Of(nil) != nil {
		t.Error("no error is a fault")
	}
}

func TestErrorsIsFindsKindsAndCauses(t *testing.T) {
	err := fmt.Errorf("opening: %w", fault.Rejected("reading: %w", fs.ErrPermission).Fix("chmod it"))
	if !errors.Is(err, fault.ErrRejected) || !errors.Is(err, fs.ErrPermission) || errors.Is(err, fault.ErrInput) {
		t.Errorf("%v: rejected %v, permission %v, input %v", err, errors.Is(err, fault.ErrRejected), errors.Is(err, fs.ErrPermission), errors.Is(err, fault.ErrInput))
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Remedy != "chmod it" {
		t.Errorf("errors.As gives %+v", e)
	}
}

func TestTheKindIsTheOutermostOneAndTheWorstOfSeveral(t *testing.T) {
	input, transient := fault.Input("x"), fault.Transient("y")
	for name, c := range map[string]struct {
		err       error
		want      fault.Kind
		permanent bool
	}{
		"none":             {fs.ErrNotExist, "", false},
		"nil":              {nil, "", false},
		"outermost":        {fault.Transient("again: %w", input), fault.ErrTransient, false},
		"worst":            {errors.Join(transient, fault.Internal("z"), input), fault.ErrInput, true},
		"rejected":         {fmt.Errorf("%w; last: %w", context.DeadlineExceeded, fault.Rejected("r")), fault.ErrRejected, true},
		"a kind by itself": {fmt.Errorf("%w: too few", fault.ErrInput), fault.ErrInput, true},
	} {
		if got := fault.KindOf(c.err); got != c.want || fault.Permanent(c.err) != c.permanent {
			t.Errorf("%s: %q, permanent %v", name, got, fault.Permanent(c.err))
		}
	}
}

func TestAListHoldsEachFaultOnce(t *testing.T) {
	var l fault.List
	l.Add(nil)
	if l.Err() != nil {
		t.Errorf("an empty list is %v", l.Err())
	}
	first := fault.Input("a is 1").Fix("set 2")
	l.Add(first)
	if !errors.Is(l.Err(), first) || l.Err().Error() != "a is 1: set 2" {
		t.Errorf("a list of one is %v", l.Err())
	}
	both := fmt.Errorf("%w: %w", fault.ErrInput, fs.ErrNotExist) // one error, in words of its own
	l.Add(errors.Join(fault.Input("a is 1").Fix("set 2"), fault.List{fault.Transient("b"), both}.Err()))
	if got := l.Err().Error(); got != "a is 1: set 2\nb\nbad input: file does not exist" {
		t.Errorf("got %q", got)
	}
	if fault.KindOf(l.Err()) != fault.ErrInput {
		t.Errorf("kind %q", fault.KindOf(l.Err()))
	}
}
