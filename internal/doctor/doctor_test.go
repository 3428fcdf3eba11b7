package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/memory"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

func TestChecksAreMadeSideBySideEachWithinItsTime(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	results := perform(t.Context(), []check{
		{name: "waits for a later one", run: func(context.Context) finding { close(first); <-second; return fine("met") }},
		{name: "the later one", run: func(context.Context) finding { <-first; close(second); return fine("met") }},
		{name: "not asked for", skip: "it is not set", run: func(context.Context) finding { panic("it was made") }},
		{name: "refused", run: func(context.Context) finding { return fail("no", "fix it") }},
		{name: "of the refused one", needs: "refused", run: func(context.Context) finding { panic("it was made") }},
		{name: "beside the refused one", after: []string{"refused"}, run: func(context.Context) finding { return warn("yes", "look") }},
		{name: "too slow", run: func(ctx context.Context) finding {
			<-ctx.Done()
			return failure(because(context.Cause(ctx), "nobody answers"), "start it")
		}},
	}, 20*time.Millisecond)
	want := []Result{
		{Name: "waits for a later one", Status: OK, Message: "met"},
		{Name: "the later one", Status: OK, Message: "met"},
		{Name: "not asked for", Status: Skipped, Message: "it is not set"},
		{Name: "refused", Status: Failed, Message: "no", Remedy: "fix it"},
		{Name: "of the refused one", Status: Skipped, Message: "refused failed"},
		{Name: "beside the refused one", Status: Warning, Message: "yes", Remedy: "look"},
		{Name: "too slow", Status: Failed, Message: "no success within 20ms; nobody answers", Remedy: "start it", transient: true},
	}
	for i, got := range results {
		got.Seconds = 0
		if got != want[i] {
			t.Errorf("it came to %+v, want %+v", got, want[i])
		}
	}
}

func TestAStopEndsTheChecksAndACheckThatHangsIsLeftBehind(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	begun := make(chan struct{})
	go func() { <-begun; stop(errors.New("stopped by interrupt")) }()
	results := perform(ctx, []check{
		{name: "hangs", run: func(context.Context) finding { close(begun); <-hang; return fine("never") }},
	}, time.Hour)
	if got := results[0]; got.Status != Failed || got.Message != "stopped by interrupt" || !got.transient {
		t.Errorf("it came to %+v", got)
	}
	if got := (check{run: func(context.Context) finding { <-hang; return fine("never") }}).within(t.Context(), time.Millisecond); got.status != Failed || !strings.HasPrefix(got.message, "it did not end within ") {
		t.Errorf("it came to %+v", got)
	}
}

// sample is a report of every status.
var sample = newReport("1.2.3", []Result{
	{Name: "configuration", Status: OK, Message: "QUEUE_ID=q1"},
	{Name: "kafka", Status: Failed, Seconds: 10, Message: "reaching Kafka at <k>: no success", Remedy: "start the brokers", transient: true},
	{Name: "kafka-events", Status: Skipped, Message: "kafka failed"},
	{Name: "minio", Status: Failed, Seconds: 0.25, Message: "it does not accept the keys\x1b[2J", Remedy: "check MINIO_ACCESS_KEY"},
	{Name: "clock", Status: Warning, Seconds: 0.002, Message: "2s from that of MinIO", Remedy: "set it"},
	{Name: "files", Status: Failed, Message: "one\ntwo", Remedy: "fix both"},
})

func TestAReportIsALineACheckWithASummary(t *testing.T) {
	const want = `gnn-trainer 1.2.3, doctor

ok       configuration   0.00 s  QUEUE_ID=q1
failed   kafka          10.00 s  reaching Kafka at <k>: no success: start the brokers
skipped  kafka-events            kafka failed
failed   minio           0.25 s  it does not accept the keys?[2J: check MINIO_ACCESS_KEY
warning  clock           0.00 s  2s from that of MinIO: set it
failed   files           0.00 s  one
                                 two
                                 fix both

6 checks: 3 failed (kafka, minio, files), 1 warning (clock), 1 skipped: fix this before running
`
	var b strings.Builder
	if err := sample.WriteText(&b, Layout{}); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := sample.WriteText(&b, Layout{Colours: true}); err != nil || !strings.Contains(b.String(), "\n\x1b[31mfailed \x1b[0m  kafka ") {
		t.Errorf("%v\n%q", err, b.String())
	}
}

func TestAReportFitsTerminalsOf60To200Columns(t *testing.T) {
	r := newReport("1.2.3", append(slices.Clone(sample.Checks), Result{
		Name: "store-folder", Status: Failed, Seconds: 1, Remedy: "free some space or set STORE_DIR to another disk, and start the run again",
		Message: "STORE_DIR=/srv/models can be written, and 10 MiB are free for about 1.5 GiB, which is what the planned run with its checkpoints takes",
	}))
	var wide strings.Builder
	if err := r.WriteText(&wide, Layout{}); err != nil {
		t.Fatal(err)
	}
	for columns := 60; columns <= 200; columns++ {
		var b strings.Builder
		if err := r.WriteText(&b, Layout{Columns: columns}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if len(strings.TrimSuffix(line, "\n")) > columns {
				t.Errorf("%d columns: %q", columns, line)
			}
			if strings.TrimRight(line, " \n")+"\n" != line {
				t.Errorf("%d columns: %q ends in spaces", columns, line)
			}
		}
		if !slices.Equal(strings.Fields(b.String()), strings.Fields(wide.String())) {
			t.Errorf("%d columns: words are broken or missing:\n%s", columns, b.String())
		}
	}
	const narrow = `gnn-trainer 1.2.3, doctor

failed   kafka  10.00 s
         reaching Kafka at <k>: no success: start the
         brokers
skipped  kafka-events
         kafka failed

2 checks: 1 failed (kafka), 1 skipped: the failures may be
temporary, try again
`
	var b strings.Builder
	if err := newReport("1.2.3", sample.Checks[1:3]).WriteText(&b, Layout{Columns: 60}); err != nil || b.String() != strings.Replace(narrow, "kafka  10", "kafka         10", 1) {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestAReportIsOneJSONObject(t *testing.T) {
	const want = `{
  "version": "1.2.3",
  "checks": [
    {
      "name": "kafka",
      "status": "failed",
      "seconds": 10,
      "message": "reaching Kafka at <k>: no success",
      "mend": "start the brokers"
    }
  ],
  "ok": false
}
`
	var b bytes.Buffer
	if err := newReport("1.2.3", sample.Checks[1:2]).WriteJSON(&b); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := sample.WriteJSON(&b); err != nil || !json.Valid(b.Bytes()) {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestTheExitCodeTellsWhetherWaitingHelps(t *testing.T) {
	for _, c := range []struct {
		name string
		of   []Result
		code int
		ok   bool
	}{
		{"warnings", []Result{{Status: OK}, {Status: Warning}, {Status: Skipped}}, 0, true},
		{"what may come back", []Result{{Status: OK}, {Status: Failed, transient: true}}, 1, false},
		{"what must be mended", []Result{{Status: Failed}}, 2, false},
		{"both", []Result{{Status: Failed, transient: true}, {Status: Failed}, {Status: Failed, transient: true}}, 2, false},
	} {
		if r := newReport("", c.of); r.ExitCode() != c.code || r.OK != c.ok {
			t.Errorf("%s: exit code %d, ok %v", c.name, r.ExitCode(), r.OK)
		}
	}
}

func TestAnErrorGivesItsFieldsToTheFinding(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want finding
	}{
		"input":      {fault.Input("EPOCHS is 0").At("EPOCHS").Fix("set 1"), finding{Failed, "EPOCHS is 0", "set 1", false}},
		"rejected":   {fmt.Errorf("probing MinIO: %w", fault.Rejected("no rights").At("m:9000").Fix("grant them")), finding{Failed, "probing MinIO: no rights, m:9000", "grant them", false}},
		"transient":  {fault.Transient("it is down"), finding{Failed, "it is down", "start it", true}},
		"internal":   {fault.Internal("a defect").Fix("report it"), finding{Failed, "a defect", "report it", true}},
		"plain":      {errors.New("read tcp 1.2.3.4:5: use of closed network connection"), finding{Failed, "read tcp 1.2.3.4:5: use of closed network connection", "start it", true}},
		"of several": {errors.Join(fault.Input("a").Fix("b"), fault.Transient("c").Fix("d")), finding{Failed, "a: b\nc: d", "start it", false}},
		"late":       {because(fault.Transient("asking: %w", errLate{time.Second}), "it waits"), finding{Failed, "asking: no success within 1s; it waits", "start it", true}},
	} {
		if got := failure(c.err, "start it"); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWhatIsThereIsJudged(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	small := memory.Size{Nodes: 5, Snapshots: 100, Rows: 500, Edges: 2000, Train: 60, Features: 14, Horizons: 1}
	large := memory.Size{Nodes: 100, Snapshots: 9000, Rows: 900_000, Edges: 9_000_000, Train: 5400, Features: 14, Horizons: 1}
	settings := memory.Settings{Model: catalog.Config{Type: "gcn", Hidden: 64, Layers: 2, Heads: 4, Dropout: 0.1}, BatchSize: 32, Baseline: true, Outputs: 3}
	cuda := settings
	cuda.CUDA = true
	for _, c := range []struct {
		name   string
		got    finding
		status Status
		retry  bool
		says   string
	}{
		{"the right libtorch", judgeLibtorch("2.11.0", "2.11.0"), OK, false, "2.11.0, which the program was built for"},
		{"another libtorch", judgeLibtorch("2.10.0", "2.11.0"), Failed, false, "libtorch 2.10.0 is loaded, and the program was built for 2.11.0"},
		{"threads within the limit", judgeCPU(2, false, 1.5, 8), OK, false, "the container may use 1.5 CPUs"},
		{"more threads than the limit", judgeCPU(8, true, 1.5, 8), Warning, false, "8 threads (OMP_NUM_THREADS), and the container may use 1.5 CPUs"},
		{"a limit above the machine", judgeCPU(4, false, 16, 4), OK, false, "this machine has 4 CPUs"},
		{"memory that suffices", judgeMemory(small, settings, "x", memory.Machine{Limit: 2 * gib, Total: 64 * gib, Available: 32 * gib}), OK, false, "of memory (x), and 2.0 GiB are the container's limit"},
		{"memory that is scarce", judgeMemory(large, settings, "x", memory.Machine{Limit: 1000 * mib, Total: 64 * gib, Available: 32 * gib}), Warning, false, "are the container's limit"},
		{"more memory than the limit", judgeMemory(large, settings, "x", memory.Machine{Limit: 500 * mib, Total: 64 * gib, Available: 32 * gib}), Failed, false, "are the container's limit"},
		{"more memory than is free", judgeMemory(large, settings, "x", memory.Machine{Total: 64 * gib, Available: gib}), Warning, false, "1.0 GiB of this machine's memory are free"},
		{"more memory than there is", judgeMemory(large, settings, "x", memory.Machine{Total: gib / 2, Available: gib / 4}), Failed, false, "and 256 MiB of this machine's memory are free, of 512 MiB"},
		{"a GPU that suffices", judgeDeviceMemory(small, cuda, "x", "cuda:0", 8*gib), OK, false, "of the memory of cuda:0 (x), which has 8.0 GiB"},
		{"a GPU that is too small", judgeDeviceMemory(large, cuda, "x", "cuda:0", 100*mib), Failed, false, "of the memory of cuda:0 (x), which has 100 MiB"},
		{"space that suffices", judgeSpace("/a", "STORE_DIR", gib, 100*mib), OK, false, "STORE_DIR=/a can be written, and 1.0 GiB are free for about 100 MiB"},
		{"space that is scarce", judgeSpace("/a", "STORE_DIR", gib, 600*mib), Warning, false, "for about 600 MiB"},
		{"too little space", judgeSpace("/a", "STORE_DIR", 100*mib, 101*mib), Failed, true, "100 MiB are free for about 101 MiB"},
		{"an idle exchange", judgeWeight("m", 22, 6000), OK, false, "m; 22 of the request weight of 6000 are used"},
		{"a busy exchange", judgeWeight("m", 4900, 6000), Warning, false, "4900 of the request weight"},
		{"no clock", judgeClocks(nil), Skipped, false, "no server"},
		{"clocks that agree", judgeClocks([]clockOf{{"Binance", 900 * time.Millisecond}, {minioClock, 0}}), OK, false, "this machine's clock is 900ms from that of Binance and 0s from that of MinIO"},
		{"a clock behind", judgeClocks([]clockOf{{"Binance", -1500 * time.Millisecond}}), Warning, false, "1.5s from that of Binance: one of them is wrong"},
		{"a clock far behind the exchange's", judgeClocks([]clockOf{{"Binance", -time.Hour}}), Warning, false, "1h0m0s"},
		{"a clock that MinIO will refuse", judgeClocks([]clockOf{{"Binance", 0}, {minioClock, -6 * time.Minute}}), Failed, false, "6m0s from that of MinIO"},
	} {
		if c.got.status != c.status || c.got.transient != c.retry || !strings.Contains(c.got.message, c.says) {
			t.Errorf("%s: %+v, want %s and %q", c.name, c.got, c.status, c.says)
		}
		if has := c.got.remedy != ""; has != (c.status == Failed || c.status == Warning) {
			t.Errorf("%s: its remedy is %q", c.name, c.got.remedy)
		}
	}
	for _, c := range []struct{ least, most, want time.Duration }{
		{-time.Second, time.Second, 0}, {2 * time.Second, 3 * time.Second, 2 * time.Second}, {-5 * time.Second, -4 * time.Second, -4 * time.Second},
	} {
		if got := cut(c.least, c.most); got != c.want {
			t.Errorf("between %v and %v a clock is %v ahead", c.least, c.most, got)
		}
	}
}

// The formulas of a plan against runs on the simulated market that were
// measured once, on the CPU: what is needed is not told too low, nor by far too
// high.
func TestAPlanIsOfTheSizeOfMeasuredRuns(t *testing.T) {
	for name, c := range map[string]struct {
		set             []string
		memory, dataset int64 // KiB at the peak, bytes of dataset.pt and predictions.parquet
	}{
		"all defaults":            {nil, 371_068, 52_609_597 + 3_573_096},
		"5 symbols over 3 days":   {[]string{"SYMBOLS=top:5", "LOOKBACK=3d"}, 176_192, 649_793 + 79_497},
		"120 days":                {[]string{"LOOKBACK=120d", "DATASET=all"}, 815_792, 212_302_845 + 14_455_061},
		"100 symbols":             {[]string{"SYMBOLS=top:100", "DATASET=all"}, 895_924, 263_005_261 + 17_786_301},
		"100 symbols, 30 edges":   {[]string{"SYMBOLS=top:100", "EDGE_TOP_K=30", "DATASET=all"}, 1_419_416, 669_922_381 + 17_449_867},
		"100 symbols by default":  {[]string{"SYMBOLS=top:100"}, 895_924, 200_000_000 + 17_786_301},
		"without snapshots":       {[]string{"DATASET=none"}, 371_068, 3_573_096},
		"the test split":          {[]string{"DATASET=test"}, 371_068, 52_609_597/5 + 3_573_096},
		"1000 snapshots":          {[]string{"DATASET=newest:1000"}, 371_068, 52_609_597*1000/8540 + 3_573_096},
		"a large batch":           {[]string{"BATCH_SIZE=512", "HIDDEN=256", "LOOKBACK=10d"}, 430_440, 0},
		"a large batch, 4 layers": {[]string{"BATCH_SIZE=512", "HIDDEN=256", "LOOKBACK=10d", "LAYERS=4"}, 613_880, 0},
	} {
		conf, err := config.Load(append([]string{"QUEUE_ID=q", "SYMBOL=BTCUSDT", "TYPE=t", "TELEMETRY_PRODUCER_ID=p", "DATA_SOURCE=simulated"}, c.set...))
		if err != nil {
			t.Fatal(err)
		}
		p := newPlan(conf, time.Now())
		s, known := p.size()
		if !known {
			t.Errorf("%s: the size is not known", name)
			continue
		}
		if got := memory.Of(memory.PlannedOf(conf, s.nodes, s.bars, s.cells, s.edges), memory.SettingsOf(conf)).Host() >> 10; got < c.memory*7/10 || got > c.memory*13/10 {
			t.Errorf("%s: %d KiB are said to be needed, and %d were", name, got, c.memory)
		}
		if got := p.disk(s); c.dataset > 0 && (got < c.dataset || got > c.dataset*3/2+8<<20) {
			t.Errorf("%s: %d bytes are said to be needed, and %d were", name, got, c.dataset)
		}
	}
}
