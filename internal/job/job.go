// Package job is one run from start to end: it loads a market, makes its
// graph, trains a model and a baseline, stores the artefacts and tells the
// run's neighbours how it went. A checked configuration enters; artefacts,
// exactly one terminal event and an exit code leave. How each step is done is
// the business of the packages it calls.
package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/libtorch"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/train"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/store"
)

// Exit codes of a run. A signal's is 128 + its number.
const (
	ExitDone    = 0
	ExitFailure = 1 // worth a retry
	ExitInput   = 2 // wrong configuration or input: a retry would end the same
)

// lastWords bounds the sending of the terminal event.
const lastWords = 10 * time.Second

// Stopped is the cause of a context that ends because of a signal.
type Stopped struct{ Signal syscall.Signal }

func (s Stopped) Error() string { return "stopped by " + s.Signal.String() }

// Store is where artefacts go: a folder, later MinIO. Open proves that it can
// be written, Begin takes an old result back, PutManifest makes the new one.
type Store interface {
	Open(ctx context.Context) error
	Close()
	Begin(ctx context.Context) error
	Put(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	PutManifest(ctx context.Context, m store.Manifest) error
	Location(name string) string
	Result() (store.Manifest, error)
	Read(name string) ([]byte, error)
}

// Job is a run's configuration and surroundings.
type Job struct {
	Config  config.Config
	Store   Store
	Events  kafka.Sink
	Console *progress.Console // stderr
	Log     zerolog.Logger    // built on Console
	Version string            // of gnn-trainer
}

// Run does the job and returns the process's exit code. It ends early, with
// what is learned so far, when ctx ends; context.Cause tells why.
func (j *Job) Run(ctx context.Context) int {
	defer j.Store.Close()
	telemetry := kafka.NewTelemetry(j.Config.IDs, j.Config.Kafka.Lang, j.Events)
	outcome, done := j.finishedBefore()
	var err error
	if !done {
		j.report("telling the start", telemetry.Started(ctx))
		r := &run{Job: j, telemetry: telemetry, started: time.Now()}
		outcome, err = r.do(ctx)
	}
	code := j.conclude(ctx, telemetry, outcome, err)
	j.report("telling the progress", telemetry.Close())
	return code
}

// conclude tells the one terminal event. It runs after the last write.
func (j *Job) conclude(ctx context.Context, telemetry *kafka.Telemetry, o outcome, err error) int {
	// The event must leave although the run's own context has ended.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	code := ExitDone
	switch {
	case err != nil:
		code = exitCode(err)
		j.Log.Error().Msg(err.Error())
		_, err = telemetry.Error(last, err)
	case o.interrupted:
		code = stopCode(context.Cause(ctx))
		j.Log.Warn().Bool("model_stored", o.modelPath != "").Msg("interrupted: " + context.Cause(ctx).Error())
		_, err = telemetry.Interrupted(last, o.modelPath)
	default:
		_, err = telemetry.Finished(last, o.modelPath, o.metrics)
	}
	if err != nil {
		j.Log.Error().Err(err).Msg("the terminal event was not delivered")
		return max(code, ExitFailure)
	}
	return code
}

// Refuse tells of an error that came before a run could be made, as far as
// the run's ids are known, and returns the exit code.
func Refuse(ids kafka.IDs, lang kafka.Lang, events kafka.Sink, log zerolog.Logger, err error) int {
	log.Error().Msg(err.Error())
	if ids.Known() {
		telemetry := kafka.NewTelemetry(ids, lang, events)
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		if _, err := telemetry.Error(ctx, err); err != nil {
			log.Error().Err(err).Msg("the terminal event was not delivered")
		}
	}
	return exitCode(err)
}

// report logs an error that does not end the run.
func (j *Job) report(what string, err error) {
	if err != nil {
		j.Log.Warn().Err(err).Msg(what + " failed; the run goes on")
	}
}

// exitCode tells what a retry could mend. A loss that is not finite comes
// again with the same seed: its message says what to change.
func exitCode(err error) int {
	for _, input := range []error{config.ErrInvalid, data.ErrInput, pyg.ErrInvalid, store.ErrUnusable, libtorch.ErrNoCUDA, train.ErrNonFinite} {
		if errors.Is(err, input) {
			return ExitInput
		}
	}
	return ExitFailure
}

func stopCode(cause error) int {
	var s Stopped
	if errors.As(cause, &s) {
		return 128 + int(s.Signal)
	}
	return ExitDone
}

// inputError makes err one that the user mends.
func inputError(err error) error { return fmt.Errorf("%w: %w", config.ErrInvalid, err) }

// await runs f, which cannot be interrupted, and leaves it behind when ctx
// ends first: the process is about to end too.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// openFile opens an input; that it cannot be opened is the user's to mend.
func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, inputError(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file: set DATA_DIR to one that torch.save(data) wrote", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, inputError(err)
	}
	return f, info.Size(), nil
}
