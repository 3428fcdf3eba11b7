package job

import (
	"context"
	"errors"
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
	return start(ctx, environ, version, how{}, stdout, stderr)
}

// Tune is Train of the best of several configurations, which the variables of
// environ with the prefix TUNE_ describe. As JSON, stdout gets what tune.json has,
// once the model is stored, in place of the events.
func Tune(ctx context.Context, environ []string, version string, asJSON bool, stdout, stderr *os.File) int {
	return start(ctx, environ, version, how{tuned: true, asJSON: asJSON}, stdout, stderr)
}

// how a run was started.
type how struct{ tuned, asJSON bool }

func start(ctx context.Context, environ []string, version string, as how, stdout, stderr *os.File) int {
	before := countResources()
	c, err := config.Load(environ)
	var search *Search
	if as.tuned {
		var wrong error
		if search, wrong = newSearch(c, environ); wrong != nil {
			err = errors.Join(err, wrong)
		}
	}
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	defer logLeaks(log, before)
	warnMisspelt(log, environ)
	lines := kafka.Lines(stdout)
	if progress.IsTerminal(stdout) {
		lines = kafka.Lines(console.Beside(stdout))
	}
	warn := func(line string) { log.Warn().Msg(line) }
	events := localEvents(c.Kafka, lines, as.asJSON || progress.IsTerminal(stdout))
	if as.asJSON && c.Kafka.Events == kafka.EventsStdout {
		err = errors.Join(err, fault.Input("EVENTS=stdout and gnn-trainer tune --json write to stdout both").At("EVENTS").Fix("unset EVENTS, or leave out --json"))
		events, lines = kafka.Discard, kafka.Discard
	}
	var broker *kafka.Broker
	if c.ReachesKafka() {
		var wrong error
		if broker, wrong = kafka.NewBroker(c.Kafka); wrong == nil {
			defer broker.Close()
			events = kafkaEvents(c.Kafka, broker.Events(c.IDs.QueueID, warn), lines, warn)
		} else if err == nil {
			err = fault.Input("%w", wrong)
		}
	}
	if err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, err)
	}
	trainings := c.Trainings()
	if search != nil {
		trainings++ // as far as progress goes
	}
	observed := newMetricsOf(c, version, trainings)
	unserve, err := serveMetrics(ctx, c.Metrics, observed, log)
	if err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, err)
	}
	defer unserve()
	j := &Job{
		Config: c, Events: events, Console: console, Log: log, Version: version, Metrics: observed,
		Summary: terminal && c.Log.Format != "json", Search: search,
	}
	if broker != nil {
		j.Broker = broker
	}
	if j.Store, err = newStorage(c, warn); err != nil {
		return Reject(c.IDs, c.Kafka.Lang, events, log, fault.Input("%w", err))
	}
	code := j.Run(ctx)
	if as.asJSON {
		if err := search.write(context.WithoutCancel(ctx), stdout, j.Store.Results, code); err != nil {
			log.Error().Err(err).Msg("writing the trials to stdout failed")
			code = max(code, ExitFailure)
		}
	}
	observed.Linger(ctx, c.Metrics.Linger)
	return code
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

// localEvents is where events go without Kafka.
func localEvents(c kafka.Config, stdout kafka.Sink, terminal bool) kafka.Sink {
	if c.Events == kafka.EventsNone || c.Events != kafka.EventsStdout && terminal {
		return kafka.Discard
	}
	return stdout
}

// kafkaEvents is where events go with Kafka: there, and to stdout where EVENTS
// asks for it.
func kafkaEvents(c kafka.Config, broker, stdout kafka.Sink, warn func(string)) kafka.Sink {
	if c.Events != kafka.EventsStdout {
		return broker
	}
	return kafka.Copy(broker, stdout, func(err error) { warn(err.Error() + "; Kafka gets the events") })
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
		log = log.Output(zerolog.ConsoleWriter{
			Out: console.Wrapped(), TimeFormat: "15:04:05", NoColor: !terminal || os.Getenv("NO_COLOR") != "",
			FieldsExclude: []string{"kind", "what", "where", "remedy", "reasons"}, // the sentence says them; metadata.json has the reasons
		})
	}
	return log
}
