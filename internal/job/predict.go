package job

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Predict predicts the newest closed bar with a stored model, as environ describes
// it in the form of os.Environ, writes a JSON line for each symbol and horizon to
// stdout, and returns the exit code. Events go to Kafka, or to stderr beside the
// log. It trains nothing, takes no lock of a run, and never moves latest.json.
func Predict(ctx context.Context, environ []string, version string, stdout, stderr *os.File) int {
	before := countResources()
	c, err := config.LoadPredict(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	defer logLeaks(log, before)
	warnMisspelt(log, environ)
	warn := func(line string) { log.Warn().Msg(line) }
	events := kafka.Discard
	var topic *kafka.Predictions
	if c.IDs.Known() {
		events = localEvents(c.Kafka, kafka.Lines(console), terminal)
	}
	if c.ReachesKafka() {
		broker, wrong := kafka.NewBroker(c.Kafka)
		if wrong == nil {
			defer broker.Close()
			events = kafkaEvents(c.Kafka, broker.Events(c.IDs.QueueID, warn), kafka.Lines(console), warn)
			if c.Kafka.PredictionsTopic != "" {
				topic = broker.Predictions(warn)
			}
		} else if err == nil {
			err = fault.Input("%w", wrong)
		}
	}
	p := &prediction{
		config: c, source: Cached(c), version: version, console: console, log: log, lines: stdout, topic: topic,
		telemetry: kafka.NewTelemetry(c.IDs, c.Kafka.Lang, events, nil),
	}
	if progress.IsTerminal(stdout) {
		p.lines = console.Beside(stdout)
	}
	p.telemetry.Say(kafka.OfPrediction)
	if err != nil {
		return p.conclude(ctx, err)
	}
	return p.conclude(ctx, p.once(ctx))
}

// prediction is one call of gnn-trainer predict.
type prediction struct {
	config    config.Config
	source    source.Config
	version   string
	console   *progress.Console
	log       zerolog.Logger
	lines     io.Writer          // stdout
	topic     *kafka.Predictions // nil: no topic gets them
	telemetry *kafka.Telemetry

	model *storedModel // nil: not read yet
	bar   *bar         // nil: not predicted yet
}

// once predicts the newest closed bar.
func (p *prediction) once(ctx context.Context) (err error) {
	thread, device, err := openDevice(p.config.Train.Device, newMetricsOf(p.config, p.version, 1), p.log)
	if err != nil {
		return err
	}
	defer thread.Close()
	p.warn("sending an event", p.telemetry.Started())
	if p.model, err = readModel(ctx, p.config, p.log); err != nil {
		return err
	}
	predictor, task, err := p.model.predictor(thread, device)
	if err != nil {
		return err
	}
	defer predictor.Close()
	m := p.model.metadata
	if device == torch.CPU {
		if err = limitThreads(thread, float64(len(m.Symbols)*m.Hidden), p.log); err != nil {
			return err
		}
	}
	p.log.Info().Str("model_queue_id", p.model.queueID).Str("model", p.model.path).Str("type", m.ModelType).Str("task", m.Task).Str("interval", m.Interval).
		Int("symbols", len(m.Symbols)).Msg("model loaded")
	p.warn("sending an event", p.telemetry.Loading(kafka.LoadingData))
	loading := progress.NewLoading(p.console, p.log)
	p.source.Watch = loading.Step
	panel, err := loadNewest(ctx, p.source, m, p.log)
	loading.Done()
	if err != nil {
		return err
	}
	predicted, err := predictNewest(ctx, panel, predictor, task, m)
	if err != nil {
		return err
	}
	if err := p.deliver(ctx, predicted); err != nil {
		return err
	}
	p.bar = predicted
	p.logBar(predicted)
	return nil
}

// logBar logs what was predicted, and which symbols were not.
func (p *prediction) logBar(b *bar) {
	line := p.log.Info()
	if len(b.masked) > 0 {
		line = p.log.Warn().Strs("without", b.masked).Str("why", "a feature or the candle itself is missing")
	}
	line.Str("open_time", rfc3339(b.openTime)).Int("predicted", len(b.symbols)-len(b.masked)).Int("symbols", len(b.symbols)).
		Float64("seconds_since_its_close", time.Since(b.closed).Round(time.Second).Seconds()).Msg("bar predicted")
}

func (p *prediction) warn(doing string, err error) {
	if err != nil {
		p.log.Warn().Err(err).Msg(doing + " failed")
	}
}

// barMetrics is what the finished event says of a bar.
type barMetrics struct {
	ModelQueueID string `json:"model_queue_id"`
	OpenTime     int64  `json:"open_time"`
	Predicted    int    `json:"predicted"`
	Symbols      int    `json:"symbols"`
}

// conclude emits how the prediction ended, and gives the exit code.
func (p *prediction) conclude(ctx context.Context, err error) (code int) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), terminalTimeout)
	defer cancel()
	// Errors of earlier events are in the log already.
	defer func() { _ = p.telemetry.Close() }()
	known := p.config.IDs.Known()
	var undelivered error
	switch {
	case isStop(ctx, err):
		if s := (Stopped{}); errors.As(context.Cause(ctx), &s) {
			code = s.ExitCode()
		}
		p.log.Warn().Msg("interrupted: " + context.Cause(ctx).Error())
		if known {
			_, undelivered = p.telemetry.Interrupted(last, "")
		}
	case err != nil:
		err = withOOMHint(err)
		code = ExitCode(err)
		logFaults(p.log, err)
		if known {
			_, undelivered = p.telemetry.Error(last, err)
		}
	default:
		if known {
			b := p.bar
			_, undelivered = p.telemetry.Finished(last, p.model.path, barMetrics{p.model.queueID, b.openTime, len(b.symbols) - len(b.masked), len(b.symbols)})
		}
	}
	if undelivered != nil {
		p.log.Error().Err(undelivered).Msg("the terminal event was not delivered")
		code = max(code, ExitCode(undelivered))
	}
	return code
}
