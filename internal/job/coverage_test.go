package job

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
)

// walking is a market of five symbols, AAA to EEE, whose bars all are there.
func walking(bars int) *data.Market {
	r := rand.New(rand.NewPCG(1, 1))
	series := func() [][]float64 { return data.NewSeries(5, bars) }
	m := &data.Market{
		Interval: time.Hour, Start: 1_704_067_200_000, Bars: bars,
		Open: series(), High: series(), Low: series(), Close: series(), Volume: series(), Optional: map[data.Column][][]float64{},
	}
	for i := range 5 {
		m.Symbols = append(m.Symbols, strings.Repeat(string(rune('A'+i)), 3))
		m.Origins = append(m.Origins, m.Symbols[i]+".csv")
		price := 100.0
		for t := range bars {
			open := price
			price *= math.Exp(1e-3 * r.NormFloat64())
			m.Open[i][t], m.Close[i][t], m.Volume[i][t] = open, price, 1
			m.High[i][t], m.Low[i][t] = max(open, price), min(open, price)
		}
	}
	return m
}

// without leaves the bars of a symbol out for which lacks says yes.
func without(m *data.Market, symbol int, lacks func(bar int) bool) {
	for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
		for bar := range s[symbol] {
			if lacks(bar) {
				s[symbol][bar] = math.NaN()
			}
		}
	}
}

func describedAs(t *testing.T, m *data.Market, symbol string) (log string, rejected error) {
	t.Helper()
	d, err := data.Build(m, data.Config{
		Recipe:       data.Recipe{MaxGap: 7, GraphWindow: 30, EdgeTopK: 2, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetOpen, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	logger := zerolog.New(&b)
	describe(d, symbol, logger)
	return b.String(), checkSymbol(d, symbol, logger)
}

func TestSymbolsOfWhichLittleIsKnownAreNamed(t *testing.T) {
	const bars = 400
	for _, test := range []struct {
		name   string
		change func(m *data.Market)
		symbol string
		want   []string
	}{
		{
			"a new listing of 12 bars", func(m *data.Market) { without(m, 2, func(bar int) bool { return bar < bars-12 }) }, "AAA",
			[]string{`"symbols":"CCC (12 candles)"`, "in no snapshot"},
		},
		{"a thin symbol", func(m *data.Market) { without(m, 3, func(bar int) bool { return bar%10 > 3 }) }, "AAA", []string{`DDD (160 candles`}},
		{
			"one listed in the test split", func(m *data.Market) { without(m, 3, func(bar int) bool { return bar < 330 }) }, "AAA",
			[]string{`"symbols":"DDD"`, "no row in the train split", "less than half of the 370 snapshots"},
		},
		{
			"one listed in the middle", func(m *data.Market) { without(m, 3, func(bar int) bool { return bar < 230 }) }, "AAA",
			[]string{`DDD (170 candles, 146 snapshots)`},
		},
		{
			"one that ended", func(m *data.Market) { without(m, 1, func(bar int) bool { return bar > 250 }) }, "AAA",
			[]string{`"symbols":"BBB"`, "no live prediction"},
		},
		{"one that never moves", func(m *data.Market) {
			for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close} {
				for bar := range s[4] {
					s[4][bar] = 7
				}
			}
		}, "AAA", []string{`"symbols":"EEE"`, "never changes"}},
		{
			"SYMBOL that ended", func(m *data.Market) { without(m, 0, func(bar int) bool { return bar > 300 }) }, "AAA",
			[]string{"SYMBOL has no row in the test split", "SYMBOL has no row in the live split", `"last_candle":"2024-01-13T12:00:00Z"`},
		},
		{
			"SYMBOL that was listed late", func(m *data.Market) { without(m, 0, func(bar int) bool { return bar < 300 }) }, "AAA",
			[]string{"SYMBOL has no row in the train split, so nothing was learned of it"},
		},
		{"another unit", func(m *data.Market) {
			for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close} {
				for bar := 200; bar < bars; bar++ {
					s[2][bar] *= 1000
				}
			}
		}, "AAA", []string{`"symbol":"CCC"`, `"file":"CCC.csv"`, `"open_time":"2024-01-09T08:00:00Z"`, "as no market does"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := walking(bars)
			test.change(m)
			log, err := describedAs(t, m, test.symbol)
			if err != nil {
				t.Errorf("it is rejected: %v", err)
			}
			for _, words := range test.want {
				if !strings.Contains(log, words) {
					t.Errorf("the log lacks %s:\n%s", words, log)
				}
			}
		})
	}
	whole := walking(bars)
	end := bars - 1 // one is back where it began, and did move
	whole.Close[4][end] = whole.Close[4][0]
	whole.High[4][end], whole.Low[4][end] = max(whole.High[4][end], whole.Close[4][end]), min(whole.Low[4][end], whole.Close[4][end])
	log, err := describedAs(t, whole, "AAA")
	if err != nil || strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, `"first":"2024-01-02T06:00:00Z","last":"2024-01-17T15:00:00Z","snapshots":370,"candles_there":1`) {
		t.Errorf("a whole market: %v\n%s", err, log)
	}
}

func TestASymbolThatIsInNoSnapshotIsRejected(t *testing.T) {
	m := walking(400)
	without(m, 0, func(bar int) bool { return bar < 390 })
	_, err := describedAs(t, m, "AAA")
	if err == nil || !strings.Contains(err.Error(), "SYMBOL=AAA is in no snapshot: it has 10 candles") {
		t.Errorf("got %v", err)
	}
}

func TestAClosureThatNoExchangeHasIsWarnedOf(t *testing.T) {
	m := walking(400)
	for bar := range 400 {
		m.Times = append(m.Times, m.Start+int64(bar)*3_600_000)
		if bar >= 200 {
			m.Times[bar] += 12 * 24 * 3_600_000
		}
	}
	log, _ := describedAs(t, m, "AAA")
	for _, words := range []string{"the market has closing hours", "more than ten days", fmt.Sprintf(`"from":%q`, "2024-01-09T08:00:00Z"), `"to":"2024-01-21T08:00:00Z"`} {
		if !strings.Contains(log, words) {
			t.Errorf("the log lacks %s:\n%s", words, log)
		}
	}
}
