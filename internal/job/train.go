package job

import (
	"context"
	"os"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// Train reads the configuration from environ, in the form of os.Environ, runs
// the job and returns its exit code. Events go to stdout, logs and progress to
// stderr.
func Train(ctx context.Context, environ []string, version string, stdout, stderr *os.File) int {
	c, err := config.Load(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	events := kafka.Lines(stdout)
	if terminal && progress.IsTerminal(stdout) {
		events = kafka.Lines(console.Beside(stdout))
	}
	if err != nil {
		return Refuse(c.IDs, c.Kafka.Lang, events, log, err)
	}
	folder, err := store.NewFolder(c.Store, c.IDs.QueueID)
	if err != nil {
		return Refuse(c.IDs, c.Kafka.Lang, events, log, inputError(err))
	}
	j := &Job{Config: c, Store: folder, Events: events, Console: console, Log: log, Version: version}
	return j.Run(ctx)
}

func newLogger(c config.Log, console *progress.Console, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil || c.Level == "" {
		level = zerolog.InfoLevel // a wrong one is told of as an error of the configuration
	}
	log := zerolog.New(console).Level(level).With().Timestamp().Logger()
	if c.Format == "console" || c.Format != "json" && terminal {
		log = log.Output(zerolog.ConsoleWriter{Out: console, TimeFormat: "15:04:05", NoColor: !terminal})
	}
	return log
}
