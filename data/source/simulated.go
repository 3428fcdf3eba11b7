package source

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
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
func loadSimulated(ctx context.Context, q query) (*data.Market, Report, error) {
	axis := simulatedAxis(q.span, q.interval)
	if axis.bars < 1 {
		return nil, Report{}, fault.Input("no bar of INTERVAL=%s opens with %s", q.Interval, q.span).Fix("choose a longer range")
	}
	count := max(q.selection.Top, len(q.selection.Names))
	if count == 0 {
		count = simulatedCount
	}
	if err := checkSize(count, axis.bars, int(quantities)); err != nil {
		return nil, Report{}, err
	}
	return simulate(ctx, simulatedNames(q, count), axis, q.Seed)
}

// simulatedAxis has the bars that open in the range.
func simulatedAxis(span Range, interval time.Duration) axis {
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
	start := onGrid(from)
	return axis{start: start, bars: (onGrid(to) - start) / step, step: interval}
}

// simulatedNames are count names, SYMBOL first.
func simulatedNames(q query, count int) []string {
	names := make([]string, 0, count)
	taken := map[string]bool{}
	add := func(name string) {
		if name != "" && !taken[name] && !q.excluded(name) {
			names, taken[name] = append(names, name), true
		}
	}
	add(q.Symbol)
	from := q.selection.Names
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
func simulate(ctx context.Context, symbols []string, a axis, seed int64) (*data.Market, Report, error) {
	n, bars := len(symbols), int(a.bars)
	var optional []quantity
	for q := takerBuyVolume; q < quantities; q++ {
		optional = append(optional, q)
	}
	market := newAssembly(symbols, a, optional)
	stream := func(i int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), uint64(i))) }
	common := newCommon(sectors(n), bars, a.step, stream(0))
	for i, c := range newCoins(n, float64(day)/float64(a.step), stream(1)) {
		if err := ctx.Err(); err != nil {
			return nil, Report{}, fmt.Errorf("simulating %s: %w", symbols[i], err)
		}
		first := 0
		if i > 0 && i == n-1 {
			first = int(listingAt * float64(bars))
		}
		s := newSeriesOf(origin{path: "the simulation of " + symbols[i], unit: "bar", remedy: "this is a bug", asked: true}, quantities)
		if err := c.trade(s, a, first, common, stream(2+i)); err != nil {
			return nil, Report{}, err
		}
		if err := s.order(a.step); err != nil {
			return nil, Report{}, err
		}
		market.lay(i, s)
	}
	m, report := market.result()
	return m, report, nil
}
