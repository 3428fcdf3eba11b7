package data

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// benchMarket walks n symbols with a common factor over bars without trouble,
// of which missing of every hundred are taken away.
func benchMarket(n, bars, missing int) *Market {
	m := emptyMarket(n, bars)
	m.Interval = time.Minute
	r := newRand(1)
	logs := make([]float64, n)
	for b := range bars {
		common := r.NormFloat64()
		for i := range n {
			logs[i] += 1e-3 * (0.5*common + r.NormFloat64())
			if r.IntN(100) >= missing {
				setBar(m, i, b, math.Exp(logs[i]), 1+r.Float64())
			}
		}
	}
	return m
}

// BenchmarkEdges is the edges of 400 symbols over 2000 bars, window 288, the 10
// highest; ms/bar is what a bar takes.
func BenchmarkEdges(b *testing.B) {
	for _, missing := range []int{0, 2} {
		b.Run(fmt.Sprintf("missing=%d%%", missing), func(b *testing.B) {
			const nodes, bars, window = 400, 2000, 288
			m := benchMarket(nodes, bars, missing)
			cfg := defaultConfig()
			cfg.GraphWindow, cfg.EdgeTopK = window, 10
			returns := newReturnPanel(m, make([][]Jump, len(m.Symbols)), false)
			mask := slices.Repeat([]bool{true}, nodes*(bars-window))
			for b.Loop() {
				correlationEdges(m.Axis(), cfg.Recipe, returns, mask, window)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N)/float64(bars-window), "ms/bar")
		})
	}
}

// BenchmarkBuild is a whole dataset of 100 symbols over 3000 bars.
func BenchmarkBuild(b *testing.B) {
	m := benchMarket(100, 3000, 1)
	cfg := defaultConfig()
	cfg.GraphWindow, cfg.EdgeTopK = 100, 10
	for b.Loop() {
		if _, err := Build(m, cfg); err != nil {
			b.Fatal(err)
		}
	}
}
