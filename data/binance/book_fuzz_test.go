package binance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// naive is a book that is as plain as can be: a map a side, sorted at each look.
type naive struct{ bids, asks map[int64]float64 }

func newNaive(bids, asks []Level) naive {
	n := naive{map[int64]float64{}, map[int64]float64{}}
	n.apply(bids, asks)
	return n
}

func (n naive) apply(bids, asks []Level) {
	for _, side := range []struct {
		levels map[int64]float64
		set    []Level
	}{{n.bids, bids}, {n.asks, asks}} {
		for _, l := range side.set {
			side.levels[l.Price] = l.Size
			if l.Size == 0 {
				delete(side.levels, l.Price)
			}
		}
	}
}

func (n naive) sorted() (bids, asks []Level) {
	for _, p := range slices.SortedFunc(maps.Keys(n.bids), func(a, b int64) int { return cmp.Compare(b, a) }) {
		bids = append(bids, Level{p, n.bids[p]})
	}
	for _, p := range slices.Sorted(maps.Keys(n.asks)) {
		asks = append(asks, Level{p, n.asks[p]})
	}
	return bids, asks
}

func (n naive) crossed() bool {
	bids, asks := n.sorted()
	return len(bids) > 0 && len(asks) > 0 && bids[0].Price >= asks[0].Price
}

func (n naive) top(time int64) (BookRow, bool) {
	bids, asks := n.sorted()
	if len(bids) == 0 || len(asks) == 0 {
		return BookRow{}, false
	}
	sum := func(levels []Level) (s float64) {
		for _, l := range levels[:min(20, len(levels))] {
			s += l.Size
		}
		return s
	}
	return BookRow{time, float64(bids[0].Price) / 1e8, float64(asks[0].Price) / 1e8, sum(bids), sum(asks)}, true
}

func FuzzBook(f *testing.F) {
	f.Add(uint64(1), []byte("a snapshot and a few diffs"), false)
	f.Add(uint64(2), []byte{0, 1, 2, 3, 4, 5, 6, 7, 250, 251, 252, 253, 254, 255}, true)
	f.Fuzz(func(t *testing.T, seed uint64, steps []byte, futures bool) {
		r := rand.New(rand.NewPCG(seed, 0))
		market := Spot
		if futures {
			market = USDM
		}
		some := func(base int64) (levels []Level) {
			for range r.IntN(30) {
				levels = append(levels, Level{base + r.Int64N(60), float64(r.IntN(4))})
			}
			return levels
		}
		unique := func(levels []Level) []Level {
			slices.SortStableFunc(levels, func(a, b Level) int { return cmp.Compare(a.Price, b.Price) })
			return slices.CompactFunc(levels, func(a, b Level) bool { return a.Price == b.Price })
		}
		b := NewBook(market)
		bids, asks := unique(some(1000)), unique(some(1065))
		if err := b.Load(Snapshot{LastUpdateID: 100, Bids: bids, Asks: asks}); err != nil {
			t.Fatal(err)
		}
		n := newNaive(bids, asks)
		id := int64(100)
		for _, s := range steps {
			d := Diff{First: id + 1, Last: id + 1 + int64(s%5), Prev: id, Bids: some(1000), Asks: some(1065)}
			switch {
			case s > 250:
				d.First, d.Prev = d.First+1, d.Prev+1
				if d.First > d.Last {
					d.Last = d.First
				}
				if err := b.Apply(d); !errors.Is(err, ErrGap) || b.InSync() {
					t.Fatalf("a gap: %v", err)
				}
				return
			case s > 240:
				d.First, d.Last = id-3, id
				if !b.InSync() {
					continue // it may join
				}
				if err := b.Apply(d); err != nil {
					t.Fatalf("a repeated diff: %v", err)
				}
			case s > 235 && len(n.asks) > 0:
				_, asks := n.sorted()
				d.Asks = nil
				d.Bids = append(d.Bids, Level{asks[0].Price, 1})
				n.apply(d.Bids, d.Asks)
				if err := b.Apply(d); !errors.Is(err, ErrCrossed) || !n.crossed() {
					t.Fatalf("a crossed book: %v", err)
				}
				return
			default:
				if err := b.Apply(d); err != nil {
					t.Fatal(err)
				}
				n.apply(d.Bids, d.Asks)
				id = d.Last
			}
			gotBids, gotAsks := b.Levels()
			wantBids, wantAsks := n.sorted()
			if !slices.Equal(gotBids, wantBids) || !slices.Equal(gotAsks, wantAsks) || b.LastUpdateID() != id {
				t.Fatalf("at %d, want %d\n%v\n%v\nwant\n%v\n%v", b.LastUpdateID(), id, gotBids, gotAsks, wantBids, wantAsks)
			}
			got, ok := b.Top(20)
			if want, all := n.top(d.Time); got != want || ok != all {
				t.Fatalf("%+v, %v; want %+v, %v", got, ok, want, all)
			}
		}
	})
}

func FuzzLevels(f *testing.F) {
	f.Add([]byte(`[["1.5","2"],["1.4","0.00"]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var l Levels
		err := json.Unmarshal(text, &l)
		var plain [][]string
		if json.Unmarshal(text, &plain) != nil && err == nil {
			t.Fatalf("%q is read as %v", text, l)
		}
		if err != nil {
			return
		}
		if len(l) != len(plain) {
			t.Fatalf("%q has %d levels, and %v were read", text, len(plain), l)
		}
		for i, p := range plain {
			if one, err := LevelOf(p[0], p[1]); err != nil || one != l[i] {
				t.Fatalf("%q: %v was read, and alone %v, %v", text, l[i], one, err)
			}
		}
	})
}

func FuzzMessage(f *testing.F) {
	d := feedOptions(USDM, "BTCUSDT").Feed("BTCUSDT").Diff()
	text, err := json.Marshal(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}`))
	f.Add([]byte(`{"result":null,"id":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := readMessage(text); err == nil && (d.Symbol == "" || d.First <= 0 || d.Last < d.First || d.Time <= 0) {
			t.Fatalf("%q is read as %+v", text, d)
		}
	})
}

// busy is a book of 1000 levels a side, and diffs as a busy symbol has them: 40
// levels, most of them near the best.
func busy(levels int) (Snapshot, []Diff) {
	r := rand.New(rand.NewPCG(1, 2))
	s := Snapshot{LastUpdateID: 1}
	const middle = 6_000_000_000_000
	for i := range int64(levels) {
		s.Bids = append(s.Bids, Level{middle - 1e6*(i+1), 1})
		s.Asks = append(s.Asks, Level{middle + 1e6*(i+1), 1})
	}
	diffs := make([]Diff, 1000)
	for i := range diffs {
		d := Diff{First: int64(i) + 2, Last: int64(i) + 2, Prev: int64(i) + 1, Time: int64(i) + 1}
		for range 20 {
			away := 1e6 * (1 + int64(r.ExpFloat64()*float64(levels)/20)%int64(levels))
			d.Bids = append(d.Bids, Level{middle - away, float64(r.IntN(3))})
			d.Asks = append(d.Asks, Level{middle + away, float64(r.IntN(3))})
		}
		diffs[i] = d
	}
	return s, diffs
}

func BenchmarkBook(b *testing.B) {
	for _, levels := range []int{1000, 5000} {
		s, diffs := busy(levels)
		b.Run(fmt.Sprintf("a diff of 40 levels, and the top, of %d levels a side", levels), func(b *testing.B) {
			book := NewBook(Spot)
			for i := 0; b.Loop(); i++ {
				if i%len(diffs) == 0 {
					b.StopTimer()
					if err := book.Load(s); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if err := book.Apply(diffs[i%len(diffs)]); err != nil {
					b.Fatal(err)
				}
				book.Top(20)
			}
		})
		b.Run(fmt.Sprintf("the same, a map that is sorted at each look, of %d levels a side", levels), func(b *testing.B) {
			n := newNaive(s.Bids, s.Asks)
			for i := 0; b.Loop(); i++ {
				n.apply(diffs[i%len(diffs)].Bids, diffs[i%len(diffs)].Asks)
				n.top(0)
			}
		})
	}
}

func BenchmarkMessage(b *testing.B) {
	_, diffs := busy(1000)
	d := exchange.DepthDiff{Kind: depthUpdate, Time: 1_700_000_000_000, Symbol: "BTCUSDT", First: 1, Last: 2}
	for _, l := range diffs[0].Bids {
		d.Bids = append(d.Bids, [2]string{fmt.Sprintf("%.8f", price(l.Price)), fmt.Sprintf("%.8f", l.Size)})
		d.Asks = append(d.Asks, [2]string{fmt.Sprintf("%.8f", price(l.Price)), fmt.Sprintf("%.8f", l.Size)})
	}
	text, err := json.Marshal(map[string]any{"stream": "btcusdt@depth@100ms", "data": d})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readMessage(text); err != nil {
			b.Fatal(err)
		}
	}
}
