package binance

import (
	"testing"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

func TestBooksEqualTheExchangesAfterEachOfAHundredThousandUpdatesThroughFaults(t *testing.T) {
	updates := 100_000
	if testing.Short() {
		updates = 5000
	}
	for _, market := range []string{Spot, USDM} {
		t.Run(market, func(t *testing.T) {
			t.Parallel()
			o := feedOptions(market, "BTCUSDT", "ETHUSDT", "SOLUSDT")
			o.Reach = 40
			o.Faults = map[exchange.Fault]float64{
				exchange.Drop: 0.003, exchange.Repeat: 0.005, exchange.Delay: 0.003, exchange.Garbage: 0.002, exchange.CutLine: 0.001,
				exchange.OldSnapshot: 0.1, exchange.BusySnapshot: 0.1,
			}
			r := record(t, o, nil)
			r.play(updates, map[int]exchange.Fault{
				updates / 5: exchange.Stall, updates / 2: exchange.Stall, updates / 4: exchange.Shutdown, updates * 3 / 4: exchange.Shutdown,
			})
			if err := r.end(); err != nil {
				t.Error(err)
			}
			stats, counts := r.Stats(), r.depth.Counts()
			t.Logf("%d of %d messages left their book in sync; %+v; %v", r.kept, r.updates, stats, counts)
			for _, wrong := range r.wrong {
				t.Error(wrong)
			}
			if r.kept < r.updates*9/10 {
				t.Errorf("%d of %d messages left their book in sync", r.kept, r.updates)
			}
			for _, f := range []exchange.Fault{
				exchange.Drop, exchange.Repeat, exchange.Delay, exchange.Garbage, exchange.CutLine,
				exchange.Stall, exchange.Shutdown, exchange.OldSnapshot, exchange.BusySnapshot,
			} {
				if counts[f] == 0 {
					t.Errorf("no %s has occurred", f)
				}
			}
			if n := int64(counts[exchange.CutLine] + counts[exchange.Stall] + counts[exchange.Shutdown]); stats.Reconnects < n {
				t.Errorf("%d reconnects after %d ends of connections", stats.Reconnects, n)
			}
			if n := int64(counts[exchange.Drop] + counts[exchange.Delay]); stats.Gaps == 0 || stats.Gaps > n+int64(counts[exchange.Garbage]) {
				t.Errorf("%d gaps after %d messages that were dropped or late", stats.Gaps, n)
			}
			r.checkRows(0.8)
		})
	}
}

func TestBooksOfManyConnectionsAreRenewedWhereTheirSnapshotsWereCutShort(t *testing.T) {
	for _, market := range []string{Spot, USDM} {
		t.Run(market, func(t *testing.T) {
			t.Parallel()
			o := feedOptions(market, "ADAUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
			o.Reach = 300
			o.Faults = map[exchange.Fault]float64{exchange.Drop: 0.001, exchange.CutLine: 0.001}
			// 70 of some 200 levels a side, 60 of which must be known: the price
			// leaves them soon.
			r := record(t, o, func(r *Recorder) { r.pace.streams, r.pace.levels = 2, 70 })
			r.play(4000, nil)
			if err := r.end(); err != nil {
				t.Error(err)
			}
			for _, wrong := range r.wrong {
				t.Error(wrong)
			}
			stats := r.Stats()
			t.Logf("%d of %d messages left their book in sync; %+v; %v", r.kept, r.updates, stats, r.depth.Counts())
			if stats.Renewals == 0 || stats.Reconnects == 0 || stats.Gaps == 0 || r.kept < r.updates*9/10 {
				t.Errorf("%d of %d messages left their book in sync; %+v", r.kept, r.updates, stats)
			}
			r.checkRows(0.7)
		})
	}
}
