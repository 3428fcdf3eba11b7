package source

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// What is simulated where nothing else is asked for.
const (
	simulatedCount = 20
	simulatedSpan  = 30 * day
)

var simulatedStart = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// simulatedSymbols are the names of the first nodes; further ones are
// numbered.
var simulatedSymbols = []string{
	"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "AVAXUSDT", "DOTUSDT", "LINKUSDT",
	"TRXUSDT", "LTCUSDT", "BCHUSDT", "ATOMUSDT", "UNIUSDT", "NEARUSDT", "APTUSDT", "ARBUSDT", "OPUSDT", "FILUSDT",
	"INJUSDT", "SUIUSDT", "ICPUSDT", "ETCUSDT", "XLMUSDT", "AAVEUSDT", "HBARUSDT", "VETUSDT", "ALGOUSDT", "GRTUSDT",
	"SANDUSDT", "MANAUSDT", "AXSUSDT", "THETAUSDT", "EOSUSDT", "XTZUSDT", "SHIBUSDT", "PEPEUSDT", "RUNEUSDT", "CRVUSDT",
}

// loadSimulated makes the market that cfg describes. Without START and END it
// begins in 2024 and lasts LOOKBACK.
func loadSimulated(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	interval, err := ParseInterval(cfg.Interval)
	if err != nil {
		return nil, Report{}, err
	}
	span, err := cfg.Range()
	if err != nil {
		return nil, Report{}, err
	}
	selection, err := ParseSymbols(cfg.Symbols, cfg.Symbol)
	if err != nil {
		return nil, Report{}, err
	}
	start, bars := simulatedBars(span, interval)
	if bars < 1 {
		return nil, Report{}, fmt.Errorf("%w: no bar of INTERVAL=%s opens with %s: choose a longer range", data.ErrInput, cfg.Interval, span)
	}
	count := max(selection.Top, len(selection.Names))
	if count == 0 {
		count = simulatedCount
	}
	if panelValues(count, bars, int(quantities)) > maxPanelValues {
		return nil, Report{}, fmt.Errorf("%w: %d simulated symbols over %d bars do not fit in memory: choose a shorter range, or fewer SYMBOLS", data.ErrInput, count, bars)
	}
	m, err := simulate(ctx, simulatedNames(selection, count, cfg.Symbol), start, int(bars), interval, cfg.Seed)
	if err != nil {
		return nil, Report{}, err
	}
	return m, countRows(m), nil
}

// simulatedBars is the first bar's open time, Unix ms, and how many bars open
// in the range.
func simulatedBars(span Range, interval time.Duration) (start, bars int64) {
	length := simulatedSpan
	if span.Lookback > 0 {
		length = span.Lookback
	}
	from, to := span.Start, span.End
	switch {
	case from.IsZero() && to.IsZero():
		from = simulatedStart
		to = from.Add(length)
	case from.IsZero():
		from = to.Add(-length)
	case to.IsZero():
		to = from.Add(length)
	}
	step := interval.Milliseconds()
	onGrid := func(t time.Time) int64 { // the first open time that is not before t
		ms := t.UnixMilli()
		return ms + ((-ms)%step+step)%step
	}
	start = onGrid(from)
	return start, (onGrid(to) - start) / step
}

// simulatedNames are count names, SYMBOL first.
func simulatedNames(selection Selection, count int, symbol string) []string {
	names := make([]string, 0, count)
	taken := map[string]bool{}
	add := func(name string) {
		if name != "" && !taken[name] {
			names, taken[name] = append(names, name), true
		}
	}
	add(symbol)
	from := selection.Names
	if from == nil {
		from = simulatedSymbols
	}
	for i := 0; len(names) < count; i++ {
		if i < len(from) {
			add(from[i])
		} else {
			add(fmt.Sprintf("SIM%03dUSDT", i+1))
		}
	}
	return names
}

// simulate makes the market of the given symbols, the first of which is SYMBOL.
// The same arguments give the same bits.
func simulate(ctx context.Context, symbols []string, start int64, bars int, interval time.Duration, seed int64) (*data.Market, error) {
	n := len(symbols)
	m := newMarket(symbols, start, bars, interval, data.Columns)
	stream := func(i int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), uint64(i))) }
	common := newCommon(sectors(n), bars, interval, stream(0))
	for i, c := range newCoins(n, float64(day)/float64(interval), stream(1)) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("simulating %s: %w", symbols[i], err)
		}
		first := 0
		if i > 0 && i == n-1 {
			first = int(listingAt * float64(bars))
		}
		c.trade(m, i, first, common, stream(2+i))
	}
	return m, nil
}

// countRows counts what a market holds, as a reader would have.
func countRows(m *data.Market) (report Report) {
	for i := range m.Symbols {
		first, last := -1, -1
		rows := 0
		for t := range m.Bars {
			if m.Present(i, t) {
				if first < 0 {
					first = t
				}
				last = t
				rows++
			}
		}
		report.Rows += rows
		if rows > 0 {
			report.Missing += last - first + 1 - rows
		}
	}
	return report
}
