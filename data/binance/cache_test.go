package binance

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// rowsOf counts the candles of days from may on that the cache holds.
func rowsOf(t *testing.T, cache *Cache, symbols []string, days int) (rows int) {
	t.Helper()
	r := wanted(symbols, days)
	for _, symbol := range symbols {
		before := int64(0)
		err := cache.Klines(symbol, r, func(k Kline) error {
			want := exchange.CandleOf(symbol, k.OpenTime/r.Step.Milliseconds())
			if k.Open != want.Open || k.High != want.High || k.Low != want.Low || k.Close != want.Close || k.Volume != want.Volume ||
				k.QuoteVolume != want.QuoteVolume || k.TakerBuyVolume != want.TakerBuy || k.Trades != int64(want.Trades) {
				t.Fatalf("%s at %d: %+v, want %+v", symbol, k.OpenTime, k, want)
			}
			if k.OpenTime <= before {
				t.Fatalf("%s: %d after %d", symbol, k.OpenTime, before)
			}
			before = k.OpenTime
			rows++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// files are the names of all files under the cache.
func files(t *testing.T, cache *Cache) (names []string) {
	t.Helper()
	err := filepath.WalkDir(cache.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(cache.dir, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestASymbolsMonthIsOneFile(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(2), Now: may.AddDate(0, 3, 0)})
	c, cache := openClient(t, e, USDM)
	c.mustSync(t)
	r := wanted(names(2), 40)
	if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"funding/symbol=BTCUSDT/2024-04.parquet", "funding/symbol=BTCUSDT/2024-05.parquet", "funding/symbol=BTCUSDT/2024-06.parquet",
		"funding/symbol=S000USDT/2024-04.parquet", "funding/symbol=S000USDT/2024-05.parquet", "funding/symbol=S000USDT/2024-06.parquet",
		"klines_5m/symbol=BTCUSDT/2024-05.parquet", "klines_5m/symbol=BTCUSDT/2024-06.parquet",
		"klines_5m/symbol=S000USDT/2024-05.parquet", "klines_5m/symbol=S000USDT/2024-06.parquet",
	}
	if got := files(t, cache); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := rowsOf(t, cache, r.Symbols, 40); got != 2*40*288 {
		t.Errorf("%d rows", got)
	}
	var rates []Funding
	err := cache.Fundings("BTCUSDT", r, func(f Funding) error { rates = append(rates, f); return nil })
	if err != nil || len(rates) != 3*41 {
		t.Fatalf("%d rates, %v", len(rates), err)
	}
	for _, f := range rates {
		period := (8 * time.Hour).Milliseconds()
		if f.Rate != exchange.RateOf("BTCUSDT", f.Time/period*period) {
			t.Errorf("%+v", f)
		}
	}
}

func TestOnlyWhatIsNewIsFetched(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(3), Now: may.AddDate(0, 3, 0), Listed: may.AddDate(0, 0, -2)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	fetch := func(symbols []string, from, to int) int {
		t.Helper()
		before := len(e.Pages())
		r := wanted(symbols, to)
		r.From = may.AddDate(0, 0, from).UnixMilli()
		if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
			t.Fatal(err)
		}
		return len(e.Pages()) - before
	}
	for _, f := range []struct {
		what     string
		symbols  []string
		from, to int
		pages    int
	}{
		{"the first time", names(1), 5, 10, 2},
		{"the same", names(1), 5, 10, 0},
		{"a part", names(1), 6, 9, 0},
		{"more behind", names(1), 5, 12, 1},
		{"more before", names(1), 2, 12, 1},
		{"apart", names(1), 20, 21, 1},
		{"with the gap in between", names(1), 1, 22, 5},
		{"all again", names(1), 1, 22, 0},
		{"more symbols", names(3), 1, 3, 2},
		{"from before its listing", names(1), -30, 1, 9 + 1},
		{"from before its listing again", names(1), -30, 22, 0},
	} {
		if got := fetch(f.symbols, f.from, f.to); got != f.pages {
			t.Errorf("%s: %d pages, want %d", f.what, got, f.pages)
		}
	}
	if got := rowsOf(t, cache, names(1), 22); got != 22*288 {
		t.Errorf("%d rows", got)
	}
}

// The newest bar of a fetch is asked for again when it was not told: the
// exchange was late.
func TestABarThatIsLateIsAskedForAgain(t *testing.T) {
	late := true
	last := may.Add(10*time.Hour).UnixMilli() / (5 * time.Minute).Milliseconds()
	e := exchange.Start(t, exchange.Options{Symbols: names(1), Now: may.Add(10*time.Hour + 5*time.Minute), Missing: func(_ string, bar int64) bool {
		return late && bar == last || bar == last-40 // the latter was never traded
	}})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	r := wanted(names(1), 1)
	r.To = (last + 1) * r.Step.Milliseconds()
	for _, want := range []int{119, 120, 120} {
		if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
			t.Fatal(err)
		}
		if got := rowsOf(t, cache, names(1), 1); got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
		late = false
	}
	if pages := len(e.Pages()); pages != 2 { // its begin, and twice the last bar
		t.Errorf("%d pages", pages)
	}
}

// Another process has read the month before this one's page came, and writes it
// after.
func TestWhatAnotherProcessHasReplacedIsFetchedAgain(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(1), Now: may.AddDate(0, 3, 0)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	r := wanted(names(1), 20)
	if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
		t.Fatal(err)
	}
	s, m := klines(cache, "5m", "BTCUSDT"), monthOf(may.UnixMilli())
	rows, _, _, err := s.read(m)
	if err != nil {
		t.Fatal(err)
	}
	day := may.AddDate(0, 0, 1).UnixMilli()
	if err := writeFile(s.file(m), rows[:288], spans{{may.UnixMilli(), day}}, true); err != nil {
		t.Fatal(err)
	}
	if err := cache.Klines("BTCUSDT", r, func(Kline) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Fatalf("19 days are not there, and it says %v", err)
	}
	if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, cache, names(1), 20); got != 20*288 {
		t.Errorf("%d rows", got)
	}
}

// A page that another process merges is read from one of its places.
func TestAMonthIsReadWholeWhileItIsMerged(t *testing.T) {
	_, cache := openClient(t, exchange.Start(t, exchange.Options{}), Spot)
	s, m := klines(cache, "5m", "BTCUSDT"), monthOf(may.UnixMilli())
	ended := make(chan error)
	var written atomic.Int64
	go func() {
		ended <- func() error {
			for i := range int64(150) {
				at := may.UnixMilli() + i*300_000
				if err := s.put(m, []Kline{{OpenTime: at, Close: 1}}, span{at, at + 300_000}, false); err != nil {
					return err
				}
				written.Store(i + 1)
				if err := s.merge(m); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for {
		least := int(written.Load())
		if rows, known, _, err := s.read(m); err != nil || len(rows) < least || least > 0 && len(known) != 1 {
			t.Errorf("%d rows of %d, %v (%v)", len(rows), least, known, err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

func TestOnlyWhatIsTornIsTakenAwayAndBooksAreSetAside(t *testing.T) {
	_, cache := openClient(t, exchange.Start(t, exchange.Options{}), Spot)
	m := monthOf(may.UnixMilli())
	s, b := klines(cache, "5m", "BTCUSDT"), book(cache, "BTCUSDT")
	if err := os.MkdirAll(s.file(m), 0o755); err != nil { // which fails to be read as a disk does
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := s.known(m); err == nil || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "reading CACHE_DIR") {
			t.Errorf("%v", err)
		}
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file(m), []byte("PAR1 torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := b.read(m); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
	if got := files(t, cache); !slices.Equal(got, []string{"book/symbol=BTCUSDT/2024-05.parquet.damaged"}) {
		t.Errorf("%q", got)
	}
}

// A file that a power cut has torn, or a disk has spoilt, counts as not there.
func TestADamagedFileIsFetchedAgain(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(1), Now: may.AddDate(0, 3, 0)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	r := wanted(names(1), 30)
	path := klines(cache, "5m", "BTCUSDT").file(monthOf(may.UnixMilli()))
	random := rand.New(rand.NewPCG(1, 2))
	noticed := 0
	for i := range 24 {
		if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := slices.Clone(content)
		if i%2 == 0 {
			spoilt = spoilt[:random.IntN(len(spoilt))]
		} else {
			from := random.IntN(len(spoilt) - 64)
			for at := range 64 {
				spoilt[from+at] = byte(random.Uint32())
			}
		}
		if err := os.WriteFile(path, spoilt, 0o644); err != nil {
			t.Fatal(err)
		}
		for try := 0; ; try++ { // as the source does
			if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
				t.Fatal(err)
			}
			err := cache.Klines("BTCUSDT", r, func(Kline) error { return nil })
			if err == nil {
				break
			}
			noticed++
			if !errors.Is(err, ErrDamaged) || try > 3 {
				t.Fatal(err)
			}
		}
		if got := rowsOf(t, cache, names(1), 30); got != 30*288 {
			t.Fatalf("%d rows", got)
		}
	}
	if noticed == 0 {
		t.Error("no file was found damaged when it was read: nothing was tried but footers")
	}
}

func TestNoHalfWrittenFileIsEverRead(t *testing.T) {
	_, cache := openClient(t, exchange.Start(t, exchange.Options{}), Spot)
	s, m := klines(cache, "5m", "BTCUSDT"), monthOf(may.UnixMilli())
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, ".new-123"), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, known, parts, err := s.read(m); err != nil || len(rows)+len(known)+len(parts) > 0 {
		t.Errorf("%v %v %v %v", rows, known, parts, err)
	}
}

func TestSpansJoinAndLeaveHoles(t *testing.T) {
	s := spans{}.with(span{10, 20}, span{30, 40}, span{5, 5}, span{20, 25}, span{35, 50})
	if want := (spans{{10, 25}, {30, 50}}); !reflect.DeepEqual(s, want) {
		t.Errorf("%v", s)
	}
	if back, err := parseSpans(s.String()); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%v, %v", back, err)
	}
	for _, c := range []struct {
		from, to int64
		want     spans
	}{
		{0, 60, spans{{0, 10}, {25, 30}, {50, 60}}}, {10, 25, nil}, {12, 40, spans{{25, 30}}}, {24, 31, spans{{25, 30}}}, {26, 29, spans{{26, 29}}}, {50, 51, spans{{50, 51}}},
	} {
		if got := s.lacks(c.from, c.to); !reflect.DeepEqual(got, c.want) {
			t.Errorf("[%d, %d): %v, want %v", c.from, c.to, got, c.want)
		}
	}
	if _, err := parseSpans("1-2,x"); err == nil {
		t.Error("x covers something")
	}
}

func TestBooksOfAnyNumberOfPiecesAreReadAsOne(t *testing.T) {
	_, cache := openClient(t, exchange.Start(t, exchange.Options{}), Spot)
	w := NewBookWriter(cache)
	var all []BookRow
	at := may.AddDate(0, 1, -2).UnixMilli() // over the end of the month
	for piece := range 300 {
		var rows []BookRow
		for range 30 {
			at += 40_000
			rows = append(rows, BookRow{Time: at, BestBid: float64(piece), BestAsk: float64(piece) + 1, BidSize: 2, AskSize: 3})
		}
		all = append(all, rows...)
		if err := w.AppendBook("BTCUSDT", rows); err != nil {
			t.Fatal(err)
		}
		if n := len(files(t, cache)); n > mostPieces+3 {
			t.Fatalf("%d files", n)
		}
	}
	read := func() (got []BookRow) {
		t.Helper()
		err := each(book(cache, "BTCUSDT"), span{may.UnixMilli(), at + 1}, func(r BookRow) error { got = append(got, r); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(); !slices.Equal(got, all) {
		t.Errorf("%d rows, want %d", len(got), len(all))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(); !slices.Equal(got, all) {
		t.Errorf("%d rows after Close, want %d", len(got), len(all))
	}
	for _, name := range files(t, cache) {
		if !strings.HasSuffix(name, ".parquet") {
			t.Errorf("%s is left", name)
		}
	}
	r := wanted(nil, 60)
	var known []BookRow
	err := cache.Books("BTCUSDT", r, time.Hour, func(b BookRow) error { known = append(known, b); return nil })
	if first := slices.IndexFunc(all, func(b BookRow) bool { return b.Time >= r.From-time.Hour.Milliseconds() }); err != nil || !slices.Equal(known, all[first:]) {
		t.Errorf("%d samples of an hour before the range on, %v", len(known), err)
	}
}

// Python's readers see the same numbers, and the symbol from hive's folders.
func TestPandasReadsTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		t.Skip("PYTHON does not name one with pandas: `make test` sets it")
	}
	e := exchange.Start(t, exchange.Options{Symbols: names(2), Now: may.AddDate(0, 3, 0)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	if err := c.Fetch(t.Context(), cache, wanted(names(2), 3), nil); err != nil {
		t.Fatal(err)
	}
	script := `
import sys, pandas as pd
d = pd.read_parquet(sys.argv[1])
assert len(d) == 2 * 3 * 288, len(d)
assert set(d.symbol) == {"BTCUSDT", "S000USDT"}, set(d.symbol)
assert list(d.columns) == ["open_time", "open", "high", "low", "close", "volume", "quote_volume", "number_of_trades", "taker_buy_volume", "symbol"], list(d.columns)
b = d[d.symbol == "BTCUSDT"]
assert b.open_time.iloc[0] == 1714521600000 and (b.open_time.diff().dropna() == 300000).all()
print("%.8f %.8f" % (b.close.iloc[5], b.volume.sum()))
`
	out, err := exec.CommandContext(t.Context(), python, "-c", script, filepath.Join(cache.dir, "klines_5m")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := exchange.CandleOf("BTCUSDT", may.UnixMilli()/300_000+5).Close; !bytes.HasPrefix(out, []byte(fmt.Sprintf("%.8f", want))) {
		t.Errorf("%s, want %v", out, want)
	}
}

// A mirror holds fewer candles in a page than it is asked for.
func TestAPageThatIsShorterThanAskedForIsGoneOnFrom(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(2), Now: may.AddDate(0, 3, 0), Most: 300, Missing: func(_ string, bar int64) bool { return bar%1000 > 950 }})
	for _, market := range []string{Spot, USDM} {
		c, cache := openClient(t, e, market)
		c.mustSync(t)
		r := wanted(names(2), 20)
		if err := c.Fetch(t.Context(), cache, r, nil); err != nil {
			t.Fatal(err)
		}
		want := 0
		for bar := r.From / 300_000; bar < r.To/300_000; bar++ {
			if bar%1000 <= 950 {
				want += 2
			}
		}
		if got := rowsOf(t, cache, r.Symbols, 20); got != want {
			t.Errorf("%s: %d rows, want %d", market, got, want)
		}
		before := e.Seen().Requests
		if err := c.Fetch(t.Context(), cache, r, nil); err != nil || e.Seen().Requests != before {
			t.Errorf("%s: %v, %d more requests", market, err, e.Seen().Requests-before)
		}
	}
}
