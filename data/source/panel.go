package source

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// maxPanelValues bounds the memory of a market: 8 GiB of float64. A hundred
// symbols with every column fit with 8 years of 5-minute bars; one mistyped
// open time, centuries away, does not.
const maxPanelValues = 1 << 30

// newMarket makes a market of missing bars. The caller has checked its size.
func newMarket(symbols []string, start int64, bars int, interval time.Duration, optional []data.Column) *data.Market {
	series := func() [][]float64 { return data.NewSeries(len(symbols), bars) }
	m := &data.Market{
		Symbols: symbols, Interval: interval, Start: start, Bars: bars,
		Open: series(), High: series(), Low: series(), Close: series(), Volume: series(),
		Optional: map[data.Column][][]float64{},
	}
	for _, column := range optional {
		m.Optional[column] = series()
	}
	return m
}

// A time axis may have this many bars beyond this many times those of the
// fullest symbol.
const (
	emptyBars  = 10_000
	emptyShare = 20
)

// panelValues is how many numbers a market holds, without overflow.
func panelValues(symbols int, bars int64, columns int) float64 {
	return float64(symbols) * float64(bars) * float64(columns)
}

// assemble lays the series of the symbols, none of them empty, on one time
// axis, from the first bar of any to the last of any.
func assemble(symbols []string, all []*series, interval time.Duration) (*data.Market, Report, error) {
	report := Report{Unread: unreadIn(all)}
	start, newest := int64(math.MaxInt64), int64(math.MinInt64)
	var optional []data.Column
	for q := takerBuyVolume; q < quantities; q++ {
		if slices.ContainsFunc(all, func(s *series) bool { return s.holds(q) }) {
			optional = append(optional, data.Column(q.String()))
		}
	}
	for _, s := range all {
		start, newest = min(start, s.times[0]), max(newest, s.times[len(s.times)-1])
	}
	step := interval.Milliseconds()
	bars := (newest-start)/step + 1
	fullest := 0
	for _, s := range all {
		fullest = max(fullest, len(s.times))
	}
	// A year typed wrong makes an axis of which nearly all is empty.
	mostlyEmpty := bars > emptyBars+emptyShare*int64(fullest)
	if mostlyEmpty || panelValues(len(symbols), bars, int(takerBuyVolume)+len(optional)) > maxPanelValues {
		return nil, report, tooWide(all, bars)
	}

	m := newMarket(symbols, start, int(bars), interval, optional)
	for i, s := range all {
		rows := [quantities][]float64{openPrice: m.Open[i], highPrice: m.High[i], lowPrice: m.Low[i], closePrice: m.Close[i], baseVolume: m.Volume[i]}
		for q := takerBuyVolume; q < quantities; q++ {
			if panel, ok := m.Optional[data.Column(q.String())]; ok {
				rows[q] = panel[i]
			}
		}
		for q, column := range s.values {
			if rows[q] == nil || column == nil {
				continue
			}
			for j, t := range s.times {
				rows[q][(t-start)/step] = column[j]
			}
		}
		report.Rows += s.rows
		report.Duplicates += s.duplicates
		report.Disordered += s.disordered
		report.Missing += int((s.times[len(s.times)-1]-s.times[0])/step) + 1 - len(s.times)
	}
	return m, report, nil
}

// holds tells whether any candle has the optional value.
func (s *series) holds(q quantity) bool {
	return slices.ContainsFunc(s.values[q], func(v float64) bool { return !math.IsNaN(v) })
}

// tooWide names the candle to look at when the panel would not fit: the one
// beyond the widest stretch of time in which no symbol has any.
func tooWide(all []*series, bars int64) error {
	// A symbol's candles fall into two pieces at its own widest gap; what none
	// of the pieces covers is a gap of the market.
	type piece struct {
		s           *series
		first, last int
	}
	var pieces []piece
	for _, s := range all {
		split, widest := 0, int64(0)
		for i := 1; i < len(s.times); i++ {
			if d := s.times[i] - s.times[i-1]; d > widest {
				split, widest = i, d
			}
		}
		if split > 0 {
			pieces = append(pieces, piece{s, 0, split - 1})
		}
		pieces = append(pieces, piece{s, split, len(s.times) - 1})
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.s.times[a.first], b.s.times[b.first]) })
	type side struct {
		s *series
		i int
	}
	var before, after side
	var gap int64
	rowsBefore, rows, at := 0, 0, side{pieces[0].s, pieces[0].first}
	for _, p := range pieces {
		if d := p.s.times[p.first] - at.s.times[at.i]; d > gap {
			gap, before, after, rowsBefore = d, at, side{p.s, p.first}, rows
		}
		if p.s.times[p.last] > at.s.times[at.i] {
			at = side{p.s, p.last}
		}
		rows += p.last - p.first + 1
	}
	odd, other := after, before
	if rowsBefore < rows-rowsBefore {
		odd, other = before, after
	}
	if odd.s == nil { // no gap at all: as many bars as claimed
		return fmt.Errorf("%w: %d symbols over %d bars take more than %d values: set START and END, or fewer SYMBOLS", data.ErrInput, len(all), bars, maxPanelValues)
	}
	return odd.s.badCandle(odd.i, "open_time is %s, %d days away from the nearest other candle (%s), and makes %d symbols take %d bars, nearly all of them empty or too many for the memory: correct or remove it, or set START and END",
		stamp(odd.s.times[odd.i]), gap/day.Milliseconds(), other.s.where(other.i), len(all), bars)
}
