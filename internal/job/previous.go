package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"syscall"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
)

// previousResult looks for the result of an earlier start of the same QUEUE_ID.
// Kubernetes may start a pod again whose work is done: where the settings are
// the same, the ending is that of the finished run, to be emitted again. Of an
// interrupted one, modelPath is where its model lies. A finished run with other
// settings is replaced.
func previousResult(ctx context.Context, results ResultStore, c *checkpoints, cfg config.Config, r *reporter) (done *Ending, modelPath string, err error) {
	if cfg.Train.Resume == config.ResumeNever {
		return nil, "", nil
	}
	m, err := results.Result(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", nil
	case ctx.Err() != nil, fault.KindOf(err) == fault.ErrTransient: // the result may be whole: it is not replaced
		return nil, "", err
	case err != nil:
		r.log.Warn().Err(err).Msg("the earlier result of this QUEUE_ID is incomplete")
		return nil, "", nil
	}
	modelPath = results.Location("model.pt")
	if m.Status == store.Interrupted {
		return nil, modelPath, nil
	}
	// A finished run has no checkpoints, unless it was killed before they were
	// removed: nothing resumes from them.
	r.warn("removing old checkpoints", c.removeAll(ctx))
	if !sameResult(m, cfg) {
		r.log.Warn().Msg("this QUEUE_ID has a result of other settings: it is replaced when this run is stored")
		return nil, "", nil
	}
	var found Result
	if err := errors.Join(readJSON(ctx, results, "metrics.json", &found.Metrics), readJSON(ctx, results, "metadata.json", &found.Metadata)); err != nil {
		r.log.Warn().Err(err).Msg("cannot read the earlier result: training from the start")
		return nil, "", nil
	}
	r.warn("moving latest.json", results.MoveLatest(ctx, m))
	if change := cmp.Or(changedSince(ctx, cfg.Source, m.Inputs), edgesChanged(cfg.Data.StaticSHA256, m.Inputs)); change != "" {
		r.log.Warn().Msg("the data have changed since this QUEUE_ID finished, and its result is that of the old ones: " + change +
			"; to train on the new ones set another QUEUE_ID, or RESUME=never")
	}
	r.log.Info().Str("model", modelPath).Msg("this QUEUE_ID has finished with the same settings: re-emitting the terminal event (RESUME=never trains again)")
	return &Ending{ModelPath: modelPath, Result: &found}, modelPath, nil
}

func readJSON(ctx context.Context, results ResultStore, name string, v any) error {
	content, err := results.Read(ctx, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// sameResult tells whether a run of c would come to the finished result of m.
func sameResult(m store.Manifest, c config.Config) bool {
	return maps.Equal(config.Deciding(m.Config), c.Settings())
}

// Previous is what a run finds of the earlier starts of its QUEUE_ID.
type Previous struct {
	Location string

	Finished bool // with a result, after which nothing resumes
	Same     bool // and with the same settings

	Checkpoint bool // that the run resumes from
	Epochs     int  // that it has
	Fold       int  // that it is of; 0: there is one alone
	Torn       int  // newer checkpoints that are skipped for it
}

// listings bounds how often checkpoints are listed again that went away while
// they were read: a run that is under way replaces them.
const listings = 3

// InspectPrevious finds what a run of c would resume from, by the settings
// alone: what the data are is known only once they are loaded. It locks and
// writes nothing, and may be called beside a run that is under way. An error is
// one that a run would end with.
func InspectPrevious(ctx context.Context, c config.Config) (p Previous, err error) {
	storage, err := newStorage(c, func(string) {})
	if err != nil {
		return p, fault.Input("%w", err)
	}
	defer storage.Access.Close()
	p.Location = storage.Results.Location("")
	m, err := readManifest(ctx, storage.Results)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, store.ErrInvalid): // a run trains from the start
	case err != nil:
		return p, err
	case m.Status == store.Finished:
		p.Finished, p.Same = true, sameResult(m, c)
		return p, nil
	}
	for n := 1; ; n++ {
		err = p.inspectCheckpoints(ctx, &checkpoints{store: storage.Checkpoints}, c.Settings())
		if errors.Is(err, syscall.ENOTDIR) {
			return p, nil
		}
		if n == listings || !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
}

func (p *Previous) inspectCheckpoints(ctx context.Context, c *checkpoints, settings map[string]string) error {
	p.Torn = 0
	if err := c.list(ctx); err != nil {
		return err
	}
	newest, err := c.newest(ctx, modelKind, func(error) { p.Torn++ })
	if err != nil || newest == nil {
		return err
	}
	p.Checkpoint, p.Epochs, p.Fold = true, len(newest.state.Epochs), newest.fold()
	return rejectOtherSettings(newest.origin, settings)
}

// readManifest is the manifest of an earlier result. The files of a folder, which
// may be large, are not verified.
func readManifest(ctx context.Context, from ResultStore) (store.Manifest, error) {
	if folder, ok := from.(*store.Folder); ok {
		return store.ReadManifest(folder.Path())
	}
	return from.Result(ctx)
}
