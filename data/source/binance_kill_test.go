package source_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

// fetchers is how many pages may be on their way when the process is killed.
const fetchers = 12

func TestAKilledFetchLosesNoCompletedPageAndSpoilsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts many processes")
	}
	const kills = 20
	symbols := []string{"BTCUSDT"}
	for i := range 39 {
		symbols = append(symbols, fmt.Sprintf("S%03dUSDT", i))
	}
	begin := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: begin.AddDate(0, 3, 0), Delay: 20 * time.Millisecond})
	w := wanted{
		URL: e.URL, Market: binance.Spot, CacheDir: t.TempDir(), Symbol: "BTCUSDT", Symbols: strings.Join(symbols, ","),
		Start: begin.Format(time.RFC3339), End: begin.AddDate(0, 0, 50).Format(time.RFC3339),
	}
	random := rand.New(rand.NewPCG(5, 6))
	encoded, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	killed, completed := 0, 0
	for killed < kills {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), childVariable+"="+string(encoded))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.AfterFunc(time.Duration(10+random.IntN(140))*time.Millisecond, func() { _ = c.Process.Kill() })
		if c.Wait() == nil {
			completed++
			if err := os.RemoveAll(w.CacheDir); err != nil { // all is there: once more
				t.Fatal(err)
			}
			e.ForgetPages()
		} else {
			killed++
		}
		moment.Stop()
	}
	before := len(e.Pages())
	m, report, err := source.Load(t.Context(), w.config())
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for _, n := range e.Pages() {
		again += n - 1
	}
	t.Logf("%d kills, %d fetches that completed, %d pages before the last one, %d asked for again", killed, completed, before, again)
	if again > kills*fetchers {
		t.Errorf("%d pages were asked for again after %d kills", again, kills)
	}
	if report.Rows != len(symbols)*50*288 || m.Bars != 50*288 {
		t.Errorf("%+v, %d bars", report, m.Bars)
	}
	for i, symbol := range symbols {
		for bar := range m.Bars {
			want := exchange.CandleOf(symbol, m.OpenTime(bar)/300_000)
			if m.Close[i][bar] != want.Close || m.Volume[i][bar] != want.Volume {
				t.Fatalf("%s, bar %d: %v and %v, want %+v", symbol, bar, m.Close[i][bar], m.Volume[i][bar], want)
			}
		}
	}
	err = filepath.WalkDir(w.CacheDir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".part") {
			t.Errorf("%s was not merged", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
