package job_test

import (
	"context"
	"io"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/store"
)

// stopping ends the context of a run as a checkpoint of a name is stored.
type stopping struct {
	job.CheckpointStore
	name    string
	stopped bool
	cancel  context.CancelFunc
}

func (s *stopping) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, s.cancel = context.WithCancel(ctx)
	return ctx, s.cancel
}

func (s *stopping) PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error) {
	info, err := s.CheckpointStore.PutCheckpoint(ctx, name, write)
	if strings.HasPrefix(name, s.name) {
		s.stopped = true
		s.cancel()
	}
	return info, err
}

// reading keeps the names of the checkpoints that are read.
type reading struct {
	job.CheckpointStore
	names *[]string
}

func (r *reading) ReadCheckpoint(ctx context.Context, c store.FileInfo) ([]byte, error) {
	*r.names = append(*r.names, c.Name)
	return r.CheckpointStore.ReadCheckpoint(ctx, c)
}
