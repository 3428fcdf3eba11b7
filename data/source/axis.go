package source

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// maxValues bounds the memory of a market: 8 GiB of float64. A hundred symbols
// with every column fit with 8 years of 5-minute bars; one mistyped open time,
// centuries away, does not.
const maxValues = 1 << 30

// checkSize rejects a market that would not fit in memory.
func checkSize(symbols int, bars int64, columns int) error {
	if float64(symbols)*float64(bars)*float64(columns) > maxValues { // without overflow
		return tooLarge(symbols, bars)
	}
	return nil
}

func tooLarge(symbols int, bars int64) error {
	return fault.Input("%d symbols over %d bars take more than %d values", symbols, bars, maxValues).Fix("set START and END, or fewer SYMBOLS")
}

// A time axis may have this many bars beyond this many times those of the
// fullest symbol.
const (
	emptyBars  = 10_000
	emptyShare = 20
)

// checkWidth rejects an axis that would not fit in memory or is nearly empty, as
// a year typed wrong makes one, and names the candle to look at.
func checkWidth(all []*series, a axis, columns int) error {
	fullest := 0
	for _, s := range all {
		fullest = max(fullest, len(s.times))
	}
	if checkSize(len(all), a.bars, columns) == nil && a.bars <= emptyBars+emptyShare*int64(fullest) {
		return nil
	}
	odd, other, gap := beyondTheWidestGap(all)
	if odd.s == nil { // no gap at all: as many bars as claimed
		return tooLarge(len(all), a.bars)
	}
	return sparse{odd.s.badAt(odd.place(), "open_time is %s, %d days away from the nearest other candle (%s), and makes %d symbols take %d bars, nearly all of them empty or too many for the memory", stamp(odd.s.times[odd.i]), gap/day.Milliseconds(), strings.TrimPrefix(other.s.where(other.place()), filepath.Dir(odd.s.path)+string(filepath.Separator)), len(all), a.bars).Fix("correct or remove it, or set START and END")}
}

// sparse is the fault of an axis that is nearly empty.
type sparse struct{ error }

func (s sparse) Unwrap() error { return s.error }

// spot is one candle of a series.
type spot struct {
	s *series
	i int
}

func (p spot) place() int { return p.s.places[p.i] }

// beyondTheWidestGap finds the widest stretch of time, ms, in which no symbol
// has a candle, and the candles on both sides of it, first the one on the side
// with fewer candles.
func beyondTheWidestGap(all []*series) (odd, other spot, gap int64) {
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
	var before, after spot
	rowsBefore, rows, at := 0, 0, spot{pieces[0].s, pieces[0].first}
	for _, p := range pieces {
		if d := p.s.times[p.first] - at.s.times[at.i]; d > gap {
			gap, before, after, rowsBefore = d, at, spot{p.s, p.first}, rows
		}
		if p.s.times[p.last] > at.s.times[at.i] {
			at = spot{p.s, p.last}
		}
		rows += p.last - p.first + 1
	}
	if rowsBefore < rows-rowsBefore {
		return before, after, gap
	}
	return after, before, gap
}
