package job

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Kinds of trainings, the first part of their checkpoints' names.
const (
	modelKind    = "model"
	baselineKind = "baseline"
	shuffledKind = "shuffled"
	mixerKind    = "mixer"
)

// kindOf is the kind of a training of one fold, in which case the checkpoints of
// the first ones come first; of 0, there is one alone.
func kindOf(kind string, fold int) string {
	if fold == 0 {
		return kind
	}
	return fmt.Sprintf("%s-fold%03d", kind, fold)
}

// fold is that of a checkpoint of the model; 0: there is one alone.
func (s *saved) fold() (fold int) {
	_, _ = fmt.Sscanf(s.name, modelKind+"-fold%d-", &fold) // 0 where it has none
	return fold
}

// mutableSettings are the variables that may differ from those of the start that
// wrote a checkpoint: a training may be resumed for more epochs, unless its
// learning rate goes by how many there are.
func mutableSettings(now map[string]string) []string {
	if s := now["SCHEDULE"]; s == config.ScheduleOneCycle || s == config.ScheduleCosine {
		return nil
	}
	return []string{"EPOCHS"}
}

// origin is what a training comes from: settings, data and machine.
func (t *trainer) origin() checkpoint.Origin {
	d := t.loaded.dataset
	o := checkpoint.Origin{
		Settings: t.config.Settings(),
		Data:     checkpoint.Data{Symbols: d.Symbols, Features: d.Features, Snapshots: d.Len(), SHA256: t.loaded.fingerprint()},
		Threads:  torch.Threads(),
		Device:   t.device.String(),
		Versions: versions(t.version),
	}
	if times := d.OpenTimes(); len(times) > 0 {
		o.Data.First, o.Data.Last = rfc3339(times[0]), rfc3339(times[len(times)-1])
	}
	return o
}

func versions(trainer string) map[string]string {
	return map[string]string{"gnn_trainer": trainer, "torch": torch.Version(), "go": runtime.Version()}
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// rejectOther is the error of resuming from what had other settings or data.
func rejectOther(o, now checkpoint.Origin) error {
	if differences := o.Differences(now, mutableSettings(now.Settings)...); len(differences) > 0 {
		return fault.Input("this QUEUE_ID has a checkpoint of another training: %s", strings.Join(differences, "; ")).
			Fix("set that back to resume from it, set RESUME=never to train from the start, or give the run another QUEUE_ID")
	}
	return nil
}

// rejectOtherSettings is the same, whatever the data.
func rejectOtherSettings(o checkpoint.Origin, settings map[string]string) error {
	now := o
	now.Settings = settings
	return rejectOther(o, now)
}

// checkSettings rejects the checkpoint of other settings before hours of
// loading, not after.
func checkSettings(ctx context.Context, c *checkpoints, settings map[string]string, log zerolog.Logger) error {
	newest, err := c.newest(ctx, modelKind, logTorn(log))
	if err != nil || newest == nil {
		return err
	}
	return rejectOtherSettings(newest.origin, settings)
}

func logTorn(log zerolog.Logger) func(error) {
	return func(err error) { log.Warn().Err(err).Msg("skipping a torn checkpoint for the one before it") }
}

// resume is the state that a training resumes from; nil: it starts.
func (t *trainer) resume(ctx context.Context, kind string) (*checkpoint.State, error) {
	newest, err := t.checkpoints.newest(ctx, kind, logTorn(t.reporter.log))
	if err != nil || newest == nil {
		return nil, err
	}
	o, now, s := newest.origin, t.origin(), newest.state
	if err := rejectOther(o, now); err != nil {
		return nil, err
	}
	log := t.reporter.log.Info().Str("training", kind).Int("epochs", len(s.Epochs)).Int("batches", s.Pass.Batches).Int("best_epoch", s.BestEpoch)
	if o.Threads != now.Threads || o.Device != now.Device || o.Versions["torch"] != now.Versions["torch"] {
		log = log.Str("was", fmt.Sprintf("%d threads, %s, libtorch %s", o.Threads, o.Device, o.Versions["torch"])).
			Str("note", "with other threads, device or libtorch the last bits may differ from those of a run without interruption")
	}
	log.Msg("resuming from checkpoint")
	return &s, nil
}

// saveCheckpoint stores a state and returns how long that took. A failure does
// not end the training.
func (t *trainer) saveCheckpoint(ctx context.Context, kind string, origin checkpoint.Origin, s checkpoint.State) time.Duration {
	begin := time.Now()
	name := fmt.Sprintf("%s-%09d-%09d.pt", kind, len(s.Epochs), s.Pass.Batches)
	err := t.checkpoints.put(ctx, kind, name, func(w io.Writer) error { return checkpoint.Encode(w, origin, s) })
	t.reporter.warn("saving a checkpoint", err)
	took := time.Since(begin)
	t.reporter.metrics.Checkpoint(took, err == nil)
	return took
}
