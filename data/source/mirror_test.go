package source_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

func doubled(rows []json.RawMessage) (twice []json.RawMessage) {
	for _, r := range rows {
		twice = append(twice, r, r)
	}
	return twice
}

func reversed(rows []json.RawMessage) []json.RawMessage {
	slices.Reverse(rows)
	return rows
}

func shuffled(rows []json.RawMessage) []json.RawMessage {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func TestRowsThatAMirrorServesTwiceOrOutOfOrderAreSortedAndCounted(t *testing.T) {
	options := exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0)}
	want, _ := mustLoad(t, fromMay(exchange.Start(t, options), binance.Spot, t.TempDir(), "AUSDT,BTCUSDT", 3))
	for name, c := range map[string]struct {
		rows                   func([]json.RawMessage) []json.RawMessage
		duplicates, disordered bool
	}{
		"each twice":                   {doubled, true, false},
		"newest first":                 {reversed, false, true},
		"in any order, and each twice": {func(rows []json.RawMessage) []json.RawMessage { return shuffled(doubled(rows)) }, true, true},
		"the last one again":           {func(rows []json.RawMessage) []json.RawMessage { return append(rows, rows[len(rows)-1]) }, true, false},
	} {
		options.Rows = c.rows
		m, report := mustLoad(t, fromMay(exchange.Start(t, options), binance.Spot, t.TempDir(), "AUSDT,BTCUSDT", 3))
		if !reflect.DeepEqual(m.Close, want.Close) {
			t.Errorf("%s: the market is another one", name)
		}
		if (report.Duplicates > 0) != c.duplicates || (report.Disordered > 0) != c.disordered {
			t.Errorf("%s: %d duplicates and %d disordered are counted", name, report.Duplicates, report.Disordered)
		}
	}
}

func TestTopPassesOverSymbolsWithTooFewBars(t *testing.T) {
	// AUSDT and CUSDT were listed on the second day.
	young := func(symbol string, bar int64) bool {
		return (symbol == "AUSDT" || symbol == "CUSDT") && bar < may.AddDate(0, 0, 1).UnixMilli()/300_000+200
	}
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT", "BUSDT", "CUSDT", "DUSDT"}, Now: may.AddDate(0, 1, 0), Missing: young})
	cfg := fromMay(e, binance.Spot, t.TempDir(), "top:3", 2)
	cfg.LeastBars = 100
	var pinned []source.Pin
	cfg.Fixed = func(p source.Pin) { pinned = append(pinned, p) }
	m, report := mustLoad(t, cfg)
	slices.Sort(m.Symbols)
	if !slices.Equal(m.Symbols, []string{"BTCUSDT", "BUSDT", "DUSDT"}) {
		t.Errorf("the nodes are %v", m.Symbols)
	}
	if len(report.Warnings) == 0 || !strings.Contains(strings.Join(report.Warnings, "\n"), "AUSDT is not among top:3: it has 88 bars, and a run needs 100") {
		t.Errorf("the report is %q", report.Warnings)
	}
	if last := pinned[len(pinned)-1].Symbols; len(last) != 3 || slices.Contains(last, "AUSDT") || slices.Contains(last, "CUSDT") {
		t.Errorf("a resumed run would ask for %v", last)
	}

	cfg.Symbols = "top:4"
	if _, _, err := source.Load(t.Context(), cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "set top:3 or less") {
		t.Errorf("too few symbols have the bars: %v", err)
	}
	cfg.Symbols, cfg.Exclude = "top:2", "BUSDT,AUSDT"
	if m, _ := mustLoad(t, cfg); !slices.Contains(m.Symbols, "DUSDT") || len(m.Symbols) != 2 {
		t.Errorf("without BUSDT the nodes are %v", m.Symbols)
	}
	cfg.Exclude = "XUSDT"
	if _, report := mustLoad(t, cfg); !slices.Contains(report.Warnings, "EXCLUDE names XUSDT, which the spot market has not") {
		t.Errorf("of a symbol that there is not: %q", report.Warnings)
	}
	cfg.Exclude = "busdt"
	if _, _, err := source.Load(t.Context(), cfg); !errors.Is(err, data.ErrInput) || !strings.HasSuffix(err.Error(), "write BUSDT for busdt") {
		t.Errorf("of one in small letters: %v", err)
	}
	cfg.Symbols, cfg.Exclude, cfg.LeastBars = "AUSDT", "", 1000
	if m, _ := mustLoad(t, cfg); len(m.Symbols) != 2 {
		t.Errorf("of a list nothing is left out, but %v", m.Symbols)
	}
}

func TestASymbolInAnotherSpellingIsSuggestedByItsName(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0)})
	for _, name := range []string{"ausdt", "A-USDT", "A_USDT", "Ausdt"} {
		_, _, err := source.Load(t.Context(), fromMay(e, binance.Spot, t.TempDir(), name, 1))
		if !errors.Is(err, data.ErrInput) || !strings.HasSuffix(err.Error(), "write AUSDT for "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
