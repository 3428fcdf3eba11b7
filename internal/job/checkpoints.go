package job

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/store"
)

// checkpointsPerKind is how many files of a kind are kept: the newest, and the
// one before for the case that it is torn.
const checkpointsPerKind = 2

// checkpoints are the files of a run that its next start resumes from. The list
// is read once: a training must not wait for the store to list them again.
type checkpoints struct {
	store CheckpointStore
	files []store.FileInfo // the newest of a kind last
}

// list reads what earlier starts left.
func (c *checkpoints) list(ctx context.Context) (err error) {
	c.files, err = c.store.Checkpoints(ctx)
	return err
}

// ofKind are the files whose name begins with kind.
func (c *checkpoints) ofKind(kind string) []store.FileInfo {
	return slices.DeleteFunc(slices.Clone(c.files), func(f store.FileInfo) bool { return !strings.HasPrefix(f.Name, kind+"-") })
}

// put stores a file and removes the old ones of its kind.
func (c *checkpoints) put(ctx context.Context, kind, name string, write func(io.Writer) error) error {
	info, err := c.store.PutCheckpoint(ctx, name, write)
	if err != nil {
		return err
	}
	if !slices.Contains(c.files, info) {
		c.files = append(c.files, info)
	}
	files := c.ofKind(kind)
	return c.remove(ctx, files[:max(0, len(files)-checkpointsPerKind)])
}

func (c *checkpoints) removeAll(ctx context.Context) error { return c.remove(ctx, c.files) }

func (c *checkpoints) remove(ctx context.Context, files []store.FileInfo) error {
	for _, f := range files {
		if err := c.store.RemoveCheckpoint(ctx, f); err != nil {
			return err
		}
		c.files = slices.DeleteFunc(slices.Clone(c.files), func(other store.FileInfo) bool { return other == f })
	}
	return nil
}

// saved is a checkpoint and what it comes from.
type saved struct {
	name   string
	origin checkpoint.Origin
	state  checkpoint.State
}

// newest is the newest whole checkpoint of a kind; nil where there is none. A
// torn one is skipped for the one before it, and given to onTorn; one of another
// format is an error.
func (c *checkpoints) newest(ctx context.Context, kind string, onTorn func(error)) (*saved, error) {
	for _, info := range slices.Backward(c.ofKind(kind)) {
		content, err := c.store.ReadCheckpoint(ctx, info)
		if errors.Is(err, store.ErrInvalid) {
			onTorn(err)
			continue
		}
		if err != nil {
			return nil, err
		}
		origin, state, err := checkpoint.Decode(content)
		if errors.Is(err, checkpoint.ErrInvalid) {
			return nil, fault.Input("cannot resume from checkpoint %s: %w", info.Name, err).
				Fix("run the version that wrote it, or set RESUME=never to train from the start")
		}
		if err != nil {
			return nil, err
		}
		return &saved{info.Name, origin, state}, nil
	}
	return nil, nil
}
