package job

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

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
	before := countHeld()
	c, err := config.Load(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	defer tellLeft(log, before)
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
			err = inputError(wrong)
		}
	}
	if err != nil {
		return Refuse(c.IDs, c.Kafka.Lang, events, log, err)
	}
	observed := newMetrics(c, version)
	unserve, err := serveMetrics(ctx, c.Metrics, observed, log)
	if err != nil {
		return Refuse(c.IDs, c.Kafka.Lang, events, log, err)
	}
	defer unserve()
	j := &Job{Config: c, Events: events, Console: console, Log: log, Version: version, Metrics: observed}
	if broker != nil {
		j.Broker = broker
	}
	if j.Store, err = newStore(c, func(line string) { log.Warn().Msg(line) }); err != nil {
		return Refuse(c.IDs, c.Kafka.Lang, events, log, inputError(err))
	}
	return j.Run(ctx)
}

// warnMisspelt says which names in environ are nearly variables.
func warnMisspelt(log zerolog.Logger, environ []string) {
	for _, line := range config.Misspelt(environ) {
		log.Warn().Msg(line)
	}
}

// newStore is MinIO where it is configured, else a folder.
func newStore(c config.Config, log func(string)) (Store, error) {
	if c.Store.Endpoint == "" {
		c.Store.Dir = StoreDir(c)
		return store.NewFolder(c.Store, c.IDs.QueueID)
	}
	return NewMinIO(c, log)
}

// StoreDir is STORE_DIR where WORK_DIR says.
func StoreDir(c config.Config) string { return inWorkDir(c, c.Store.Dir) }

func inWorkDir(c config.Config, dir string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(c.Paths.WorkDir, dir)
}

// NewMinIO is the run's place in MinIO, which must be configured. Nothing is
// touched yet; the error is the user's to mend.
func NewMinIO(c config.Config, log func(string)) (*store.MinIO, error) {
	c.Store.Dir = StoreDir(c)
	var roots *x509.CertPool
	if c.Kafka.CAPath != "" && c.Store.Secure {
		pem, err := os.ReadFile(c.Kafka.CAPath)
		if err != nil {
			return nil, fmt.Errorf("CA_PATH must name a PEM file of certificates: %w", err)
		}
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA_PATH=%s holds no certificate: set it to the PEM file of the authority that signed MinIO's", c.Kafka.CAPath)
		}
	}
	return store.NewMinIO(c.Store, c.IDs.QueueID, roots, log)
}

func newLogger(c config.Log, console *progress.Console, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil || c.Level == "" {
		level = zerolog.InfoLevel // a wrong one is told of as an error of the configuration
	}
	log := zerolog.New(console).Level(level).With().Timestamp().Logger()
	if c.Format == "console" || c.Format != "json" && terminal {
		log = log.Output(zerolog.ConsoleWriter{Out: console, TimeFormat: "15:04:05", NoColor: !terminal, FieldsExclude: []string{"kind", "what", "where", "remedy"}}) // the sentence says it
	}
	return log
}
