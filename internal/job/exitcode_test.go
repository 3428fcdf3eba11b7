package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/store"
)

// errorOf drops the value of a call.
func errorOf[T any](_ T, err error) error { return err }

func TestTheExitCodeIsThatOfTheKindOfError(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := store.NewFolder(store.Config{Dir: file, ModelName: "m"}, "q")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		want int
	}{
		"input":                       {fault.Input("x"), fault.ErrInput, 2},
		"rejected":                    {fault.Rejected("x"), fault.ErrRejected, 2},
		"transient":                   {fault.Transient("x"), fault.ErrTransient, 1},
		"internal":                    {fault.Internal("x"), fault.ErrInternal, 1},
		"no kind":                     {io.ErrUnexpectedEOF, fault.ErrInternal, 1},
		"transient for an input":      {fault.Transient("x: %w", fault.Input("y")), fault.ErrTransient, 1},
		"words around an input":       {fmt.Errorf("loading: %w", fault.Input("y")), fault.ErrInput, 2},
		"the worse of two":            {errors.Join(fault.Transient("x"), fault.Rejected("y")), fault.ErrRejected, 2},
		"a deadline":                  {context.DeadlineExceeded, fault.ErrInternal, 1},
		"a wrong environment":         {errorOf(config.Load([]string{"EPOCHS=x"})), fault.ErrInput, 2},
		"a market of nothing":         {new(data.Market).Validate(), fault.ErrInput, 2},
		"a graph with a missing edge": {(&pyg.Data{EdgeIndex: []int64{1}}).Validate(), fault.ErrInput, 2},
		"a wrong address":             {kafka.Config{BootstrapServers: "k"}.Validate(), fault.ErrInput, 2},
		"a name that is no folder":    {errorOf(store.NewFolder(store.Config{Dir: "d", ModelName: "a/b"}, "q")), fault.ErrInput, 2},
		"a file for STORE_DIR":        {folder.Open(t.Context()), fault.ErrRejected, 2},
		"another run's lock":          {store.ErrLocked, fault.ErrTransient, 1},
		"a full disk":                 {fault.Transient("%w", syscall.ENOSPC), fault.ErrTransient, 1},
		"no CUDA":                     {fmt.Errorf("opening: %w", torch.ErrNoCUDA), fault.ErrRejected, 2},
		"no memory":                   {fmt.Errorf("a step: %w", torch.ErrOutOfMemory), fault.ErrTransient, 1},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d: %v", name, got, c.want, c.err)
		}
		if got := fault.Of(c.err).Kind; got != c.kind {
			t.Errorf("%s: kind %s, want %s", name, got, c.kind)
		}
	}
}
