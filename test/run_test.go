// Package test drives the built program as its users do: by environment
// variables, signals and files, with PyTorch and PyG reading what it leaves.
package test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary is what the tests start. GNN_BINARY names another program that takes
// the same environment: the one that `make test` builds with the race detector,
// or deploy/images/in-container.
var binary = cmp.Or(os.Getenv("GNN_BINARY"), "../bin/gnn-trainer")

// plainBinary is the same without the race detector, which doubles the time of a
// training: it is for runs that no server and no signal races with.
var plainBinary = cmp.Or(os.Getenv("GNN_PLAIN_BINARY"), binary)

// needBinary skips a test where there is no program to start, or no time for it.
func needBinary(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts the built program")
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skipf("%s is not there: `make build`", binary)
	}
}

// environment is that of a short run on the simulated market.
func environment(t *testing.T, changes map[string]string) (vars map[string]string, result string) {
	t.Helper()
	needBinary(t)
	dir := t.TempDir()
	vars = map[string]string{
		"QUEUE_ID": "q1", "SYMBOL": "BTCUSDT", "TYPE": "gnn_trainer", "TELEMETRY_PRODUCER_ID": "gnn-trainer__q1",
		"DATA_SOURCE": "simulated", "SYMBOLS": "top:12", "LOOKBACK": "6d", "EPOCHS": "3", "STORE_DIR": dir,
		"MESSAGE_LANG": "en",
	}
	maps.Copy(vars, changes)
	maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
	return vars, filepath.Join(dir, "market_gnn_v1", "q1")
}

// event is what these tests read of an event.
type event struct {
	Status    string
	Message   string
	Finished  bool
	Timestamp float64
	QueueID   string `json:"queue_id"`
	ModelPath string `json:"model_path"`
	Epoch     int
	Loss      float64
	Error     struct{ Kind, What string }
}

// ended is what a run left.
type ended struct {
	code   int
	events []event
	stderr string
}

// process is a run under way.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	stderr  lockedBuffer
	events  chan event
	all     []event
	reading sync.WaitGroup
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// awaitLog waits until stderr says words.
func (p *process) awaitLog(words string) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(p.stderr.String(), words) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the log does not say %q:\n%s", words, p.stderr.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// start starts wrapper (such as taskset) and the program.
func start(t *testing.T, vars map[string]string, wrapper ...string) *process {
	t.Helper()
	return startProgram(t, binary, vars, wrapper...)
}

func startProgram(t *testing.T, program string, vars map[string]string, wrapper ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	argv := append(slices.Clone(wrapper), program)
	p := &process{t: t, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), events: make(chan event, 10_000)}
	for name, value := range vars {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, "PATH="+os.Getenv("PATH"))
	p.cmd.Stderr = &p.stderr
	t.Cleanup(p.mustNotRace)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.reading.Go(func() { p.read(stdout) })
	return p
}

// mustNotRace fails where a program built with the race detector found a race.
func (p *process) mustNotRace() {
	if log := p.stderr.String(); strings.Contains(log, "WARNING: DATA RACE") {
		p.t.Errorf("a data race:\n%s", log)
	}
}

func (p *process) read(stdout io.Reader) {
	defer close(p.events)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			p.t.Errorf("stdout holds %q, which is no event: %v", lines.Text(), err)
		}
		p.all = append(p.all, e)
		p.events <- e
	}
}

// await waits for an event that ok accepts.
func (p *process) await(what string, ok func(event) bool) {
	p.t.Helper()
	for e := range p.events {
		if ok(e) {
			return
		}
	}
	p.reading.Wait()
	_ = p.cmd.Wait()
	p.t.Fatalf("the run ended without %s:\n%s", what, p.stderr.String())
}

// end waits for the end and checks what every end has in common.
func (p *process) end() ended {
	p.t.Helper()
	p.reading.Wait()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	seconds := map[int64]bool{}
	for i, e := range p.all {
		terminal := e.Status == "finished" || e.Status == "interrupted" || e.Status == "error"
		if last := i == len(p.all)-1; terminal != last || e.Finished != last {
			p.t.Errorf("event %d of %d has status %s and finished %v: the last one, and no other, is terminal", i+1, len(p.all), e.Status, e.Finished)
		}
		if seconds[int64(e.Timestamp)] {
			p.t.Errorf("two events in the second %d", int64(e.Timestamp))
		}
		seconds[int64(e.Timestamp)] = true
	}
	return ended{code: p.cmd.ProcessState.ExitCode(), events: p.all, stderr: p.stderr.String()}
}

// run is a whole run, to its own end.
func run(t *testing.T, vars map[string]string, wrapper ...string) ended {
	t.Helper()
	program := plainBinary
	for name := range vars {
		for _, server := range []string{"KAFKA_", "MINIO_", "ARANGO_", "BINANCE_", "KUBEFLOW_", "METRICS_"} {
			if strings.HasPrefix(name, server) {
				program = binary
			}
		}
	}
	return startProgram(t, program, vars, wrapper...).end()
}

// last is the terminal event.
func (e ended) last(t *testing.T) event {
	t.Helper()
	if len(e.events) == 0 {
		t.Fatalf("no event was told; exit code %d:\n%s", e.code, e.stderr)
	}
	return e.events[len(e.events)-1]
}

// mustEnd fails unless the run ended with a status and a code.
func (e ended) mustEnd(t *testing.T, status string, code int) {
	t.Helper()
	if got := e.last(t).Status; got != status || e.code != code {
		t.Fatalf("it ended %s with exit code %d, want %s and %d:\n%s", got, e.code, status, code, e.stderr)
	}
}
