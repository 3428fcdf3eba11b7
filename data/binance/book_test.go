package binance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

func level(t testing.TB, price, size string) Level {
	t.Helper()
	l, err := LevelOf(price, size)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALevelIsReadExactly(t *testing.T) {
	for _, c := range []struct {
		price, size string
		want        Level
	}{
		{"0.1", "1", Level{10_000_000, 1}},
		{"0.10000000", "1.0", Level{10_000_000, 1}},
		{"0.1000000000", "0", Level{10_000_000, 0}},
		{"69607.80", "11.668", Level{6_960_780_000_000, 11.668}},
		{"0.00000001", "123456789012345.00000000", Level{1, 123456789012345}},
		{"92233720368.54775807", "0.00001000", Level{9_223_372_036_854_775_807, 1e-5}},
		{"007", ".5", Level{700_000_000, 0.5}},
	} {
		if got, err := LevelOf(c.price, c.size); got != c.want || err != nil {
			t.Errorf("%s, %s: %v, %v; want %v", c.price, c.size, got, err, c.want)
		}
	}
	for _, c := range [][2]string{
		{"", "1"}, {".", "1"}, {"1", ""}, {"-1", "1"}, {"1", "-1"}, {"1e3", "1"}, {"1", "1e3"}, {"NaN", "1"}, {"1", "NaN"}, {"1", "Inf"},
		{"0", "1"}, {"0.00000000", "1"}, {"0.000000001", "1"}, {"92233720368.54775808", "1"}, {"1.2.3", "1"}, {"1", "1.2.3"}, {"1", "0x1p4"}, {"1_0", "1"},
		{"1", strings.Repeat("9", 400)},
	} {
		if got, err := LevelOf(c[0], c[1]); err == nil {
			t.Errorf("%q, %q is read as %v", c[0], c[1], got)
		}
	}
}

func TestLevelsAreReadAsTheExchangeWritesThem(t *testing.T) {
	var l Levels
	if err := json.Unmarshal([]byte(` [ ["1.5","2"] , ["1.4" , "0.00"] ] `), &l); err != nil || !slices.Equal(l, Levels{{150_000_000, 2}, {140_000_000, 0}}) {
		t.Errorf("%v, %v", l, err)
	}
	if err := json.Unmarshal([]byte(`[]`), &l); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	for _, text := range []string{`null`, `{}`, `[[]]`, `[["1"]]`, `[["1","2","3"]]`, `[[1,2]]`, `[["1","2"],]`, `["1","2"]`, `[["1","2"]`, `[["\u0031","2"]]`, `[["1",null]]`} {
		if err := json.Unmarshal([]byte(text), &l); err == nil {
			t.Errorf("%s is read as %v", text, l)
		}
	}
}

// diff is one of a spot book's, or with prev of the futures'.
func diff(first, last, prev int64, bids, asks []Level) Diff {
	return Diff{Symbol: "BTCUSDT", Time: 1_700_000_000_000 + last, First: first, Last: last, Prev: prev, Bids: bids, Asks: asks}
}

func loaded(t *testing.T, market string, id int64) *Book {
	t.Helper()
	b := NewBook(market)
	err := b.Load(Snapshot{
		LastUpdateID: id, Bids: []Level{level(t, "10.0", "1"), level(t, "9.9", "2")}, Asks: []Level{level(t, "10.1", "3"), level(t, "10.2", "4")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSequenceIsCheckedAsDocumented(t *testing.T) {
	type step struct {
		first, last, prev int64
		want              string // applied, ignored or gap
	}
	for _, c := range []struct {
		name, market string
		steps        []step
	}{
		{"spot: the first one spans the snapshot", Spot, []step{{95, 100, 0, "ignored"}, {99, 103, 0, "applied"}, {104, 104, 0, "applied"}}},
		{"spot: the first one begins right after the snapshot", Spot, []step{{101, 101, 0, "applied"}, {102, 110, 0, "applied"}}},
		{"spot: the snapshot is older than all", Spot, []step{{102, 103, 0, "gap"}, {104, 105, 0, "gap"}}},
		{"spot: one is missing", Spot, []step{{101, 103, 0, "applied"}, {105, 106, 0, "gap"}, {104, 104, 0, "gap"}}},
		{"spot: one comes twice", Spot, []step{{101, 103, 0, "applied"}, {101, 103, 0, "ignored"}, {104, 104, 0, "applied"}}},
		{"spot: one overlaps", Spot, []step{{101, 103, 0, "applied"}, {102, 105, 0, "applied"}, {106, 106, 0, "applied"}}},
		{"usdm: the first one spans the snapshot", USDM, []step{{80, 95, 70, "ignored"}, {97, 110, 95, "applied"}, {113, 120, 110, "applied"}}},
		{"usdm: the first one ends with the snapshot", USDM, []step{{97, 100, 95, "applied"}, {105, 120, 100, "applied"}}},
		{"usdm: the first one comes right after the snapshot", USDM, []step{{105, 120, 100, "applied"}, {125, 130, 120, "applied"}}},
		{"usdm: the snapshot is older than all", USDM, []step{{105, 120, 103, "gap"}}},
		{"usdm: one is missing", USDM, []step{{97, 110, 95, "applied"}, {125, 130, 120, "gap"}}},
		{"usdm: one comes twice, and late", USDM, []step{{97, 110, 95, "applied"}, {97, 110, 95, "ignored"}, {113, 120, 110, "applied"}, {97, 110, 95, "ignored"}}},
		{"usdm: ids go on, but pu does not", USDM, []step{{97, 110, 95, "applied"}, {111, 120, 109, "gap"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := loaded(t, c.market, 100)
			if b.InSync() {
				t.Error("in sync before a diff has joined")
			}
			for i, s := range c.steps {
				before := b.LastUpdateID()
				err := b.Apply(diff(s.first, s.last, s.prev, nil, nil))
				got := "applied"
				if errors.Is(err, ErrGap) {
					got = "gap"
				} else if err != nil {
					t.Fatal(err)
				} else if b.LastUpdateID() == before && s.last <= before && s.last != 100 || s.last == 100 && !b.InSync() {
					got = "ignored"
				}
				if got != s.want || b.InSync() && got == "gap" {
					t.Errorf("step %d was %s (in sync: %v), want %s", i, got, b.InSync(), s.want)
				}
			}
		})
	}
}

func TestQuantitiesAreAbsoluteAndZeroRemoves(t *testing.T) {
	b := loaded(t, Spot, 100)
	if err := b.Apply(diff(101, 102, 0,
		[]Level{level(t, "10.00", "0.5"), level(t, "9.90000000", "0"), level(t, "9.8", "7"), level(t, "1", "0")},
		[]Level{level(t, "10.1", "0.0")})); err != nil {
		t.Fatal(err)
	}
	bids, asks := b.Levels()
	if want := []Level{level(t, "10", "0.5"), level(t, "9.8", "7")}; !slices.Equal(bids, want) {
		t.Errorf("bids %v, want %v", bids, want)
	}
	if want := []Level{level(t, "10.2", "4")}; !slices.Equal(asks, want) {
		t.Errorf("asks %v, want %v", asks, want)
	}
	if top, ok := b.Top(20); !ok || top != (BookRow{1_700_000_000_102, 10, 10.2, 7.5, 4}) {
		t.Errorf("%+v, %v", top, ok)
	}
	if top, ok := b.Top(1); !ok || top.BidSize != 0.5 {
		t.Errorf("%+v, %v", top, ok)
	}
	if err := b.Apply(diff(103, 103, 0, nil, []Level{level(t, "10.2", "0")})); err != nil {
		t.Fatal(err)
	}
	if top, ok := b.Top(20); ok {
		t.Errorf("a book without asks has the top %+v", top)
	}
}

func TestACrossedBookIsToBeLoadedAgain(t *testing.T) {
	for _, bid := range []string{"10.1", "11"} {
		b := loaded(t, Spot, 100)
		if err := b.Apply(diff(101, 101, 0, []Level{level(t, bid, "1")}, nil)); !errors.Is(err, ErrCrossed) || b.InSync() {
			t.Errorf("a bid of %s: %v, in sync %v", bid, err, b.InSync())
		}
		if err := b.Apply(diff(102, 102, 0, nil, nil)); !errors.Is(err, ErrGap) {
			t.Errorf("then %v", err)
		}
	}
	b := NewBook(Spot)
	if err := b.Load(Snapshot{Bids: []Level{level(t, "2", "1")}, Asks: []Level{level(t, "1", "1")}}); !errors.Is(err, ErrCrossed) {
		t.Errorf("a crossed snapshot: %v", err)
	}
	if err := b.Load(Snapshot{Bids: []Level{level(t, "2", "1"), level(t, "2.0", "1")}}); err == nil {
		t.Error("a snapshot with a price twice is taken")
	}
}

func TestABookKnowsNoMoreThanItsSnapshotAndSaysSo(t *testing.T) {
	b := NewBook(Spot)
	snapshot := Snapshot{LastUpdateID: 100, Limit: 3}
	for i := range int64(3) {
		snapshot.Bids = append(snapshot.Bids, Level{1000 - i, 1})
		snapshot.Asks = append(snapshot.Asks, Level{2000 + i, 1})
	}
	if err := b.Load(snapshot); err != nil {
		t.Fatal(err)
	}
	// 997 and 2003 are beyond what the snapshot told: others lie between them
	// and the book, or do not.
	if err := b.Apply(diff(101, 101, 0, []Level{{997, 5}}, []Level{{2003, 5}, {1999, 2}})); err != nil {
		t.Fatal(err)
	}
	if top, ok := b.Top(3); !ok || top.BidSize != 3 || top.AskSize != 4 {
		t.Errorf("%+v, %v", top, ok)
	}
	if err := b.Apply(diff(102, 102, 0, []Level{{1000, 0}}, nil)); err != nil {
		t.Fatal(err)
	}
	if top, ok := b.Top(3); ok || b.Known(3) || !b.Known(2) {
		t.Errorf("two of three bids are known, and the top is %+v", top)
	}
	// Fewer levels than asked for are all there are.
	snapshot.Limit = 4
	if err := b.Load(snapshot); err != nil || !b.Known(1000) {
		t.Errorf("%v, known: %v", err, b.Known(1000))
	}
}

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
