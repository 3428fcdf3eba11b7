package binance

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
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
		{"", "1"},
		{".", "1"},
		{"1", ""},
		{"-1", "1"},
		{"1", "-1"},
		{"1e3", "1"},
		{"1", "1e3"},
		{"NaN", "1"},
		{"1", "NaN"},
		{"1", "Inf"},
		{"0", "1"},
		{"0.00000000", "1"},
		{"0.000000001", "1"},
		{"92233720368.54775808", "1"},
		{"1.2.3", "1"},
		{"1", "1.2.3"},
		{"1", "0x1p4"},
		{"1_0", "1"},
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
