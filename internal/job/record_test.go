package job

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/internal/progress"
)

// recordFor reports a recording each second, and gives what is written.
func recordFor(seconds int, terminal bool) (before, after string) {
	var shown bytes.Buffer
	now := time.Unix(0, 0)
	console := progress.NewConsole(&shown, terminal)
	r := newRecorded(console, zerolog.New(console), func() time.Time { return now })
	for i := range seconds {
		r.update(binance.Stats{Symbols: 20, InSync: min(i, 20), Rows: int64(i), Updates: int64(10 * i), Gaps: 1, Reconnects: 2})
		now = now.Add(time.Second)
	}
	before = shown.String()
	shown.Reset()
	r.done()
	return before, shown.String()
}

func TestALogSaysEachMinuteAndAtTheEndWhatARecordingHasComeTo(t *testing.T) {
	before, after := recordFor(150, false)
	if n := strings.Count(before, `"message":"recorded"`); n != 2 || strings.Count(before, "\n") != 2 {
		t.Errorf("%s", before)
	}
	if want := `{"level":"info","symbols":20,"in_sync":20,"rows":149,"updates":1490,"gaps":1,"reconnects":2,"resyncs":0,"malformed":0,"message":"recorded"}` + "\n"; after != want {
		t.Errorf("%s", after)
	}
	if before, after := recordFor(0, false); before != "" || after != "" {
		t.Errorf("of nothing it says %q, %q", before, after)
	}
}

func TestATerminalShowsInPlaceWhatARecordingHasComeTo(t *testing.T) {
	before, after := recordFor(150, true)
	if strings.Contains(before, "\n") || !strings.HasSuffix(before, "\r\x1b[Krecording 2m29s  20/20 in sync  149 rows  1490 updates  1 gaps  2 reconnects") {
		t.Errorf("%q", before[strings.LastIndex(before, "\r"):])
	}
	if !strings.HasPrefix(after, "\r\x1b[K") || !strings.Contains(after, `"message":"recorded"`) {
		t.Errorf("%q", after)
	}
}
