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
	var broker *kafka.Broker
	if c.ReachesKafka() {
		var wrong error
		if broker, wrong = kafka.NewBroker(c.Kafka); wrong == nil {
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
	stop := newShutdown(ctx)
	defer stop.over()
	if err != nil {
		return p.conclude(stop, err)
	}
	if broker != nil {
		p.broker = broker
	}
	return p.conclude(stop, p.run(stop))
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
	broker    Broker             // nil: only signals end a stream
	telemetry *kafka.Telemetry

	thread *torch.Thread
	device torch.Device
	model  *servedModel // nil: not loaded yet
	bar    *bar         // the newest that was predicted; nil: none yet
}

// run predicts the newest closed bar and, as PREDICT asks for it, those that follow.
func (p *prediction) run(s *shutdown) (err error) {
	if p.thread, p.device, err = openDevice(p.config.Train.Device, newMetricsOf(p.config, p.version, 1), p.log); err != nil {
		return err
	}
	defer p.thread.Close()
	p.warn("sending an event", p.telemetry.Started())
	stored, err := readModel(s, p.config, p.log)
	if err != nil {
		return err
	}
	if p.model, err = stored.serve(p.thread, p.device); err != nil {
		return err
	}
	defer func() { p.model.predictor.Close() }()
	m := p.model.metadata
	if p.device == torch.CPU {
		if err = limitThreads(p.thread, float64(len(m.Symbols)*m.Hidden), p.log); err != nil {
			return err
		}
	}
	p.logModel()
	p.warn("sending an event", p.telemetry.Loading(kafka.LoadingData))
	if p.config.Predict.Mode == config.PredictStream {
		return p.stream(s)
	}
	b, _, err := p.newest(s, p.source)
	if err != nil {
		return err
	}
	if err := p.write(b); err != nil {
		return err
	}
	if err := p.handOn(s, b); err != nil {
		return err
	}
	p.bar = b
	p.logBar(b)
	return nil
}

// newest predicts the newest closed bar of a source.
func (p *prediction) newest(ctx context.Context, c source.Config) (*bar, seen, error) {
	loading := progress.NewLoading(p.console, p.log)
	c.Watch = loading.Step
	panel, at, err := loadNewest(ctx, c, p.model.metadata, p.log)
	loading.Done()
	if err != nil {
		return nil, at, err
	}
	b, err := predictNewest(ctx, panel, p.model)
	return b, at, err
}

// logModel logs which model predicts.
func (p *prediction) logModel() {
	m := p.model.metadata
	p.log.Info().Str("model_queue_id", p.model.queueID).Str("model", p.model.path).Str("type", m.ModelType).Str("task", m.Task).Str("interval", m.Interval).
		Int("symbols", len(m.Symbols)).Msg("model loaded")
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
func (p *prediction) conclude(s *shutdown, err error) (code int) {
	last, cancel := s.terminalContext()
	defer cancel()
	e := Ending{}
	if err != nil {
		e = endingOf(s, err, "")
	}
	// Errors of earlier events are in the log already.
	defer func() { _ = p.telemetry.Close() }()
	known := p.config.IDs.Known()
	var undelivered error
	switch {
	case e.InterruptedBy != nil:
		if by := (Stopped{}); errors.As(e.InterruptedBy, &by) {
			code = by.ExitCode()
		}
		p.log.Warn().Msg("interrupted: " + e.InterruptedBy.Error())
		if known {
			_, undelivered = p.telemetry.Interrupted(last, "")
		}
	case e.Err != nil:
		code = ExitCode(e.Err)
		logFaults(p.log, e.Err)
		if known {
			_, undelivered = p.telemetry.Error(last, e.Err)
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
