package exchange

import (
	"reflect"
	"testing"
)

func TestWhatDiffsTellDoesNotDependOnWhoElseAsks(t *testing.T) {
	for _, market := range []string{"spot", "usdm"} {
		o := DepthOptions{Market: market, Seed: 3, Start: 1_700_000_000_000}
		alone, asked := o.Feed("BTCUSDT"), o.Feed("BTCUSDT")
		last := alone.LastUpdateID()
		for range 1000 {
			for range last % 3 {
				asked.Tick()
				asked.Snapshot(10)
			}
			a, b := alone.Diff(), asked.Diff()
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: %+v and %+v", market, a, b)
			}
			switch {
			case market == "spot" && (a.First != last+1 || a.Prev != nil):
				t.Fatalf("after %d follows %+v", last, a)
			case market == "usdm" && (*a.Prev != last || a.First <= last):
				t.Fatalf("after %d follows %+v", last, a)
			}
			last = a.Last
		}
		if !reflect.DeepEqual(alone.Snapshot(1000), asked.Snapshot(1000)) {
			t.Errorf("%s: two feeds of one seed differ", market)
		}
	}
}
