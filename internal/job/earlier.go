package job

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/store"
)

// Earlier is what a run of a QUEUE_ID would find of its earlier starts.
type Earlier struct {
	Location string // where that lies

	Finished bool // with a result, from whose checkpoints nobody goes on
	Same     bool // that had the same settings

	Checkpoint bool // that the run goes on from
	Epochs     int  // that it has
	Torn       int  // newer checkpoints that are passed over for it
}

// looks bounds how often checkpoints are listed anew that went while they were
// read: a run that is under way replaces them.
const looks = 3

// LookBack looks for what a run of c would go on from, by the settings alone: what
// the data are is known only once they are loaded. It locks nothing, leaves
// nothing behind, and may be called beside a run that is under way. An error is
// that a run would end with; those that the user mends wrap what ExitCode knows.
func LookBack(ctx context.Context, c config.Config) (e Earlier, err error) {
	from, err := newStore(c, func(string) {})
	if err != nil {
		return e, inputError(err)
	}
	defer from.Close()
	e.Location = from.Location("")
	m, err := resultOf(ctx, from)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, store.ErrInvalid): // a run trains anew
	case err != nil:
		return e, err
	case m.Status == store.Finished:
		e.Finished, e.Same = true, sameResult(m, c)
		return e, nil
	}
	for n := 1; ; n++ {
		if err = e.lookAtCheckpoints(ctx, from, c); errors.Is(err, syscall.ENOTDIR) {
			return e, nil
		}
		if n == looks || !errors.Is(err, fs.ErrNotExist) {
			return e, err
		}
	}
}

func (e *Earlier) lookAtCheckpoints(ctx context.Context, from Store, c config.Config) error {
	e.Torn = 0
	kept, err := from.Checkpoints(ctx)
	if err != nil {
		return err
	}
	o, s, ok, err := newest(ctx, from, kept, modelKind, func(error) { e.Torn++ })
	if err != nil || !ok {
		return err
	}
	e.Checkpoint, e.Epochs = true, len(s.Epochs)
	return refuseSettings(o, c.Settings())
}

// resultOf is the manifest of an earlier result. Of a folder its files are not
// read, which may be large.
func resultOf(ctx context.Context, from Store) (store.Manifest, error) {
	if folder, ok := from.(*store.Folder); ok {
		return store.ReadManifest(folder.Path())
	}
	return from.Result(ctx)
}
