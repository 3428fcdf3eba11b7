package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// meter tells how much of the CPUs goes to other work than the benchmark's,
// from Linux's own accounts.
type meter struct {
	processes []string // the benchmark's, under /proc
	most      float64  // CPUs that others may use without being in the way
	at        time.Time
	others    float64 // CPU seconds since boot that none of the processes used
}

// newMeter leaves the others all CPUs but those of the threads, and a tenth.
func newMeter(t *testing.T, runs []*run, threads int) *meter {
	t.Helper()
	m := &meter{most: float64(runtime.NumCPU()-threads) + 0.1}
	for _, r := range runs {
		m.processes = append(m.processes, r.process)
	}
	m.lap(t)
	return m
}

// awaitIdle waits until others are out of the way for a second.
func (m *meter) awaitIdle(t *testing.T) {
	t.Helper()
	for begin := time.Now(); ; {
		m.lap(t)
		time.Sleep(time.Second) // what is measured, not a guess at when something is done
		if m.undisturbed(t) {
			return
		}
		if time.Since(begin) > 5*time.Minute {
			t.Fatal("the machine was not idle for 5 minutes: stop other work on it")
		}
	}
}

// undisturbed tells whether others were out of the way since the last lap.
func (m *meter) undisturbed(t *testing.T) bool {
	t.Helper()
	return m.lap(t) <= m.most
}

// lap is how many CPUs others used since the last lap.
func (m *meter) lap(t *testing.T) float64 {
	t.Helper()
	now := time.Now()
	var user, nice, system, idle, wait, irq, softirq, steal float64
	scan(t, "/proc/stat", strings.TrimPrefix(read(t, "/proc/stat"), "cpu"), &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal)
	others := user + nice + system + irq + softirq + steal
	for _, p := range m.processes {
		path := "/proc/" + p + "/stat"
		text := read(t, path)
		fields := strings.Fields(text[strings.LastIndex(text, ")")+1:]) // the name before may hold spaces
		if len(fields) < 13 {
			t.Fatalf("%s has %d fields after the name, not 13 or more", path, len(fields))
		}
		var u, s float64
		scan(t, path, strings.Join(fields[11:13], " "), &u, &s)
		others -= u + s
	}
	others /= ticks
	rate := (others - m.others) / now.Sub(m.at).Seconds()
	m.at, m.others = now, others
	return rate
}

// ticks is the unit of /proc's CPU times, 1/100 s on every Linux architecture
// that Go runs on.
const ticks = 100

// peakMemory is a process's largest resident set in MB. getrusage would tell a
// child at least what its parent had when it was forked.
func peakMemory(t *testing.T, process string) float64 {
	t.Helper()
	path := "/proc/" + process + "/status"
	_, peak, _ := strings.Cut(read(t, path), "VmHWM:")
	var kibibytes float64
	scan(t, path, peak, &kibibytes)
	return kibibytes * 1024 / 1e6
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func scan(t *testing.T, path, text string, values ...*float64) {
	t.Helper()
	pointers := make([]any, len(values))
	for i, v := range values {
		pointers[i] = v
	}
	if _, err := fmt.Sscan(text, pointers...); err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
}
