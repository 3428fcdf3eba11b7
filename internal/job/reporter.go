package job

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// reporter passes on how a run is going: to the metrics, to telemetry, and to
// the log.
type reporter struct {
	telemetry *kafka.Telemetry
	metrics   *metrics.Metrics
	log       zerolog.Logger
	reject    func(cause error) // ends the run

	trained atomic.Bool // the model is trained: no rejection ends the run any more
}

// enter reports the phase that the run has reached.
func (r *reporter) enter(p metrics.Phase, text kafka.Text) {
	r.metrics.Enter(p)
	r.handleTelemetryError(r.telemetry.Loading(text))
}

// handleTelemetryError logs an event that was not delivered. A broker that
// rejects one before the training will reject them all: the run is stopped.
func (r *reporter) handleTelemetryError(err error) {
	if errors.Is(err, fault.ErrRejected) && !r.trained.Load() {
		r.reject(err)
		return
	}
	r.warn("sending an event", err)
}

// epoch reports an epoch of the model to telemetry, and returns how long that
// took. Of a fold of several, epochs count over all of them, as if none stopped
// early.
func (r *reporter) epoch(e train.Epoch, by *criterion, epochs, fold, folds int) time.Duration {
	begin := time.Now()
	extra := map[string]float64{"valid_loss": e.ValidLoss, "valid_auc": e.Score}
	if by != nil {
		extra["valid_"+by.name] = e.Metric
	}
	number := e.Number
	if fold > 0 {
		extra["fold"], extra["folds"] = float64(fold), float64(folds)
		number, epochs = number+(fold-1)*epochs, epochs*folds
	}
	r.warn("sending an event", r.telemetry.Epoch(number, epochs, e.TrainLoss, extra))
	return time.Since(begin)
}

// warn logs an error that does not end the run.
func (r *reporter) warn(what string, err error) {
	if err != nil {
		r.metrics.Error()
		r.log.Warn().Err(err).Msg(what + " failed; the run continues")
	}
}
