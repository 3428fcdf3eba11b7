package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// candleText is CSV of candles that walk at random up to the bar that is open now.
func candleText(seed uint64, separator, symbol string) string {
	const bars, step = 400, 5 * time.Minute
	draw := rand.New(rand.NewPCG(seed, 0))
	var text strings.Builder
	text.WriteString(strings.Join([]string{"open_time", "open", "high", "low", "close", "volume", "symbol"}, separator) + "\n")
	// A bar that opens within a minute is none of the future: the test cannot fall
	// between two bars.
	first := time.Now().Add(30 * time.Second).Truncate(step).Add(-(bars - 1) * step)
	price := 100.0
	for t := range bars {
		open := price
		price *= 1 + 0.002*draw.NormFloat64()
		fmt.Fprintln(&text, strings.Join([]string{
			first.Add(time.Duration(t) * step).UTC().Format(time.DateTime), fmt.Sprintf("%.4f", open), fmt.Sprintf("%.4f", 1.001*max(open, price)), fmt.Sprintf("%.4f", 0.999*min(open, price)),
			fmt.Sprintf("%.4f", price), fmt.Sprintf("%.2f", 1+draw.Float64()), symbol,
		}, separator))
	}
	return text.String()
}

// A folder as people have it: packed files and plain ones, dates for times, an
// open bar, and files of other programs beside them.
func TestAFolderOfManyFormsIsTrainedOnAndWhatIsLeftOutIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(candleText(1, ";", "BTC/USDT"))); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	long := candleText(3, ",", "SOLUSDT") + candleText(4, ",", "XRPUSDT") + candleText(5, ",", "ADAUSDT")
	for name, text := range map[string]string{
		"BTCUSDT-5m.csv.gz": packed.String(), "ETHUSDT.csv": candleText(2, "\t", "ETHUSDT"), "ETHUSDT_old.csv": candleText(2, ",", "ETHUSDT_old"),
		"the others.csv": long, "DOGEUSDT.feather": "ARROW1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars, _ := environment(t, map[string]string{"DATA_SOURCE": "files", "DATA_DIR": dir, "SYMBOLS": "", "LOOKBACK": "", "EPOCHS": "1", "BASELINE": "none", "GRAPH_WINDOW": "30", "EDGE_TOP_K": "2", "EXCLUDE": "ADAUSDT"})
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	for _, line := range []string{
		"DOGEUSDT.feather is not read", "has not closed and is not read", "ETHUSDT_old has the same candles as ETHUSDT", "that both have: set EXCLUDE=ADAUSDT,ETHUSDT_old",
	} {
		if strings.Count(e.stderr, line) != 1 {
			t.Errorf("the log does not name once: %s\n%s", line, e.stderr)
		}
	}
	vars["INTERVAL"] = "5min"
	if e = run(t, vars); e.code != 2 || !strings.Contains(e.stderr, "set INTERVAL=5m") {
		t.Errorf("exit code %d\n%s", e.code, e.stderr)
	}
}
