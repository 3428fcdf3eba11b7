package data

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

func TestADirectionIsFlatWithinTheDeadZone(t *testing.T) {
	missing := math.NaN()
	for _, test := range []struct {
		name       string
		future     float64 // ln of the close after the horizon
		horizon    int
		volatility float64
		class      int64
		ret        float64
	}{
		{"above", 0.0031, 1, 0.01, Up, 0.0031},
		{"just within", 0.0029, 1, 0.01, Flat, 0.0029},
		{"below", -0.0031, 1, 0.01, Down, -0.0031},
		{"just within below", -0.0029, 1, 0.01, Flat, -0.0029},
		{"a longer horizon widens the zone by its root", 0.0059, 4, 0.01, Flat, 0.0059},
		{"and no more", 0.0061, 4, 0.01, Up, 0.0061},
		{"no volatility, a move", 1e-9, 1, 0, Up, 1e-9},
		{"no volatility, no move", 0, 1, 0, Flat, 0},
		{"the future bar is missing", missing, 1, 0.01, pyg.Unlabelled, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			logs := make([]float64, 12)
			logs[5+test.horizon] = test.future
			class, ret := direction(logs, 5, test.horizon, test.volatility)
			if class != test.class || ret != test.ret {
				t.Errorf("class %d and return %v, want %d and %v", class, ret, test.class, test.ret)
			}
		})
	}
}

func TestTheNewestSnapshotsAreLiveAndUnlabelled(t *testing.T) {
	cfg := defaultConfig()
	cfg.Horizon = 7
	m := randomMarket(newRand(5), 9, 400)
	d := mustBuild(t, m, cfg)
	labels := map[int64]int{}
	for s, part := range d.Splits {
		g := d.Snapshot(s)
		bar := int((g.OpenTime[0] - m.Start) / m.Interval.Milliseconds())
		if live := bar+7 >= m.Bars; live != (part == Live) {
			t.Fatalf("the snapshot of bar %d of %d is %s", bar, m.Bars, part)
		}
		for i, class := range g.Y {
			labels[class]++
			known := bar+7 < m.Bars && m.Present(i, bar+7) && g.NodeMask[i]
			if known != (class != pyg.Unlabelled) {
				t.Fatalf("bar %d, symbol %d: class %d", bar, i, class)
			}
			want := 0.0
			if known {
				want = math.Log(m.Close[i][bar+7] / m.Close[i][bar])
			}
			if math.Abs(float64(g.Ret[i])-want) > 1e-6 {
				t.Fatalf("bar %d, symbol %d: return %v, want %v", bar, i, g.Ret[i], want)
			}
		}
	}
	if d.Splits[d.Len()-1] != Live || len(labels) != 4 {
		t.Errorf("the last part is %s and the classes are %v", d.Splits[d.Len()-1], labels)
	}
}
