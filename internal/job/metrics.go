package job

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/kubeflow"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// lastReport is how long the last report to Kubeflow may take beside the
// terminal event, which it does not hold up.
const lastReport = 2 * time.Second

// newMetrics makes those of a run of c.
func newMetrics(c config.Config, version string) *metrics.Metrics {
	return newMetricsOf(c, version, c.Trainings())
}

// newMetricsOf is newMetrics for so many trainings of a fold.
func newMetricsOf(c config.Config, version string, trainings int) *metrics.Metrics {
	return metrics.New(metrics.Run{
		QueueID: c.IDs.QueueID, Symbol: c.IDs.Symbol, ModelName: c.Store.ModelName,
		Version: version, Torch: torch.Version(), Epochs: c.Train.Epochs, Trainings: trainings, Folds: c.Data.Count,
		Tensors: torch.LiveHandles,
	})
}

// serveMetrics answers scrapes and probes on METRICS_ADDR, where that is set,
// until end.
func serveMetrics(ctx context.Context, c metrics.Config, m *metrics.Metrics, log zerolog.Logger) (end func(), err error) {
	if c.Addr == "" {
		return func() {}, nil
	}
	server, err := metrics.Serve(ctx, c.Addr, m, func(line string) { log.Debug().Msg(line) })
	if err != nil {
		return nil, fault.Input("%w", err)
	}
	log.Info().Str("address", server.Addr()).Msg("metrics are served")
	return server.Close, nil
}

// observe lets each scrape and probe ask the run's parts.
func (j *Job) observe(s *shutdown, t *kafka.Telemetry) {
	from := metrics.Sources{Telemetry: t.Stats}
	if events, ok := j.Events.(interface{ Retries() int64 }); ok {
		from.KafkaRetries = events.Retries
	}
	if bucket, ok := j.Store.Access.(interface{ Uploads() store.Uploads }); ok {
		from.Uploads = bucket.Uploads
	}
	j.Metrics.Sample(from)
	j.Metrics.Healthy(s.overdue)
}

// reportProgress reports the progress to Kubeflow Trainer, where it asks for
// that. end sends the last report in the background; wait waits for it.
func (j *Job) reportProgress() (end func(), wait func()) {
	if j.Config.Kubeflow.URL == "" {
		return func() {}, func() {}
	}
	reporter := kubeflow.Start(j.Config.Kubeflow, func() kubeflow.Status { return statusOf(j.Metrics.Progress()) },
		func(line string) { j.Log.Warn().Msg(line) })
	var last sync.WaitGroup
	return func() {
		last.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), lastReport)
			defer cancel()
			reporter.Close(ctx)
		})
	}, last.Wait
}

// statusOf is what a TrainJob shows of the progress.
func statusOf(p metrics.Progress) kubeflow.Status {
	s := kubeflow.Status{Done: p.Done, Remaining: -1}
	if !p.Finished { // the result may not be stored yet
		s.Done = min(s.Done, 0.99)
	}
	if p.Known {
		s.Remaining = p.Remaining
	}
	if e := p.Epoch; e != nil {
		s.Metrics = []kubeflow.Metric{
			{Name: "epoch", Value: float64(e.Number)},
			{Name: "loss", Value: e.TrainLoss},
			{Name: "valid_loss", Value: e.ValidLoss},
			{Name: "valid_auc", Value: e.Score},
			{Name: "test_auc", Value: p.TestAUC},
		}
		if p.Metric != "" {
			s.Metrics = append(s.Metrics, kubeflow.Metric{Name: "valid_" + p.Metric, Value: e.Metric})
		}
	}
	return s
}
