package job

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
)

// Record keeps order books in CACHE_DIR until ctx ends. It reads the
// configuration from environ, in the form of os.Environ, and returns the exit
// code. Logs go to stderr.
func Record(ctx context.Context, environ []string, stderr *os.File) int {
	c, err := config.LoadRecord(environ)
	terminal := progress.IsTerminal(stderr)
	console := progress.NewConsole(stderr, terminal)
	log := newLogger(c.Log, console, terminal)
	warnMisspelt(log, environ)
	if err != nil {
		logFaults(log, err)
		return ExitInput
	}
	from := Cached(c)
	shown := newRecorded(console, log, time.Now)
	// Until the recording begins, its waits have the line of the terminal; then
	// the recording has.
	loading := progress.NewLoading(console, log)
	err = source.Record(ctx, from, source.Recording{
		Begin: func(symbols []string) {
			loading.Done()
			loading = progress.NewLoading(progress.NewConsole(io.Discard, false), log)
			log.Info().Strs("symbols", symbols).Str("market", from.Binance.Market).Str("cache", from.Binance.CacheDir).Msg("recording order books")
		},
		Stats: shown.update,
		Warn:  func(line string) { log.Warn().Msg(line) },
		Wait:  func(s data.Step) { loading.Step(s) },
	})
	loading.Done()
	shown.done()
	if err != nil {
		logFaults(log, err)
		return ExitCode(err)
	}
	return ExitDone
}

// recordedEvery is how often a log reports a recording; a terminal always shows
// it.
const recordedEvery = time.Minute

// recorded reports the progress of a recording. It is for one goroutine at a
// time.
type recorded struct {
	status *progress.Status
	log    zerolog.Logger
	now    func() time.Time

	began, logged time.Time
	last          binance.Stats
	pending       bool // last is not logged yet
}

func newRecorded(console *progress.Console, log zerolog.Logger, now func() time.Time) *recorded {
	return &recorded{status: progress.NewStatus(console), log: log, now: now}
}

// update takes the newest counts.
func (r *recorded) update(s binance.Stats) {
	now := r.now()
	if r.began.IsZero() {
		r.began, r.logged = now, now
	}
	r.last, r.pending = s, true
	r.status.Show(fmt.Sprintf("recording %s  %d/%d in sync  %d rows  %d updates  %d gaps  %d reconnects",
		now.Sub(r.began).Truncate(time.Second), s.InSync, s.Symbols, s.Rows, s.Updates, s.Gaps, s.Reconnects))
	if !r.status.Shows() && now.Sub(r.logged) >= recordedEvery {
		r.write()
	}
}

// done logs the counts at the end of a recording that began.
func (r *recorded) done() {
	r.status.Done()
	if r.pending {
		r.write()
	}
}

func (r *recorded) write() {
	s := r.last
	r.logged, r.pending = r.now(), false
	r.log.Info().Int("symbols", s.Symbols).Int("in_sync", s.InSync).Int64("rows", s.Rows).Int64("updates", s.Updates).Int64("gaps", s.Gaps).
		Int64("reconnects", s.Reconnects).Int64("resyncs", s.Resyncs).Int64("malformed", s.Malformed).Msg("recorded")
}

// Cached is the source's configuration, with CACHE_DIR in WORK_DIR where it is
// relative.
func Cached(c config.Config) source.Config {
	s := c.Source
	s.Binance.CacheDir = inWorkDir(c, s.Binance.CacheDir)
	return s
}
