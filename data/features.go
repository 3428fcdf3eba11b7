package data

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// minShare is the share of its present bars on which every symbol must have
// what a feature needs; below it the feature is left out.
const minShare = 0.9

// lookback is the longest window of a feature of FEATURES=streamforge, and the
// shortest of a recipe, in bars before the snapshot's.
const lookback = 24

// series is one symbol's side of a market, [T] each, NaN where missing.
type series struct {
	market                         *Market
	open, high, low, close, volume []float64
	logClose                       []float64 // ln(close)
	lastClose, lastLogClose        []float64 // of the newest bar up to each, at most MaxGap bars old
	ret                            []float64 // log return since the last close before
	optional                       map[Column][]float64
	jumps                          []Jump
	sigma                          []float64 // see volatility
}

// newSeries derives what features are made of. maxGap is Recipe.MaxGap.
func newSeries(m *Market, i, maxGap int, jumps []Jump) *series {
	s := &series{
		market: m, open: m.Open[i], high: m.High[i], low: m.Low[i], close: m.Close[i], volume: m.Volume[i],
		logClose: make([]float64, m.Bars), ret: make([]float64, m.Bars),
		optional: make(map[Column][]float64, len(m.Optional)), jumps: jumps,
	}
	for t, c := range s.close {
		s.logClose[t] = math.Log(c)
	}
	s.lastClose, s.lastLogClose = carried(s.close, maxGap), carried(s.logClose, maxGap)
	logReturn(s.ret, s.logClose, s.lastLogClose, 1)
	for column, values := range m.Optional {
		s.optional[column] = values[i]
	}
	return s
}

// feature is a quantity known at a bar's close. fill writes it for each bar of
// a symbol, NaN where it is undefined, reading no bar later than the one it
// writes.
type feature struct {
	name  string
	needs []Column
	fill  func(dst []float64, s *series)

	lookback int      // its longest window, in bars before its own; 0: at most that of FEATURES=streamforge
	memory   int      // bars before its own that its last digits may depend on; 0: its lookback
	crossing crossing // what becomes of it beside the other nodes
	bound    float64  // its formula's own limit, on both sides; 0: it has none
}

// features are those of FEATURES=streamforge, in the order of the columns of x:
// the ten that StreamForge's Python service computed, then ours.
var features = []feature{
	{name: "log_return_1", fill: func(dst []float64, s *series) { logReturn(dst, s.logClose, s.lastLogClose, 1) }},
	{name: "log_return_4", fill: func(dst []float64, s *series) { logReturn(dst, s.logClose, s.lastLogClose, 4) }},
	{name: "log_return_12", fill: func(dst []float64, s *series) { logReturn(dst, s.logClose, s.lastLogClose, 12) }},
	{name: "log_return_24", fill: func(dst []float64, s *series) { logReturn(dst, s.logClose, s.lastLogClose, 24) }},
	{name: volatilityName, fill: func(dst []float64, s *series) { rollingDeviation(dst, s.ret, 24, 12) }},
	{name: "rsi_14", fill: func(dst []float64, s *series) { cutlerRSI(dst, s.close, s.lastClose, 14, 7) }},
	{name: "volume_ratio", fill: func(dst []float64, s *series) { ratioToMean(dst, s.volume, 24, 12) }},
	{name: "spread", needs: []Column{BestBid, BestAsk}, fill: func(dst []float64, s *series) {
		bid, ask := s.optional[BestBid], s.optional[BestAsk]
		for t := range dst {
			dst[t] = ask[t] - bid[t]
		}
	}},
	{name: "order_book_imbalance", needs: []Column{BidSize, AskSize}, fill: func(dst []float64, s *series) {
		bid, ask := s.optional[BidSize], s.optional[AskSize]
		for t := range dst {
			dst[t] = share(bid[t]-ask[t], bid[t]+ask[t])
		}
	}},
	{name: "funding_rate", needs: []Column{FundingRate}, fill: func(dst []float64, s *series) { copy(dst, s.optional[FundingRate]) }},
	{name: "high_low_range", fill: func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = math.Log(s.high[t] / s.low[t])
		}
	}},
	{name: "taker_imbalance", needs: []Column{TakerBuyVolume}, fill: func(dst []float64, s *series) {
		buy := s.optional[TakerBuyVolume]
		for t := range dst {
			dst[t] = share(2*buy[t]-s.volume[t], s.volume[t])
		}
	}},
	{name: timeOfDaySin, fill: func(dst []float64, s *series) { timeOf(24*time.Hour, dst, s.market, math.Sin) }},
	{name: timeOfDayCos, fill: func(dst []float64, s *series) { timeOf(24*time.Hour, dst, s.market, math.Cos) }},
}

// Names that the code asks for.
const (
	volatilityName = "volatility_24"
	timeOfDaySin   = "time_of_day_sin"
	timeOfDayCos   = "time_of_day_cos"
	timeOfHourSin  = "time_of_hour_sin"
	timeOfHourCos  = "time_of_hour_cos"
)

// share is part of whole, 0 of nothing; NaN stays NaN.
func share(part, whole float64) float64 {
	if whole == 0 && part == 0 {
		return 0
	}
	return part / whole
}

// timeOf puts the UTC time of a day, or an hour, at each bar's close on a circle.
func timeOf(period time.Duration, dst []float64, m *Market, wave func(float64) float64) {
	whole := period.Milliseconds()
	for t := range dst {
		closing := m.Axis().CloseTime(t)
		dst[t] = wave(2 * math.Pi * float64(((closing%whole)+whole)%whole) / float64(whole))
	}
}

// supported divides the features of a set into those that the market can fill and
// those it cannot. It looks at which values there are over the whole market, never
// at the values.
func supported(m *Market, set []feature) (kept []feature, out []DroppedFeature) {
	for _, f := range set {
		if reason, without := unsupported(m, f); reason != "" {
			out = append(out, DroppedFeature{Name: f.name, Reason: reason, Lacking: without})
		} else {
			kept = append(kept, f)
		}
	}
	return kept, out
}

// unsupported says why the market cannot fill a feature; empty: it can. without
// is as of lacking.
func unsupported(m *Market, f feature) (reason string, without []string) {
	switch {
	case f.name == timeOfDaySin || f.name == timeOfDayCos:
		if m.Interval >= 24*time.Hour {
			return fmt.Sprintf("bars of %v all close at one time of day", m.Interval), nil
		}
	case f.name == timeOfHourSin || f.name == timeOfHourCos:
		if m.Interval%time.Hour == 0 {
			return fmt.Sprintf("bars of %v all close at one time of the hour", m.Interval), nil
		}
	case len(f.needs) > 0:
		return lacking(m, f.needs)
	}
	return "", nil
}

// lacking says why the columns do not suffice, naming the symbol that has them
// on the smallest share of its bars; empty if they do. without are all symbols
// that lack them, where these are fewer than the others.
func lacking(m *Market, needs []Column) (reason string, without []string) {
	worst, least, others := -1, 2.0, 0
	for i := range m.Symbols {
		present, complete := 0, 0
		for t := range m.Bars {
			if !m.Present(i, t) {
				continue
			}
			present++
			if !slices.ContainsFunc(needs, func(c Column) bool {
				return m.Optional[c] == nil || math.IsNaN(m.Optional[c][i][t])
			}) {
				complete++
			}
		}
		// A symbol without bars is masked everywhere and says nothing of a column.
		if present == 0 {
			continue
		}
		v := float64(complete) / float64(present)
		if v < least {
			worst, least = i, v
		}
		if v < minShare {
			without = append(without, m.Symbols[i])
		} else {
			others++
		}
	}
	if worst >= 0 && least >= minShare {
		return "", nil
	}
	if others <= len(without) {
		without = nil
	}
	names := make([]string, len(needs))
	for i, c := range needs {
		names[i] = string(c)
	}
	need := strings.Join(names, " and ")
	if worst < 0 {
		return fmt.Sprintf("no symbol has bars, so none has %s", need), nil
	}
	return fmt.Sprintf("%s has %s on %.1f %% of its bars, and %.0f %% are needed of every symbol",
		m.Symbols[worst], need, 100*least, 100*minShare), without
}
