package progress

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func onTerminal(epochs int) (*Display, *screen, *clock, *Console) {
	s, c := &screen{}, newClock()
	console := NewConsole(s, true)
	return newDisplay(console, zerolog.New(console), "train", epochs, c.now), s, c, console
}

func wantScreen(t *testing.T, s *screen, want ...string) {
	t.Helper()
	if got := s.seen(); !slices.Equal(got, want) {
		t.Errorf("on the screen:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheBarTellsEpochTimeLeftLossAndMetric(t *testing.T) {
	d, s, c, _ := onTerminal(10)
	d.Batch(1, 4)
	wantScreen(t, s, "   2% |          |  train 0/10")
	c.advance(2 * time.Second)
	d.Batch(2, 4)
	wantScreen(t, s, "   5% |          |  train 0/10  eta 38s")
	c.advance(2 * time.Second)
	d.Epoch(1, 0.5, 0.625, 0.541, true)
	wantScreen(t, s, "  10% |█         |  train 1/10  eta 36s  loss 0.5  valid auc 0.541  best 1")
	c.advance(4 * time.Second)
	d.Epoch(2, 0.25, 0.75, 0.53, false)
	wantScreen(t, s, "  20% |██        |  train 2/10  eta 32s  loss 0.25  valid auc 0.53  best 1")
}

func TestTheMetricThatDecidesStandsBeforeTheOthers(t *testing.T) {
	d, s, c, _ := onTerminal(10)
	c.advance(2 * time.Second)
	d.Decided("rank ic", 0.03125)
	d.Epoch(1, 0.5, 0.625, 0.541, true)
	wantScreen(t, s, "  10% |█         |  train 1/10  eta 18s  loss 0.5  valid rank ic 0.03125")
}

func TestAFullTrainingLeavesAFullBar(t *testing.T) {
	d, s, c, _ := onTerminal(2)
	for e := range 2 {
		c.advance(30 * time.Second)
		d.Batch(1, 1)
		d.Epoch(e+1, 1, 1, 0.5, e == 1)
	}
	d.Done(Completed)
	wantScreen(t, s, " 100% |██████████|  train 2/2  done in 1m00s  loss 1  valid auc 0.5  best 2", "")
}

func TestAnEarlyStopFillsTheBar(t *testing.T) {
	d, s, c, console := onTerminal(100)
	c.advance(time.Second)
	d.Epoch(1, 1, 1, 0.5, true)
	c.advance(time.Second)
	d.Batch(1, 2) // an epoch that was not finished does not count
	d.Done(EarlyStop)
	d.Done(Failed)
	d.Epoch(2, 0, 0, 0, true)
	d.Batch(1, 2)
	fmt.Fprintln(console, "a later line")
	wantScreen(t, s, " 100% |██████████|  train 1/100  early stop after 2.0s  loss 1  valid auc 0.5", "a later line", "")
}

func TestATrainingThatEndsBeforeItsFirstEpochLeavesNoBar(t *testing.T) {
	d, s, _, console := onTerminal(3)
	d.Batch(1, 2)
	d.Done(Interrupted)
	fmt.Fprintln(console, "error: out of memory")
	wantScreen(t, s, "error: out of memory", "")
}

func TestLogLinesGoAboveTheBar(t *testing.T) {
	d, s, c, console := onTerminal(4)
	out := console.Beside(s) // stdout on the same terminal
	fmt.Fprintln(console, "before")
	d.Epoch(1, 1, math.NaN(), math.NaN(), false)
	fmt.Fprintln(console, "one")
	fmt.Fprintln(out, `{"status":"loading"}`)
	c.advance(10 * time.Second)
	d.Epoch(2, 2, math.NaN(), math.NaN(), false)
	wantScreen(t, s, "before", "one", `{"status":"loading"}`, "  50% |█████     |  train 2/4  eta 10s  loss 2")
}

func TestTheBarWaitsForALineToEnd(t *testing.T) {
	d, s, c, console := onTerminal(4)
	d.Epoch(1, 1, math.NaN(), math.NaN(), false)
	fmt.Fprint(console, "half ")
	c.advance(500 * time.Millisecond)
	d.Epoch(2, 2, math.NaN(), math.NaN(), false)
	wantScreen(t, s, "half ")
	fmt.Fprintln(console, "a line")
	wantScreen(t, s, "half a line", "  50% |█████     |  train 2/4  loss 2")
	fmt.Fprint(console, "cut off")
	d.Done(Completed)
	wantScreen(t, s, "half a line", "cut off", "  50% |█████     |  train 2/4  done in 0.5s  loss 2", "")
}

func TestBatchesAreDrawnTenTimesASecondAtMost(t *testing.T) {
	d, s, c, _ := onTerminal(1)
	drawn := 0
	for i := range 1000 {
		before := s.writes()
		d.Batch(i+1, 1000)
		if s.writes() != before {
			drawn++
		}
		c.advance(time.Millisecond)
	}
	if drawn != 10 {
		t.Errorf("drawn %d times in a second, want 10", drawn)
	}
}

func TestAResumedTrainingReckonsItsOwnPace(t *testing.T) {
	d, s, c, _ := onTerminal(100)
	d.Resume(50)
	c.advance(5 * time.Second)
	d.Batch(1, 2)
	wantScreen(t, s, "  50% |█████     |  train 50/100  eta 8m15s")
	c.advance(5 * time.Second)
	d.Epoch(51, 1, 1, 0.5, false)
	wantScreen(t, s, "  51% |█████     |  train 51/100  eta 8m10s  loss 1  valid auc 0.5")
}

func TestALineNeverReachesTheTerminalsLastColumn(t *testing.T) {
	s := &screen{}
	for _, title := range []string{"train", "обучение", strings.Repeat("a long title ", 20)} {
		d := newDisplay(NewConsole(s, true), zerolog.Nop(), title, 1_000_000, newClock().now)
		d.Epoch(999_999, 1.23456789e-10, -1.23456789e+10, 0.123456789, true)
		if line := s.seen()[0]; len([]rune(line)) >= defaultColumns {
			t.Errorf("%d columns: %s", len([]rune(line)), line)
		}
	}
}

func TestWritersMayShareTheConsoleWithTheBar(t *testing.T) {
	d, s, c, console := onTerminal(50)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				fmt.Fprintf(console, "writer %d line %d\n", w, i)
			}
		})
	}
	for e := range 50 {
		c.advance(time.Second)
		d.Epoch(e+1, 1, 1, 0.5, false)
	}
	writers.Wait()
	d.Done(Completed)
	lines := s.seen()
	if len(lines) != 4*50+2 {
		t.Fatalf("%d lines, want 200, the bar and the one below", len(lines))
	}
	whole := 0
	for _, l := range lines {
		var w, i int
		if n, _ := fmt.Sscanf(l, "writer %d line %d", &w, &i); n == 2 && l == fmt.Sprintf("writer %d line %d", w, i) {
			whole++
		}
	}
	if whole != 200 || !strings.HasPrefix(lines[200], " 100% |") {
		t.Errorf("%d whole lines and a last one %q", whole, lines[200])
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestABarThatCannotBeShownDoesNotEndTheRun(t *testing.T) {
	console := NewConsole(broken{}, true)
	d := newDisplay(console, zerolog.Nop(), "train", 2, newClock().now)
	d.Batch(1, 2)
	d.Epoch(1, 1, 1, 1, true)
	d.Done(Completed)
	if _, err := console.Write([]byte("a line\n")); err != io.ErrClosedPipe {
		t.Errorf("the line's own error is %v, want %v", err, io.ErrClosedPipe)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("a file was taken for a terminal")
	}
	if got := NewConsole(f, true).Columns(); got != defaultColumns {
		t.Errorf("a file is %d columns wide, want %d", got, defaultColumns)
	}
}

func TestNothingWrittenIsNothingChanged(t *testing.T) {
	var b bytes.Buffer
	if n, err := NewConsole(&b, true).Write(nil); n != 0 || err != nil || b.Len() != 0 {
		t.Errorf("wrote %d bytes, %v, %q", n, err, b.String())
	}
}
