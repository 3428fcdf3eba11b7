package job

import (
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// logCoverage logs which part of the candles there is, and warns of what the
// result will not show: symbols of which nothing is learned or predicted.
func logCoverage(d *data.Dataset, symbol string, log zerolog.Logger) {
	if d.Coverage == nil {
		return
	}
	candles := 0
	var absent, thin, still []string
	for _, c := range d.Coverage {
		candles += c.Candles
		switch {
		case c.Snapshots == 0:
			absent = append(absent, fmt.Sprintf("%s (%d candles)", c.Symbol, c.Candles))
		case 2*c.Snapshots < d.Panel.Len():
			thin = append(thin, fmt.Sprintf("%s (%d candles, %d snapshots)", c.Symbol, c.Candles, c.Snapshots))
		}
		if c.Still {
			still = append(still, c.Symbol)
		}
	}
	times := d.OpenTimes()
	log.Info().Str("first", stampOf(times[0])).Str("last", stampOf(times[len(times)-1])).Int("snapshots", len(times)).
		Float64("candles_there", round(evaluation.Float(candles)/evaluation.Float(d.NumNodes()*d.Axis.Bars))).Msg("range of the snapshots")
	logSessions(d.Axis, log)
	warn := func(names []string, format string, a ...any) {
		if len(names) > 0 {
			log.Warn().Str("symbols", source.FirstOf(names)).Msgf(format, a...)
		}
	}
	warn(absent, "these symbols are in no snapshot, so nothing is predicted of them: a snapshot needs %d candles without a gap above MAX_GAP before it; leave them out (EXCLUDE) or load more of them", d.FewestCandles()-1)
	warn(thin, "these symbols are in less than half of the %d snapshots", d.Panel.Len())
	warn(still, "the price of these symbols never changes")
	warn(withoutRows(d, data.Train, symbol), "these symbols have no row in the train split, so nothing was learned of them: move TRAIN_END or leave them out (EXCLUDE)")
	warn(withoutRows(d, data.Live, symbol), "these symbols end before the newest bar, so they have no live prediction")
	warnOfSymbol(d, symbol, log)
}

// longClosure is the time from which a market is more likely to lack candles than
// to be closed: the longest holidays of an exchange take nine days.
const longClosure = 10 * 24 * time.Hour

// logSessions logs that the market has closing hours, and warns of a closure that
// no exchange has: a return over it counts as one over a bar.
func logSessions(axis data.Axis, log zerolog.Logger) {
	if axis.Times == nil {
		return
	}
	log.Info().Int("bars", axis.Bars).Msg("the market has closing hours: while no symbol trades there are no bars")
	long := 0
	for t := 1; t < axis.Bars; t++ {
		if time.Duration(axis.Times[t]-axis.Times[t-1])*time.Millisecond <= longClosure {
			continue
		}
		if long++; long <= maxWarnings {
			log.Warn().Str("from", stampOf(axis.CloseTime(t-1))).Str("to", stampOf(axis.Times[t])).
				Msg("no symbol has a candle for more than ten days, which counts as closing hours: add what is missing, or set START behind it")
		}
	}
}

// withoutRows are the symbols but one that are in snapshots, and in none of the
// split.
func withoutRows(d *data.Dataset, split data.Split, but string) []string {
	var names []string
	for i, rows := range d.EvaluatedIn(split) {
		if rows == 0 && d.Coverage[i].Snapshots > 0 && d.Symbols[i] != but {
			names = append(names, d.Symbols[i])
		}
	}
	return names
}

// warnOfSymbol warns where the symbol that the run is for has no metrics or no
// live prediction, since it is new, ended, or lacks candles there.
func warnOfSymbol(d *data.Dataset, symbol string, log zerolog.Logger) {
	i := slices.Index(d.Symbols, symbol)
	if i < 0 || d.Coverage[i].Snapshots == 0 {
		return
	}
	last := d.Axis.OpenTime(d.Coverage[i].Last)
	for _, part := range []struct {
		split data.Split
		lacks string
	}{{data.Train, "nothing was learned of it"}, {data.Valid, "it has no metrics there"}, {data.Test, "it has no metrics there"}, {data.Live, "nothing is predicted of it"}} {
		if d.EvaluatedIn(part.split)[i] == 0 {
			log.Warn().Str("symbol", symbol).Str("last_candle", stampOf(last)).
				Msgf("SYMBOL has no row in the %s split, so %s: move END or the splits to where it trades", part.split, part.lacks)
		}
	}
}

// logJumps warns of prices that no market makes, whose windows are masked.
func logJumps(d *data.Dataset, log zerolog.Logger) {
	for _, j := range d.Jumps[:min(len(d.Jumps), maxWarnings)] {
		e := log.Warn().Str("symbol", j.Symbol).Str("open_time", stampOf(j.OpenTime)).Float64("ratio", j.Ratio)
		if j.Origin != "" {
			e = e.Str("file", j.Origin)
		}
		e.Msg("a price changes between two bars as no market does (a split, a redenomination, another unit, a wrong candle): no window and no return spans it; correct the candles before it")
	}
	if more := len(d.Jumps) - maxWarnings; more > 0 {
		log.Warn().Int("more", more).Msg("other prices change so, too")
	}
}

func stampOf(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
