package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// Kinds of trainings, the first part of their checkpoints' names.
const (
	modelKind    = "model"
	baselineKind = "baseline"
)

// freely are the variables that may differ from those of the start that left a
// checkpoint: a training may go on for more epochs.
var freely = []string{"EPOCHS"}

// origin is what a training of this run comes from.
func (r *run) origin() checkpoint.Origin {
	d := r.dataset
	if r.fingerprint == "" { // once: it reads all of the dataset
		r.fingerprint = d.Fingerprint()
	}
	o := checkpoint.Origin{
		Settings: r.Config.Settings(),
		Data:     checkpoint.Data{Symbols: d.Symbols, Features: d.Features, Snapshots: d.Len(), SHA256: r.fingerprint},
		Threads:  torch.Threads(),
		Device:   r.device.String(),
		Versions: map[string]string{"gnn_trainer": r.Version, "torch": torch.Version(), "go": runtime.Version()},
	}
	if times := d.OpenTimes(); len(times) > 0 {
		o.Data.First, o.Data.Last = stamp(times[0]), stamp(times[len(times)-1])
	}
	return o
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// newest is the newest checkpoint of a kind among kept that is whole; ok is
// false where there is none. A torn one is passed over for the one before it, of
// which pass is told; one that another version wrote is refused.
func newest(ctx context.Context, from Checkpoints, kept []store.FileInfo, kind string, pass func(error)) (o checkpoint.Origin, s checkpoint.State, ok bool, err error) {
	for _, info := range slices.Backward(ofKind(kept, kind)) {
		content, err := from.ReadCheckpoint(ctx, info)
		if errors.Is(err, store.ErrInvalid) {
			pass(err)
			continue
		}
		if err == nil {
			o, s, err = checkpoint.Decode(content)
		}
		if errors.Is(err, checkpoint.ErrInvalid) {
			return o, s, false, inputError(fmt.Errorf("checkpoint %s cannot be gone on from (%w): run the version that wrote it, or set RESUME=never to train anew", info.Name, err))
		}
		return o, s, err == nil, err
	}
	return o, s, false, nil
}

func (r *run) newest(ctx context.Context, kind string) (o checkpoint.Origin, s checkpoint.State, ok bool, err error) {
	return newest(ctx, r.Store, r.kept, kind, func(err error) {
		r.Log.Warn().Err(err).Msg("a checkpoint is passed over for the one before it")
	})
}

// refuseOthers refuses to go on from what had other settings or data.
func refuseOthers(o, now checkpoint.Origin) error {
	if differences := o.Differences(now, freely...); len(differences) > 0 {
		return inputError(fmt.Errorf("this QUEUE_ID has a checkpoint of another training: %s; set that back to go on from it, set RESUME=never to train anew, or give the run another QUEUE_ID",
			strings.Join(differences, "; ")))
	}
	return nil
}

// refuseSettings refuses a checkpoint of other settings before hours of
// loading, not after.
func (r *run) refuseSettings(ctx context.Context) error {
	o, _, ok, err := r.newest(ctx, modelKind)
	if err != nil || !ok {
		return err
	}
	return refuseSettings(o, r.Config.Settings())
}

// refuseSettings refuses to go on from what had other settings, whatever the
// data.
func refuseSettings(o checkpoint.Origin, settings map[string]string) error {
	now := o
	now.Settings = settings
	return refuseOthers(o, now)
}

// resumeFrom is the state that a training of this run goes on from; nil: it
// begins.
func (r *run) resumeFrom(ctx context.Context, kind string) (*checkpoint.State, error) {
	o, s, ok, err := r.newest(ctx, kind)
	if err != nil || !ok {
		return nil, err
	}
	now := r.origin()
	if err := refuseOthers(o, now); err != nil {
		return nil, err
	}
	log := r.Log.Info().Int("epochs", len(s.Epochs)).Int("batches", s.Pass.Batches).Int("best_epoch", s.BestEpoch)
	if o.Threads != now.Threads || o.Device != now.Device || o.Versions["torch"] != now.Versions["torch"] {
		log = log.Str("was", fmt.Sprintf("%d threads, %s, libtorch %s", o.Threads, o.Device, o.Versions["torch"])).
			Str("note", "with other threads, device or libtorch the last bits may differ from those of a run without interruption")
	}
	log.Msg("going on from the checkpoint of the " + kind)
	return &s, nil
}

// keep stores a state. That it cannot be stored does not end the training.
func (r *run) keep(ctx context.Context, kind string, origin checkpoint.Origin, s checkpoint.State) {
	begin := time.Now()
	name := fmt.Sprintf("%s-%09d-%09d.pt", kind, len(s.Epochs), s.Pass.Batches)
	err := r.putCheckpoint(ctx, kind, name, func(w io.Writer) error { return checkpoint.Encode(w, origin, s) })
	r.report("keeping a checkpoint", err)
	took := time.Since(begin)
	r.Metrics.Checkpoint(took, err == nil)
	r.timing.CheckpointSeconds += took.Seconds()
}

// pin remembers what the data of a first start came to.
func (r *run) pin(ctx context.Context, p *source.Pin) {
	r.record.Pin, r.record.Settings = p, r.Config.Settings()
	r.report("keeping the extent of the data", r.saveRecord(ctx, &r.record))
}
