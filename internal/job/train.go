package job

import (
	"context"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
)

// Train reads the configuration from environ, in the form of os.Environ, runs
// the job and returns its exit code. Events go to stdout, logs and progress to
// stderr.
func Train(ctx context.Context, environ []string, version string, stdout, stderr *os.File) int {
	before := countResources()
	c, err := config.Load(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	defer logLeaks(log, before)
	warnMisspelt(log, environ)
	events := kafka.Lines(stdout)
	if terminal && progress.IsTerminal(stdout) {
		events = kafka.Lines(console.Beside(stdout))
	}
	var broker *kafka.Broker
	if c.Kafka.BootstrapServers != "" && c.Kafka.Validate() == nil {
		var wrong error
		if broker, wrong = kafka.NewBroker(c.Kafka); wrong == nil {
			defer broker.Close()
			events = broker.Events(c.IDs.QueueID, func(line string) { log.Warn().Msg(line) })
		} else if err == nil {
			err = fault.Input("%w", wrong)
		}
	}
	if err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, err)
	}
	observed := newMetrics(c, version)
	unserve, err := serveMetrics(ctx, c.Metrics, observed, log)
	if err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, err)
	}
	defer unserve()
	j := &Job{Config: c, Events: events, Console: console, Log: log, Version: version, Metrics: observed}
	if broker != nil {
		j.Broker = broker
	}
	if j.Store, err = newStorage(c, func(line string) { log.Warn().Msg(line) }); err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, fault.Input("%w", err))
	}
	return j.Run(ctx)
}

// startupErrorTimeout bounds the sending of the error of a run that cannot start.
const startupErrorTimeout = 10 * time.Second

// Reject ends a run that cannot start, with an event as far as its ids are
// known, and returns the exit code.
func Reject(ids kafka.IDs, lang kafka.Lang, events kafka.Sink, log zerolog.Logger, err error) int {
	if !ids.Known() {
		logFaults(log, err)
		return ExitCode(err)
	}
	telemetry := kafka.NewTelemetry(ids, lang, events, nil)
	ctx, cancel := context.WithTimeout(context.Background(), startupErrorTimeout)
	defer cancel()
	code, undelivered := Ending{Err: err}.conclude(ctx, telemetry, log)
	if undelivered != nil {
		log.Error().Err(undelivered).Msg("the terminal event was not delivered")
	}
	return code
}

// warnMisspelt logs which names in environ are nearly variables.
func warnMisspelt(log zerolog.Logger, environ []string) {
	for _, line := range config.Misspelt(environ) {
		log.Warn().Msg(line)
	}
}

func newLogger(c config.Log, console *progress.Console, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil || c.Level == "" {
		level = zerolog.InfoLevel // a wrong one is an error of the configuration
	}
	log := zerolog.New(console).Level(level).With().Timestamp().Logger()
	if c.Format == "console" || c.Format != "json" && terminal {
		log = log.Output(zerolog.ConsoleWriter{Out: console, TimeFormat: "15:04:05", NoColor: !terminal, FieldsExclude: []string{"kind", "what", "where", "remedy"}}) // the sentence says it
	}
	return log
}
