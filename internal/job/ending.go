package job

import (
	"context"
	"errors"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/internal/tune"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Exit codes of a run. That of a signal is 128 + its number.
const (
	ExitDone    = 0
	ExitFailure = 1 // worth a retry
	ExitInput   = 2 // wrong configuration or input: a retry would end the same
)

// Ending is how a run ended. It failed where Err is set, was interrupted where
// InterruptedBy is, and finished otherwise.
type Ending struct {
	Err           error
	InterruptedBy error // Stopped or kafka.Stop, the cause that ended the run's context

	ModelPath string  // of model.pt; empty: none is stored
	Result    *Result // that lies there; nil: none, or not read
	Stored    bool    // this start stored it, and its upload may be under way

	Trials *tune.State // of a search; nil: there was none
}

// Result is what the artefacts of a run say of it.
type Result struct {
	Metadata result.Metadata
	Metrics  result.Metrics
}

// Stopped is the cause of a context that ends because of a signal.
type Stopped struct{ Signal syscall.Signal }

func (s Stopped) Error() string { return "stopped by " + s.Name() }

// Name is the signal's, such as SIGTERM.
func (s Stopped) Name() string { return unix.SignalName(s.Signal) }

// ExitCode is that of a process that the signal has ended.
func (s Stopped) ExitCode() int { return 128 + int(s.Signal) }

// endingOf is the ending of a run that err ended. A stop is no error, unless it
// comes from a broker that rejects the run. modelPath is where an earlier start
// left a model.
func endingOf(ctx context.Context, err error, modelPath string) Ending {
	if !isStop(ctx, err) {
		return Ending{Err: withOOMHint(err)}
	}
	if cause := context.Cause(ctx); errors.Is(cause, fault.ErrRejected) {
		return Ending{Err: cause}
	}
	return Ending{InterruptedBy: context.Cause(ctx), ModelPath: modelPath}
}

// isStop tells whether err is only that ctx has ended.
func isStop(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}

// conclude is the one place that maps an ending to its log line, its terminal
// event and its exit code. It runs after the last write of the result. The error
// is that of an event that was not delivered.
func (e Ending) conclude(ctx context.Context, t *kafka.Telemetry, log zerolog.Logger) (code int, err error) {
	switch {
	case e.Err != nil:
		code = ExitCode(e.Err)
		logFaults(log, e.Err)
		_, err = t.Error(ctx, e.Err)
	case e.InterruptedBy != nil:
		if s := (Stopped{}); errors.As(e.InterruptedBy, &s) {
			code = s.ExitCode()
		}
		log.Warn().Bool("model_stored", e.ModelPath != "").
			Msg("interrupted: " + e.InterruptedBy.Error() + "; start this QUEUE_ID again to resume")
		_, err = t.Interrupted(ctx, e.ModelPath)
	default:
		_, err = t.Finished(ctx, e.ModelPath, eventMetrics(e.Result.Metrics))
	}
	if err != nil {
		code = max(code, ExitCode(err))
	}
	return code, err
}

// ExitCode tells whether a retry could help. A loss that is not finite comes
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

// withOOMHint adds the remedy to an allocation that failed. It stays worth a
// retry: on a shared GPU a neighbour may have taken the memory.
func withOOMHint(err error) error {
	if !errors.Is(err, torch.ErrOutOfMemory) {
		return err
	}
	return fault.Transient("%w", err).Fix("lower BATCH_SIZE or HIDDEN, take fewer SYMBOLS or bars (LOOKBACK), or give the run more memory")
}
