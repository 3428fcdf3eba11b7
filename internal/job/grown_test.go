package job_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// A finished run that is started again warns of data that have grown, and trains
// on them with RESUME=never.
func TestAFinishedRunStartedAgainWarnsOfDataThatHaveGrown(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	write := func(bars int) {
		t.Helper()
		for s, symbol := range []string{"BTCUSDT", "AUSDT", "BUSDT"} {
			text := "open_time,open,high,low,close,volume\n"
			for i := range bars {
				price := 10 + float64((i*(s+3))%7)
				text += fmt.Sprintf("%d,%v,%v,%v,%v,1\n", 1717200000000+int64(i)*300_000, price, price, price, price)
			}
			if err := os.WriteFile(filepath.Join(dir, symbol+".csv"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(more ...string) string {
		t.Helper()
		j, events, _ := newJob(t, never, append([]string{"DATA_SOURCE=files", "DATA_DIR=" + dir, "SYMBOLS=", "LOOKBACK=", "BASELINE=none", "EPOCHS=1", "STORE_DIR=" + out}, more...)...)
		var log bytes.Buffer
		j.Log = zerolog.New(&log)
		if code := j.Run(t.Context()); code != 0 {
			t.Fatalf("exit code %d\n%s", code, log.String())
		}
		events.mustEnd(t, "finished")
		return log.String()
	}
	const warning = "the data have changed since this QUEUE_ID finished"
	write(300)
	run()
	if log := run(); strings.Contains(log, warning) || !strings.Contains(log, "re-emitting") {
		t.Errorf("on the same data:\n%s", log)
	}
	write(320)
	log := run()
	if !strings.Contains(log, `"level":"warn","message":"`+warning) || !strings.Contains(log, "set another QUEUE_ID, or RESUME=never") || !strings.Contains(log, "re-emitting") {
		t.Errorf("on grown data:\n%s", log)
	}
	if log := run("RESUME=never"); strings.Contains(log, "re-emitting") || !strings.Contains(log, "320") {
		t.Errorf("with the remedy it does not train on the new data:\n%s", log)
	}
	if log := run(); strings.Contains(log, warning) {
		t.Errorf("after the remedy:\n%s", log)
	}
}
