package data

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/pyg"
)

// preparedOf is what somebody who prepared the snapshots of d would hand over,
// with the closes of its market.
func preparedOf(d *Dataset, m *Market, labels bool) *Snapshots {
	s := &Snapshots{Symbols: d.Symbols, Features: d.Features, Interval: d.Axis.Interval, Times: slices.Clone(d.openTime), X: slices.Clone(d.x), Mask: slices.Clone(d.mask)}
	for t := range d.Len() {
		s.Edges = append(s.Edges, d.Edges(t))
		bar := int((d.openTime[t] - m.Start) / m.Interval.Milliseconds())
		for i := range d.Symbols {
			s.Close = append(s.Close, m.Close[i][bar])
		}
	}
	if labels {
		s.Y = slices.Clone(d.Targets.class)
	}
	return s
}

func mustPrepare(t *testing.T, s *Snapshots, cfg Config) *Dataset {
	t.Helper()
	d, err := FromSnapshots(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPreparedSnapshotsMakeTheDatasetTheyCameFrom(t *testing.T) {
	for seed := range uint64(6) {
		cfg := defaultConfig()
		cfg.Horizons, cfg.MaxGap = Horizons{1 + int(seed)}, 0 // the closes of a prepared graph have no rule for gaps
		m := randomMarket(newRand(seed), 9, 500)
		want := mustBuild(t, m, cfg)
		unclipped := *want.Panel
		unclipped.EdgesGiven = true // as a prepared graph's, whose features are not clipped
		scaler, err := fitScaler(&unclipped, &want.Fold)
		if err != nil {
			t.Fatal(err)
		}
		got := mustPrepare(t, preparedOf(want, m, true), cfg)
		if !slices.Equal(got.Splits, want.Splits) || got.Low != nil || !sameBits(got.Mean, scaler.Mean) || !sameBits(got.Std, scaler.Std) || got.Density != want.Density || got.Targets.Horizons.String() != want.Targets.Horizons.String() || got.Axis.Interval != want.Axis.Interval {
			t.Errorf("seed %d: another dataset", seed)
		}
		made := mustPrepare(t, preparedOf(want, m, false), cfg)
		for s := range want.Len() {
			a, b, c := want.Snapshot(s), got.Snapshot(s), made.Snapshot(s)
			if !slices.Equal(a.OpenTime, b.OpenTime) || !sameBits(a.X, b.X) || !slices.Equal(a.NodeMask, b.NodeMask) || !slices.Equal(a.EdgeIndex, b.EdgeIndex) ||
				!sameBits(a.EdgeWeight, b.EdgeWeight) || !sameBits(a.EdgeAttr, b.EdgeAttr) || !slices.Equal(a.Y, b.Y) || !sameBits(a.Ret, b.Ret) {
				t.Fatalf("seed %d: snapshot %d is another one", seed, s)
			}
			// The closes begin with the snapshots: before 25 bars, the volatility is that of fewer.
			if s >= 25 && (!slices.Equal(a.Y, c.Y) || !sameBits(a.Ret, c.Ret)) {
				t.Fatalf("seed %d: labels of snapshot %d, made of closes: %v, want %v", seed, s, c.Y, a.Y)
			}
		}
	}
}

func TestLabelsOfALaterTimeChangeNoEarlierSnapshot(t *testing.T) {
	cfg := defaultConfig()
	m := randomMarket(newRand(3), 9, 400)
	d := mustBuild(t, m, cfg)
	at := d.Len() / 2
	changed := preparedOf(d, m, false)
	n, f := len(d.Symbols), len(d.Features)
	for k := (at + 1) * n; k < len(changed.Mask); k++ {
		changed.Close[k] *= 1.5
		for j := range f {
			if changed.Mask[k] {
				changed.X[k*f+j]++
			}
		}
	}
	want, got := mustPrepare(t, preparedOf(d, m, false), cfg), mustPrepare(t, changed, cfg)
	for s := range at + 1 {
		a, b := want.Snapshot(s), got.Snapshot(s)
		if !sameBits(a.X, b.X) || !slices.Equal(a.EdgeIndex, b.EdgeIndex) {
			t.Fatalf("what comes after snapshot %d changed snapshot %d", at, s)
		}
		if s+cfg.Horizons[0] <= at && !slices.Equal(a.Y, b.Y) {
			t.Fatalf("what comes after snapshot %d changed the labels of %d", at, s)
		}
	}
}

func TestALabelThatOnlyTheFutureKnowsIsNotBelieved(t *testing.T) {
	cfg := defaultConfig()
	cfg.Horizons = Horizons{2}
	m := randomMarket(newRand(5), 9, 300)
	s := preparedOf(mustBuild(t, m, cfg), m, true)
	s.Close = nil
	for k := range s.Y {
		s.Y[k] = int64(k % 3)
	}
	d := mustPrepare(t, s, cfg)
	for k := range d.Len() {
		y, ret := d.Targets.At(k)
		if ret != nil {
			t.Fatal("there are returns without closes")
		}
		for i, class := range y {
			want := pyg.Unlabelled
			if d.Splits[k] != Live && d.EvalMask(k)[i] {
				want = int64((k*len(y) + i) % 3)
			}
			if class != want {
				t.Errorf("snapshot %d of %s says %d of node %d", k, d.Splits[k], class, i)
			}
		}
	}
	if live := d.Splits[d.Len()-2:]; !slices.Equal(live, []Split{Live, Live}) {
		t.Errorf("the newest snapshots are %v", live)
	}
}

func TestPreparedSnapshotsThatMeanNothingAreRejected(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *Snapshots, c *Config)
		want   string
	}{
		{"another interval", func(s *Snapshots, _ *Config) { s.Interval = time.Minute }, "the graph's moments are 5m apart, which does not fit INTERVAL=1m: set INTERVAL to what they are, or give the graph another time"},
		{"a time between two", func(s *Snapshots, _ *Config) { s.Times[7] += 60_000 }, "the graph has a moment at 2024-06-02T00:21:00Z, which is no whole number of INTERVAL=5m after its first, 2024-06-01T23:45:00Z: correct its time"},
		{"times that fall", func(s *Snapshots, _ *Config) { s.Times[7] = s.Times[6] }, "the graph's moments do not rise: 2024-06-02T00:15:00Z is followed by 2024-06-02T00:15:00Z: give each moment a time of its own, in rising order"},
		{"another century", func(s *Snapshots, _ *Config) { s.Times[len(s.Times)-1] += 300_000 * 10_000_000 }, "the graph's 170 moments run from 2024-06-01T23:45:00Z to 2119-06-27T19:10:00Z, which is 10000170 intervals, nearly all of them empty: correct the odd time, or set START and END"},
		{"no label", func(s *Snapshots, _ *Config) { s.Y, s.Close = nil, nil }, "the graph has neither labels nor closes that they could be made of: give it one of them"},
		{"parts of other sizes", func(s *Snapshots, _ *Config) { s.Mask = s.Mask[1:] }, "the graph's parts are of different sizes: x 21420, mask 1529, y 1530, close 1530 and edges 170 of 9 nodes, 14 features and 170 moments"},
		{"a feature that is infinite", func(s *Snapshots, _ *Config) { s.X[0] = float32(math.Inf(1)) }, "log_return_1 of S00USDT at 2024-06-01T23:45:00Z is +Inf; a feature is a finite number: correct it"},
		{"labels of two classes", func(s *Snapshots, _ *Config) {
			for k := range s.Y {
				s.Y[k] = int64(k % 2)
			}
		}, "y holds 0 and 1, and the classes are 0 (down), 1 (flat) and 2 (up): where 1 means up, make it 2: y[y == 1] = 2"},
		{"labels from -1", func(s *Snapshots, _ *Config) {
			for k := range s.Y {
				s.Y[k] = int64(k%3) - 1
			}
		}, "y holds -1, 0 and 1, and the classes are 0 (down), 1 (flat) and 2 (up): where -1 is down, add 1: y[y != -100] += 1; where it is none, y[y == -1] = -100"},
		{"features that are the same", func(s *Snapshots, _ *Config) { clear(s.X) }, "x is the same everywhere: each of its 14 features is constant: give the nodes features that differ"},
		{"edges of other sizes", func(s *Snapshots, _ *Config) { s.Edges[0].Attr = s.Edges[0].Attr[1:] }, ""},
		{"too few", func(_ *Snapshots, c *Config) { c.Horizons = Horizons{400} }, "no snapshot is followed by HORIZON=400 bars: load more bars (START, LOOKBACK) or lower HORIZON"},
		{"nothing at all", func(s *Snapshots, _ *Config) { s.Symbols = nil }, "the graph has 0 nodes, 14 features and 170 moments; it needs some of each: prepare another one, or set START and END"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := defaultConfig()
			m := randomMarket(newRand(9), 9, 200)
			s := preparedOf(mustBuild(t, m, cfg), m, true)
			c.change(s, &cfg)
			_, err := FromSnapshots(s, cfg)
			if !errors.Is(err, ErrInput) {
				t.Fatalf("got %v", err)
			}
			if want := c.want; c.want != "" && err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
