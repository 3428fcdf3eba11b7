package binance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// at is a diff of one level, at a time in ms.
func at(ms, id int64, bid Level) Diff {
	return Diff{Symbol: "A", Time: ms, First: id, Last: id, Prev: id - 1, Bids: []Level{bid}}
}

var askAlone = Snapshot{LastUpdateID: 1, Asks: []Level{{300_000_000, 1}}}

// bids are the sizes of the rows' bids by time.
func bids(rows []BookRow) map[int64]float64 {
	sizes := map[int64]float64{}
	for _, r := range rows {
		sizes[r.Time] = r.BidSize
	}
	return sizes
}

func TestARowIsTheLastStateOfItsSecond(t *testing.T) {
	k := newKeeper("A", Spot, time.Second, usualPace)
	step := func(ms, id int64, size float64) {
		t.Helper()
		if err := k.take(at(ms, id, Level{100_000_000, size})); err != nil {
			t.Fatal(err)
		}
	}
	step(10_900, 2, 1)
	if after, ok := k.wants(); !ok || after != 0 {
		t.Fatalf("the first snapshot is wanted: %v, after %v", ok, after)
	}
	if err := k.answered(askAlone, nil); err != nil || k.book == nil {
		t.Fatal(err, k.book)
	}
	step(11_000, 3, 2) // the first second was not seen from its begin, but its end is known
	step(11_100, 4, 3)
	step(11_999, 5, 4)
	step(12_000, 6, 5)
	step(15_500, 7, 6) // nothing happened in the seconds between
	step(15_700, 8, 7)
	want := []BookRow{
		{10_900, 1, 3, 1, 1},
		{11_999, 1, 3, 4, 1},
		{12_000, 1, 3, 5, 1},
	}
	if !slices.Equal(k.rows, want) {
		t.Errorf("%+v\nwant %+v", k.rows, want)
	}
}

func TestASecondWhoseEndWasMissedHasNoRow(t *testing.T) {
	k := newKeeper("A", Spot, time.Second, usualPace)
	take := func(ms, id int64) error { return k.take(at(ms, id, Level{100_000_000, float64(id)})) }
	_ = take(10_000, 2)
	k.wants()
	if err := k.answered(askAlone, nil); err != nil {
		t.Fatal(err)
	}
	_ = take(11_000, 3)
	if err := take(12_000, 5); !errors.Is(err, ErrGap) { // 4 may have been of second 11
		t.Fatal(err)
	}
	_ = take(12_100, 6)
	if _, ok := k.wants(); !ok {
		t.Fatal("no snapshot is wanted after a gap")
	}
	if err := k.answered(Snapshot{LastUpdateID: 5, Asks: askAlone.Asks}, nil); err != nil || k.book == nil {
		t.Fatal(err, k.book)
	}
	_ = take(13_000, 7)
	if got := bids(k.rows); len(got) != 2 || got[10_000] != 2 || got[12_100] != 6 {
		t.Errorf("rows %v, want those of 10.0 and 12.1 s", got)
	}
}

func TestASnapshotThatDoesNotJoinIsAskedForAnew(t *testing.T) {
	k := newKeeper("A", Spot, time.Second, usualPace)
	if _, ok := k.wants(); ok {
		t.Error("a snapshot is wanted before the first diff: it may be older than it")
	}
	_ = k.take(at(1000, 10, Level{1, 1}))
	if _, ok := k.wants(); !ok {
		t.Error("no snapshot is wanted after the first diff")
	}
	if _, ok := k.wants(); ok {
		t.Error("a second one is wanted meanwhile")
	}
	if err := k.answered(Snapshot{LastUpdateID: 8}, nil); err != nil || k.book != nil {
		t.Fatal(err, k.book)
	}
	if after, ok := k.wants(); !ok || after == 0 {
		t.Errorf("a snapshot of before the first diff: another one is wanted: %v, after %v", ok, after)
	}
	if err := k.answered(Snapshot{}, errors.New("429")); err == nil {
		t.Error("a failure is not told")
	}
	if after, ok := k.wants(); !ok || after == 0 {
		t.Errorf("after a failure another one is wanted: %v, after %v", ok, after)
	}
	if err := k.answered(Snapshot{LastUpdateID: 12}, nil); err != nil || k.book != nil {
		t.Fatal("in sync before a diff has joined", err)
	}
	if _, ok := k.wants(); ok {
		t.Error("another one is wanted, although the diff that joins may yet come")
	}
	_ = k.take(at(1100, 11, Level{1, 1}))
	_ = k.take(at(1200, 12, Level{1, 1}))
	if k.book != nil {
		t.Error("in sync before a diff has joined")
	}
	_ = k.take(at(1300, 13, Level{1, 2}))
	if k.book == nil || k.book.LastUpdateID() != 13 || k.pending != nil {
		t.Errorf("not in sync: %+v", k)
	}
}

func TestWhatWaitsForASnapshotIsBounded(t *testing.T) {
	k := newKeeper("A", USDM, time.Second, usualPace)
	for id := range int64(10 * mostPending) {
		_ = k.take(at(1000+id, 10+id, Level{1, 1}))
	}
	if len(k.pending) > mostPending {
		t.Errorf("%d diffs wait", len(k.pending))
	}
	k.wants()
	if err := k.answered(Snapshot{LastUpdateID: 10*mostPending + 5}, nil); err != nil || k.book == nil {
		t.Errorf("a snapshot of now does not join: %v", err)
	}
}

// TestABookComesInSyncFromWhateverOrderOfEvents has no network between: the
// snapshots are of any moment, and come after any number of diffs.
func TestABookComesInSyncFromWhateverOrderOfEvents(t *testing.T) {
	for _, market := range []string{Spot, USDM} {
		t.Run(market, func(t *testing.T) {
			for seed := range uint64(500) {
				if wrong := wander(market, seed); wrong != "" {
					t.Fatalf("seed %d: %s", seed, wrong)
				}
			}
		})
	}
}

func wander(market string, seed uint64) string {
	o := feedOptions(market, "A")
	o.Seed, o.Reach = seed, 20
	feed, ref, random := o.Feed("A"), newReference(o, "A"), rand.New(rand.NewPCG(seed, 9))
	k := newKeeper("A", market, time.Second, usualPace)
	var snapshot, old *Snapshot // on the way
	var late []Diff
	of := func(b exchange.DepthBook) *Snapshot {
		return &Snapshot{LastUpdateID: b.LastUpdateID, Bids: levelsOf(b.Bids), Asks: levelsOf(b.Asks)}
	}
	take := func(d Diff) string {
		_ = k.take(d)
		if k.book != nil {
			return ref.compare(k.book)
		}
		return ""
	}
	const calm = 250
	for n := range calm + 50 {
		if _, ok := k.wants(); ok {
			snapshot = of(feed.Snapshot(1000))
			if n < calm && random.IntN(5) == 0 && old != nil {
				snapshot = old
			}
		}
		feed.Tick()
		if random.IntN(20) == 0 {
			old = of(feed.Snapshot(1000))
		}
		if snapshot != nil && random.IntN(4) == 0 {
			var err error
			if n < calm && random.IntN(5) == 0 {
				err = errors.New("503")
			}
			_ = k.answered(*snapshot, err)
			if k.book != nil {
				if wrong := ref.compare(k.book); wrong != "" {
					return wrong
				}
			}
			snapshot = nil
		}
		told := feed.Diff()
		d := Diff{Symbol: "A", Time: told.Time, First: told.First, Last: told.Last, Bids: levelsOf(told.Bids), Asks: levelsOf(told.Asks)}
		if told.Prev != nil {
			d.Prev = *told.Prev
		}
		fate := random.IntN(40)
		if n >= calm {
			fate = 10
		}
		switch fate {
		case 0: // dropped
		case 1:
			late = append(late, d)
		case 2:
			k.lose()
		case 3:
			if wrong := take(d); wrong != "" {
				return wrong
			}
			fallthrough
		default:
			if wrong := take(d); wrong != "" {
				return wrong
			}
			for _, l := range late {
				if wrong := take(l); wrong != "" {
					return wrong
				}
			}
			late = nil
		}
	}
	if k.book == nil || k.book.LastUpdateID() != feed.LastUpdateID() {
		return fmt.Sprintf("not in sync after 50 diffs without a fault: %d wait, a snapshot waits: %v, one is asked for: %v", len(k.pending), k.snapshot != nil, k.asking)
	}
	return ""
}

func TestABookThatIsRenewedDoesNotGoBack(t *testing.T) {
	k := newKeeper("A", Spot, time.Second, usualPace)
	whole := func(id int64, levels int) Snapshot {
		s := Snapshot{LastUpdateID: id, Limit: levels, Asks: []Level{{300_000_000, 1}}}
		s.Asks = append(s.Asks, make([]Level, levels-1)...)
		for i := range int64(levels) {
			s.Asks[i] = Level{300_000_000 + i, 1}
			s.Bids = append(s.Bids, Level{100_000_000 - i, 1})
		}
		return s
	}
	_ = k.take(at(1000, 2, Level{100_000_000, 2}))
	k.wants()
	if err := k.answered(whole(1, knownLevels), nil); err != nil || k.book == nil {
		t.Fatal(err, k.book)
	}
	_ = k.take(at(1100, 3, Level{100_000_000, 0}))
	if _, ok := k.wants(); !ok || k.limit != 5000 || k.book == nil {
		t.Fatalf("a snapshot of all levels is wanted, and the book is kept meanwhile: %v, %d, %v", ok, k.limit, k.book)
	}
	_ = k.take(at(1200, 4, Level{100_000_000, 3})) // all that is needed is known again
	_ = k.take(at(1300, 5, Level{100_000_001, 4}))
	if err := k.answered(whole(2, 5000), nil); err != nil || k.renewed != 1 || k.loads != 2 {
		t.Fatal(err, k.renewed, k.loads)
	}
	if top, ok := k.book.Top(1); !ok || k.book.LastUpdateID() != 5 || top.BidSize != 4 || !k.book.Known(4999) {
		t.Errorf("at %d: %+v", k.book.LastUpdateID(), top)
	}
}

func TestABookThatIsLostAgainAndAgainIsWaitedWith(t *testing.T) {
	k := newKeeper("A", USDM, time.Second, usualPace)
	id := int64(10)
	// sync brings the book in sync and tells how long that was waited with.
	sync := func() time.Duration {
		t.Helper()
		id += 2 // one is missing
		_ = k.take(at(1000, id, Level{1, 1}))
		after, ok := k.wants()
		if !ok {
			t.Fatal("no snapshot is wanted")
		}
		if err := k.answered(Snapshot{LastUpdateID: id}, nil); err != nil || k.book == nil {
			t.Fatal(err, k.book)
		}
		return after
	}
	if first, second, third := sync(), sync(), sync(); first != 0 || second == 0 || third == 0 {
		t.Errorf("waited %v, %v and %v", first, second, third)
	}
	for range steadyDiffs {
		id++
		_ = k.take(at(1000, id, Level{1, 1}))
	}
	if after := sync(); after != 0 {
		t.Errorf("waited %v after the book had been kept", after)
	}
}
