package test

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// streaming is a stream of predictions under way.
type streaming struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr lockedBuffer
}

// stream starts one.
func stream(t *testing.T, vars map[string]string) *streaming {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	t.Cleanup(cancel)
	p := &streaming{t: t, cmd: exec.CommandContext(ctx, binary)}
	for name, value := range vars {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, "PATH="+os.Getenv("PATH"))
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(stdout)
	return p
}

// bar waits for the rows of the next bar.
func (p *streaming) bar(symbols int) (rows []predictedRow) {
	p.t.Helper()
	for range symbols {
		if !p.lines.Scan() {
			_ = p.cmd.Wait()
			p.t.Fatalf("the stream ended:\n%s", p.stderr.String())
		}
		var row predictedRow
		if err := json.Unmarshal(p.lines.Bytes(), &row); err != nil {
			p.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// end waits for its end, and fails where it predicts more.
func (p *streaming) end() (code int, stderr string) {
	p.t.Helper()
	for p.lines.Scan() {
		p.t.Errorf("more was predicted: %s", p.lines.Text())
	}
	_ = p.cmd.Wait()
	if log := p.stderr.String(); strings.Contains(log, "WARNING: DATA RACE") {
		p.t.Errorf("a data race:\n%s", log)
	}
	return p.cmd.ProcessState.ExitCode(), p.stderr.String()
}

// minutes are the variables of a training on bars of a minute of an exchange whose
// clock is not this machine's.
func minutes(t *testing.T, missing func(symbol string, bar int64) bool) (e *exchange.Exchange, vars map[string]string) {
	t.Helper()
	e = exchange.Start(t, exchange.Options{Symbols: usdt(6), Now: time.Now().Add(-41*time.Minute - 3*time.Second), Missing: missing})
	vars = ofExchange(e, "spot", t.TempDir())
	maps.Copy(vars, map[string]string{"SYMBOLS": "top:6", "INTERVAL": "1m", "LOOKBACK": "1d", "EPOCHS": "1", "BASELINES": "none"})
	return e, vars
}

func TestAStreamPredictsEachBarAsItClosesWithTheNewestModel(t *testing.T) {
	t.Parallel()
	e, more := minutes(t, nil)
	vars, _ := environment(t, more)
	run(t, vars).mustEnd(t, "finished", 0)
	predictor := maps.Clone(vars)
	predictor["TYPE"], predictor["PREDICT"], predictor["CACHE_DIR"] = "realtime_gnn_infer", "stream", t.TempDir()
	p := stream(t, predictor)
	first := p.bar(6)
	vars["QUEUE_ID"], vars["SEED"] = "q2", "7"
	run(t, vars).mustEnd(t, "finished", 0)
	rows := p.bar(6)
	for rows[0].ModelQueueID == "q1" { // the training may have taken longer than a bar
		if rows[0].OpenTime != first[0].OpenTime+60_000 {
			t.Fatalf("the bar %d follows %d", rows[0].OpenTime, first[0].OpenTime)
		}
		first, rows = rows, p.bar(6)
	}
	if rows[0].OpenTime != first[0].OpenTime+60_000 || rows[0].ModelQueueID != "q2" {
		t.Errorf("%+v follows %+v", rows[0], first[0])
	}
	if closed := time.UnixMilli(rows[0].OpenTime + 60_000); closed.After(e.Now()) {
		t.Errorf("the bar that closes at %v was predicted at %v", closed, e.Now())
	}
	// What it says is what a training, or a look at the same bar, says.
	once := maps.Clone(predictor)
	delete(once, "LOOKBACK")
	once["PREDICT"], once["END"] = "once", time.UnixMilli(rows[0].OpenTime+60_000).UTC().Format(time.RFC3339)
	if _, again, _, log := predict(t, once); !slices.Equal(numbersOf(again), numbersOf(rows)) {
		t.Errorf("a look at the bar says %v, and the stream said %v:\n%s", numbersOf(again), numbersOf(rows), log)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	code, log := p.end()
	if code != 143 || !strings.Contains(log, `"status":"interrupted"`) || strings.Contains(log, "is skipped") {
		t.Errorf("exit code %d:\n%s", code, log)
	}
}

func TestABarThatAStreamSkipsIsAnEventAndAStopFromKafkaEndsIt(t *testing.T) {
	t.Parallel()
	var gone atomic.Int64 // the number of a bar that nobody trades
	_, more := minutes(t, func(_ string, bar int64) bool { return bar == gone.Load() })
	c := newCluster(t)
	vars := c.vars(more)
	delete(vars, "DATA_SOURCE")
	if e := run(t, vars); e.code != 0 {
		t.Fatalf("exit code %d:\n%s", e.code, e.stderr)
	}
	vars["TYPE"], vars["PREDICT"], vars["CACHE_DIR"] = "realtime_gnn_infer", "stream", t.TempDir()
	p := stream(t, vars)
	first := p.bar(6)[0].OpenTime
	gone.Store(first/60_000 + 1)
	p.awaitLog("bar skipped")
	want := "Bar " + time.UnixMilli(first+60_000).UTC().Format(time.RFC3339) + " is skipped: no symbol has all of its features at the newest bar"
	if log := p.stderr.String(); !strings.Contains(log, "no symbol has all of its features") {
		t.Errorf("the reason is not logged:\n%s", log)
	}
	c.stop("q1")
	code, log := p.end()
	events := c.events("q1")
	if code != 0 || events[len(events)-1].Status != "interrupted" {
		t.Errorf("exit code %d:\n%s", code, log)
	}
	if !slices.ContainsFunc(events, func(e arrived) bool { return strings.HasPrefix(e.Message, want) }) {
		t.Errorf("no event says %q: %+v", want, events)
	}
}

// awaitLog waits until stderr says words.
func (p *streaming) awaitLog(words string) {
	p.t.Helper()
	deadline := time.Now().Add(4 * time.Minute)
	for !strings.Contains(p.stderr.String(), words) {
		if time.Now().After(deadline) || p.cmd.ProcessState != nil {
			p.t.Fatalf("the log does not say %q:\n%s", words, p.stderr.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}
