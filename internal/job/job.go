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

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// Exit codes of a run. A signal's is 128 + its number.
const (
	ExitDone    = 0
	ExitFailure = 1 // worth a retry
	ExitInput   = 2 // wrong configuration or input: a retry would end the same
)

// refusedWords bounds the sending of the error of a run that cannot be made.
const refusedWords = 10 * time.Second

// Stopped is the cause of a context that ends because of a signal.
type Stopped struct{ Signal syscall.Signal }

func (s Stopped) Error() string { return "stopped by " + s.Signal.String() }

// Store is where artefacts go: a folder, or MinIO. Open proves that it can be
// written, Begin takes an old result back, PutManifest makes the new one, and
// Flush waits until everything is where it belongs.
type Store interface {
	Open(ctx context.Context) error
	Close()
	Begin(ctx context.Context) error
	Put(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	PutManifest(ctx context.Context, m store.Manifest) error
	Flush(ctx context.Context) error

	Location(name string) string
	Result(ctx context.Context) (store.Manifest, error)
	MoveLatest(ctx context.Context, m store.Manifest) error
	Read(ctx context.Context, name string) ([]byte, error)

	Checkpoints
	AppendEvent(event []byte) error
}

// Checkpoints are where a run keeps what its next start goes on from.
type Checkpoints interface {
	PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	Checkpoints(ctx context.Context) ([]store.FileInfo, error)
	ReadCheckpoint(ctx context.Context, c store.FileInfo) ([]byte, error)
	RemoveCheckpoint(ctx context.Context, c store.FileInfo) error
}

// Job is a run's configuration and surroundings.
type Job struct {
	Config  config.Config
	Store   Store
	Events  kafka.Sink
	Broker  Broker            // nil: no stop comes but by signals
	Console *progress.Console // stderr
	Log     zerolog.Logger    // built on Console
	Version string            // of gnn-trainer
	Metrics *metrics.Metrics  // nil: nobody looks at them

	begun time.Time        // when the process began its work
	kept  []store.FileInfo // checkpoints and records that are stored, the newest of a kind last
}

// Run does the job and returns the process's exit code. It ends early, with
// what is learned so far, when ctx ends, at a stop from the broker, or where
// that refuses to listen; context.Cause tells which.
func (j *Job) Run(ctx context.Context) int {
	j.begun = time.Now()
	defer j.Store.Close()
	s := newShutdown(ctx)
	defer s.over()
	undelivered := false
	telemetry := kafka.NewTelemetry(j.Config.IDs, j.Config.Kafka.Lang, j.Events, func(event []byte) {
		undelivered = true
		j.report("keeping an undelivered event", j.Store.AppendEvent(event))
	})
	if j.Metrics == nil {
		j.Metrics = newMetrics(j.Config, j.Version)
	}
	j.observe(s, telemetry)
	endReports, reported := j.reportProgress()
	r := &run{Job: j, shutdown: s, telemetry: telemetry}
	outcome, err := supervise(s, stopWatchdog, j.Console, func() (outcome, error) { return r.do() })
	if refused := refusal(s); refused != nil && err == nil && outcome.interrupted {
		err = refused
	}
	j.Metrics.Enter(metrics.Finishing)
	if err == nil && !outcome.interrupted {
		j.Metrics.Finished()
	}
	endReports()
	code := j.conclude(s, telemetry, outcome, err)
	// What else could not be told is in the log already.
	_ = telemetry.Close()
	last, cancel := s.last()
	defer cancel()
	if stop := (kafka.Stop{}); code == ExitDone && outcome.interrupted && errors.As(context.Cause(s), &stop) {
		r.record.Served = append(r.record.Served, stop.Position)
		j.report("remembering the stop", j.saveRecord(last, &r.record))
	}
	if undelivered || outcome.stored {
		j.report("uploading what is left", j.Store.Flush(last))
	}
	reported()
	return code
}

// conclude tells the one terminal event. It runs after the last write of the
// result.
func (j *Job) conclude(s *shutdown, telemetry *kafka.Telemetry, o outcome, err error) int {
	// The event must leave although the run's own context has ended.
	last, cancel := s.last()
	defer cancel()
	code := ExitDone
	switch {
	case err != nil:
		code = ExitCode(err)
		j.Metrics.Error()
		logFaults(j.Log, err)
		_, err = telemetry.Error(last, err)
	case o.interrupted:
		code = stopCode(context.Cause(s))
		j.Log.Warn().Bool("model_stored", o.modelPath != "").
			Msg("interrupted: " + context.Cause(s).Error() + "; start this QUEUE_ID again to go on")
		_, err = telemetry.Interrupted(last, o.modelPath)
	default:
		_, err = telemetry.Finished(last, o.modelPath, o.metrics)
	}
	if err != nil {
		j.Metrics.Error()
		j.Log.Error().Err(err).Msg("the terminal event was not delivered: it is in " + store.EventsName)
		return max(code, ExitCode(err))
	}
	return code
}

// Refuse tells of an error that came before a run could be made, as far as
// the run's ids are known, and returns the exit code.
func Refuse(ids kafka.IDs, lang kafka.Lang, events kafka.Sink, log zerolog.Logger, err error) int {
	logFaults(log, err)
	if ids.Known() {
		telemetry := kafka.NewTelemetry(ids, lang, events, nil)
		ctx, cancel := context.WithTimeout(context.Background(), refusedWords)
		defer cancel()
		if _, err := telemetry.Error(ctx, err); err != nil {
			log.Error().Err(err).Msg("the terminal event was not delivered")
		}
	}
	return ExitCode(err)
}

// report logs an error that does not end the run.
func (j *Job) report(what string, err error) {
	if err != nil {
		j.Metrics.Error()
		j.Log.Warn().Err(err).Msg(what + " failed; the run goes on")
	}
}

// ExitCode tells what a retry could mend. A loss that is not finite comes
// again with the same seed: its message says what to change.
func ExitCode(err error) int {
	if fault.Permanent(err) {
		return ExitInput
	}
	return ExitFailure
}

// logFaults writes a line for each fault of err: its sentence for people, its
// fields for programs.
func logFaults(log zerolog.Logger, err error) {
	var faults fault.List
	faults.Add(err)
	for _, one := range faults {
		f := fault.Of(one)
		line := log.Error().Str("kind", string(f.Kind)).Str("what", f.What)
		if f.Where != "" {
			line = line.Str("where", f.Where)
		}
		if f.Remedy != "" {
			line = line.Str("remedy", f.Remedy)
		}
		line.Msg(f.Error())
	}
}

func stopCode(cause error) int {
	var s Stopped
	if errors.As(cause, &s) {
		return 128 + int(s.Signal)
	}
	return ExitDone
}

// inputError makes err one that the user fixes.
func inputError(err error) error { return fault.Input("%w", err) }

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
