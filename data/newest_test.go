package data

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

func TestTheNewestBarOfAShortMarketIsThatOfTheWholeOneToTheBit(t *testing.T) {
	for name, set := range map[string]func(*Recipe){
		"correlation":           func(r *Recipe) { r.GraphWindow = 300 },
		"short window":          func(r *Recipe) { r.GraphWindow = 10 },
		"every 12 bars":         func(r *Recipe) { r.GraphWindow, r.EdgeEvery = 50, 12 },
		"partial":               func(r *Recipe) { r.Edges, r.GraphWindow, r.EdgeRidge, r.EdgeEvery = "partial", 100, 0.2, 288 },
		"partial and lead-lag":  func(r *Recipe) { r.Edges, r.GraphWindow, r.EdgeRidge, r.EdgeEvery = "partial,leadlag", 60, 0.2, 24 },
		"lead-lag at every bar": func(r *Recipe) { r.Edges, r.GraphWindow, r.EdgeEvery = "leadlag", 40, 1 },
		"no edges":              func(r *Recipe) { r.Edges = EdgesNone },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRand(81)
			m := randomMarket(r, 9, 6000)
			rescale(m, 2, 4100, 1000)
			cfg := listed("market,streamforge")
			set(&cfg.Recipe)
			cfg.Interval = m.Interval
			d := mustBuild(t, m, cfg)
			recipe := cfg.Recipe
			recipe.Features, recipe.Reference = d.Features, d.Reference // as a result has them
			const window = 9
			reach := recipe.Reach(window)
			for _, at := range []int{reach, reach + 1, 4100, 4111, 5000, 5999} {
				whole, ok := d.SnapshotAt(at)
				if !ok || at < reach {
					continue
				}
				for _, bars := range []int{reach, at + 1} {
					p, err := recipe.BuildNewest(m.Cut(at+1-bars, at+1), window)
					if err != nil {
						t.Fatal(err)
					}
					newest := p.Len() - 1
					if most := max(cfg.GraphWindow, minBlock) + window; p.Len() > most || !cfg.HasEdges(EdgesCorrelation) && p.Len() > window {
						t.Errorf("%d snapshots are made for a window of %d", p.Len(), window)
					}
					if p.openTime[newest] != d.openTime[whole] || !slices.Equal(d.Mask(whole), p.Mask(newest)) || !sameBits(d.Window(whole, window), p.Window(newest, window)) {
						t.Fatalf("bar %d of the newest %d bars has another window than in the whole market", at, bars)
					}
					a, b := d.Edges(whole), p.Edges(newest)
					if !slices.Equal(a.RowPtr, b.RowPtr) || !slices.Equal(a.Sources, b.Sources) || !sameBits(a.Attr, b.Attr) {
						t.Fatalf("the edges of bar %d of the newest %d bars differ from those of the whole market", at, bars)
					}
				}
			}
		})
	}
}

func TestWhatTheNewestBarLacksIsRejectedWithItsReason(t *testing.T) {
	m := randomMarket(newRand(82), 9, 900)
	d := mustBuild(t, m, defaultConfig())
	recipe := defaultConfig().Recipe
	recipe.Features, recipe.Reference = d.Features, d.Reference
	if !slices.Contains(recipe.Features, "funding_rate") {
		t.Fatalf("the features are %v", recipe.Features)
	}
	for want, bad := range map[string]*Market{
		"too few": m.Cut(0, 30),
		"reads the feature funding_rate, and no symbol has funding_rate": without(m, FundingRate),
		"no symbol has all of its features at the newest bar, 2024-06-0": closedAt(m, m.Bars-1),
	} {
		_, err := recipe.BuildNewest(bad, 0)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), want) || fault.Of(err).Remedy == "" {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// That one symbol has no funding rates masks it, and rejects nothing.
	some := m.Clone()
	for b := range some.Bars {
		some.Optional[FundingRate][3][b] = NewSeries(1, 1)[0][0]
	}
	p, err := recipe.BuildNewest(some, 0)
	if err != nil || p.Mask(p.Len() - 1)[3] {
		t.Errorf("%v", err)
	}
}

// without is the market without a column.
func without(m *Market, c Column) *Market {
	other := m.Clone()
	delete(other.Optional, c)
	return other
}

// closedAt is the market in which no symbol has a bar.
func closedAt(m *Market, bar int) *Market {
	other := m.Clone()
	all := [][][]float64{other.Open, other.High, other.Low, other.Close, other.Volume}
	for _, column := range other.Optional {
		all = append(all, column)
	}
	for _, series := range all {
		for i := range series {
			series[i][bar] = NewSeries(1, 1)[0][0]
		}
	}
	return other
}
