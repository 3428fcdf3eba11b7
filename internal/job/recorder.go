package job

import (
	"context"
	"errors"
	"os"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
)

// Record keeps order books in CACHE_DIR until ctx ends, as environ, in the form
// of os.Environ, says, and returns the exit code. Logs go to stderr.
func Record(ctx context.Context, environ []string, stderr *os.File) int {
	c, err := config.LoadRecord(environ)
	terminal := progress.IsTerminal(stderr)
	log := newLogger(c.Log, progress.NewConsole(stderr, terminal), terminal)
	warnMisspelt(log, environ)
	if err != nil {
		log.Error().Msg(err.Error())
		return ExitInput
	}
	from := Cached(c)
	err = source.Record(ctx, from, source.Recording{
		Begin: func(symbols []string) {
			log.Info().Strs("symbols", symbols).Str("market", from.Binance.Market).Str("cache", from.Binance.CacheDir).Msg("recording order books")
		},
		Stats: func(s binance.Stats) {
			log.Info().Int("symbols", s.Symbols).Int("in_sync", s.InSync).Int64("rows", s.Rows).Int64("updates", s.Updates).Int64("gaps", s.Gaps).
				Int64("reconnects", s.Reconnects).Int64("resyncs", s.Resyncs).Int64("malformed", s.Malformed).Msg("recorded")
		},
		Warn: func(line string) { log.Warn().Msg(line) },
	})
	switch {
	case errors.Is(err, data.ErrInput):
		log.Error().Msg(err.Error())
		return ExitInput
	case err != nil:
		log.Error().Msg(err.Error())
		return ExitFailure
	}
	return ExitDone
}

// Cached is the source's configuration, with CACHE_DIR where WORK_DIR says.
func Cached(c config.Config) source.Config {
	s := c.Source
	s.Binance.CacheDir = inWorkDir(c, s.Binance.CacheDir)
	return s
}
