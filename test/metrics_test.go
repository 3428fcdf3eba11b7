package test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var servedAt = regexp.MustCompile(`"address":"([^"]+)"`)

// metricsAddress waits until the run serves its metrics.
func (p *process) metricsAddress() string {
	p.t.Helper()
	p.awaitLog("metrics are served")
	return "http://" + servedAt.FindStringSubmatch(p.stderr.String())[1]
}

// scrape is what /metrics says, by name and labels; ok is false where it does
// not answer any more.
func scrape(address string) (values map[string]float64, ok bool) {
	r, err := http.Get(address + "/metrics")
	if err != nil {
		return nil, false
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return nil, false
	}
	values = map[string]float64{}
	for line := range strings.Lines(string(body)) {
		var v float64
		at := strings.LastIndexByte(line, ' ')
		if _, err := fmt.Sscan(line[at+1:], &v); err == nil && !strings.HasPrefix(line, "#") {
			values[line[:at]] = v
		}
	}
	return values, true
}

// trainJob is a status server as Kubeflow Trainer has one, and the variables
// that its controller sets.
type trainJob struct {
	*httptest.Server
	vars map[string]string

	mu      sync.Mutex
	token   string
	status  int           // of its answers; 0: 200
	delay   chan struct{} // it answers once this is closed; nil: at once
	reports []report
	asked   int
}

// report is what it was told.
type report struct {
	TrainerStatus struct {
		ProgressPercentage        *int32
		EstimatedRemainingSeconds *int32
		Metrics                   []struct{ Name, Value string }
		LastUpdatedTime           time.Time
	}
}

func newTrainJob(t *testing.T) *trainJob {
	t.Helper()
	dir := t.TempDir()
	j := &trainJob{token: "canary-1"}
	j.Server = httptest.NewTLSServer(http.HandlerFunc(j.serve))
	t.Cleanup(j.Close)
	j.vars = map[string]string{
		"KUBEFLOW_TRAINER_SERVER_URL":     j.URL + "/apis/trainer.kubeflow.org/v1alpha1/namespaces/ml/trainjobs/gnn/status",
		"KUBEFLOW_TRAINER_SERVER_CA_CERT": filepath.Join(dir, "ca.crt"),
		"KUBEFLOW_TRAINER_SERVER_TOKEN":   filepath.Join(dir, "token"),
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: j.Certificate().Raw})
	if err := os.WriteFile(j.vars["KUBEFLOW_TRAINER_SERVER_CA_CERT"], authority, 0o600); err != nil {
		t.Fatal(err)
	}
	j.setToken(t, "canary-1")
	return j
}

// setToken renews the token, here and in the pod.
func (j *trainJob) setToken(t *testing.T, token string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.token = token
	if err := os.WriteFile(j.vars["KUBEFLOW_TRAINER_SERVER_TOKEN"], []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (j *trainJob) serve(w http.ResponseWriter, r *http.Request) {
	var got report
	err := json.NewDecoder(r.Body).Decode(&got)
	j.mu.Lock()
	j.asked++
	delay := j.delay
	j.mu.Unlock()
	if delay != nil {
		<-delay
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+j.token:
		http.Error(w, "Forbidden", http.StatusForbidden)
	case j.status != 0:
		http.Error(w, "Internal error", j.status)
	case err != nil || got.TrainerStatus.LastUpdatedTime.IsZero(): // the resource demands it
		http.Error(w, "Invalid payload", http.StatusUnprocessableEntity)
	default:
		j.reports = append(j.reports, got)
		fmt.Fprintln(w, "{}")
	}
}

// told waits for n reports.
func (j *trainJob) told(t *testing.T, n int) []report {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		j.mu.Lock()
		got := slices.Clone(j.reports)
		j.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d reports came, want %d", len(got), n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWhatIsScrapedAgreesWithTheEventsAndTheResult(t *testing.T) {
	t.Parallel()
	job := newTrainJob(t)
	vars, result := environment(t, map[string]string{"METRICS_ADDR": "127.0.0.1:0", "EPOCHS": "40", "PATIENCE": "0", "CHECKPOINT_EVERY": "2"})
	for name, value := range job.vars {
		vars[name] = value
	}
	p := start(t, vars)
	address := p.metricsAddress()
	job.told(t, 1)
	// The last report finds no answer: the run waits for it with all else told.
	job.mu.Lock()
	job.delay = make(chan struct{})
	job.mu.Unlock()
	defer close(job.delay)

	probe := func(path string) int {
		r, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if code := probe("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	// The first report may come before the store was probed.
	ready := probe("/readyz")
	for deadline := time.Now().Add(time.Minute); ready == http.StatusServiceUnavailable && time.Now().Before(deadline); ready = probe("/readyz") {
		time.Sleep(time.Millisecond)
	}
	if ready != http.StatusOK {
		t.Errorf("/readyz: %d", ready)
	}
	var last map[string]float64
	for {
		epoch := event{} // the newest that came; a training under a second may send none
		for len(p.events) > 0 {
			if e := <-p.events; e.Epoch > 0 {
				epoch = e
			}
		}
		now, ok := scrape(address)
		if !ok {
			break
		}
		last = now
		epochs := now["gnn_trainer_epochs_completed_total"]
		if epochs < float64(epoch.Epoch) {
			t.Errorf("after the event of epoch %d there are %v epochs", epoch.Epoch, epochs)
		}
		if loss := now["gnn_trainer_current_training_loss"]; epoch.Epoch > 0 && epochs == float64(epoch.Epoch) && math.Abs(loss-epoch.Loss) > 1e-9 {
			t.Errorf("the loss of epoch %d is %v in the event and %v scraped", epoch.Epoch, epoch.Loss, loss)
		}
	}
	e := p.end()
	e.mustEnd(t, "finished", 0)

	content, err := os.ReadFile(filepath.Join(result, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	type splits struct {
		Train, Valid, Test struct{ AUC, Accuracy float64 }
	}
	var m struct {
		Splits    splits
		Baseline  struct{ Splits splits }
		BestEpoch int `json:"best_epoch"`
		EpochsRun int `json:"epochs_run"`
		History   struct {
			TrainLoss []float64 `json:"train_loss"`
			ValidLoss []float64 `json:"valid_loss"`
		}
	}
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	states := map[string]float64{}
	for _, e := range e.events {
		states[e.Status]++
	}
	ended := len(m.History.TrainLoss) - 1
	for name, want := range map[string]float64{
		`epochs_completed_total`:                                              float64(m.EpochsRun),
		`epoch{training="model"}`:                                             float64(m.EpochsRun),
		`epoch_duration_seconds_count{training="model"}`:                      float64(m.EpochsRun),
		`best_epoch{training="model"}`:                                        float64(m.BestEpoch),
		`current_training_loss`:                                               m.History.TrainLoss[ended],
		`current_validation_loss{training="model"}`:                           m.History.ValidLoss[ended],
		`auc{split="test",training="model"}`:                                  m.Splits.Test.AUC,
		`auc{split="valid",training="model"}`:                                 m.Splits.Valid.AUC,
		`auc{split="test",training="baseline"}`:                               m.Baseline.Splits.Test.AUC,
		`accuracy_ratio{split="train",training="model"}`:                      m.Splits.Train.Accuracy,
		`models_saved_total`:                                                  1,
		`errors_total`:                                                        0,
		`status_last{status_type="finished"}`:                                 1,
		`events_total{event_type="started"}`:                                  states["started"],
		`events_total{event_type="loading"}`:                                  states["loading"],
		`events_total{event_type="finished"}`:                                 1,
		`events_total{event_type="error"}`:                                    0,
		`telemetry_queue_length`:                                              0,
		`telemetry_undelivered_total`:                                         0,
		`progress_ratio`:                                                      1,
		`estimated_remaining_seconds`:                                         0,
		`phase_active{phase="finishing"}`:                                     1,
		`checkpoint_failures_total`:                                           0,
		`live_tensors`:                                                        0,
		`run_info{model_name="market_gnn_v1",queue_id="q1",symbol="BTCUSDT"}`: 1,
	} {
		if got, there := last["gnn_trainer_"+name]; !there || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v (there: %v), want %v", name, got, there, want)
		}
	}
	if last["gnn_trainer_checkpoint_duration_seconds_count"] < 2 || last["process_resident_memory_bytes"] < 1<<20 {
		t.Errorf("%v checkpoints, %v bytes", last["gnn_trainer_checkpoint_duration_seconds_count"], last["process_resident_memory_bytes"])
	}
	if perEpoch := last[`gnn_trainer_snapshots_total{training="model"}`] / float64(m.EpochsRun); perEpoch != math.Trunc(perEpoch) || perEpoch < 100 {
		t.Errorf("%v snapshots an epoch", perEpoch)
	}
	if !strings.Contains(e.stderr, "reporting progress to Kubeflow Trainer") {
		t.Error("the log does not say that the last report found no answer")
	}
}

func TestAStopWhileItIsScrapedLeavesNothing(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"METRICS_ADDR": "127.0.0.1:0", "EPOCHS": "1000000", "PATIENCE": "0", "LOG_LEVEL": "trace"})
	p := start(t, vars)
	address := p.metricsAddress()
	var scraping sync.WaitGroup
	for range 4 {
		scraping.Go(func() {
			for {
				if _, ok := scrape(address); !ok {
					return
				}
			}
		})
	}
	idle, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	e := p.end()
	scraping.Wait()
	e.mustEnd(t, "interrupted", 143)
	if !strings.Contains(e.stderr, `"goroutines":0,`) {
		t.Errorf("something is left:\n%s", e.stderr)
	}
}

func TestAnAddressForMetricsThatCannotBeUsedEndsTheRun(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, c := range map[string]struct{ addr, says string }{
		"a port in use":        {l.Addr().String(), "another process has the port: set another one, or unset METRICS_ADDR"},
		"a port alone":         {"8080", `METRICS_ADDR is "8080": set host:port, such as :8080`},
		"another machine's":    {"192.0.2.1:8080", "set an address of this machine"},
		"a port out of range":  {":80800", "set host:port"},
		"a name without a dot": {"metrics:", "set host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			vars, result := environment(t, map[string]string{"METRICS_ADDR": c.addr})
			e := run(t, vars)
			e.mustEnd(t, "error", 2)
			if message := e.last(t).Message; !strings.Contains(message, c.says) {
				t.Errorf("it says %q, want %q", message, c.says)
			}
			if _, err := os.Stat(result); err == nil {
				t.Error("it began all the same")
			}
		})
	}
}

func TestWithoutAnAddressNothingListens(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"EPOCHS": "1000000", "PATIENCE": "0"})
	p := start(t, vars)
	p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
	for _, table := range []string{"tcp", "tcp6"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, table))
		if err != nil {
			continue
		}
		sockets, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
		for _, fd := range sockets {
			link, _ := os.Readlink(fd)
			inode, isSocket := strings.CutPrefix(link, "socket:[")
			if isSocket && regexp.MustCompile(`: 0A .* `+strings.TrimSuffix(inode, "]")+` `).Match(content) {
				t.Errorf("it listens: %s", link)
			}
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.end().mustEnd(t, "interrupted", 143)
}

func TestATrainJobIsToldTheProgressToTheEnd(t *testing.T) {
	t.Parallel()
	job := newTrainJob(t)
	vars, _ := environment(t, map[string]string{"EPOCHS": "5", "PATIENCE": "0"})
	for name, value := range job.vars {
		vars[name] = value
	}
	p := start(t, vars)
	first := job.told(t, 1)[0].TrainerStatus
	if first.ProgressPercentage == nil || *first.ProgressPercentage > 50 {
		t.Errorf("the first report says %+v", first)
	}
	p.await("the start", func(e event) bool { return e.Status == "started" })
	job.setToken(t, "canary-2") // the kubelet renews it
	e := p.end()
	e.mustEnd(t, "finished", 0)
	all := job.told(t, 2)
	last := all[len(all)-1].TrainerStatus
	if last.ProgressPercentage == nil || *last.ProgressPercentage != 100 || last.EstimatedRemainingSeconds == nil || *last.EstimatedRemainingSeconds != 0 {
		t.Errorf("the last report says %+v", last)
	}
	var names []string
	for _, m := range last.Metrics {
		names = append(names, m.Name)
		if m.Name == "epoch" && m.Value != "5" {
			t.Errorf("the last epoch is %s", m.Value)
		}
	}
	if want := []string{"epoch", "loss", "valid_loss", "valid_auc", "test_auc"}; !slices.Equal(names, want) {
		t.Errorf("the metrics are %v, want %v", names, want)
	}
	for _, r := range all {
		if age := time.Since(r.TrainerStatus.LastUpdatedTime); age < -time.Minute || age > 5*time.Minute {
			t.Errorf("a report is of %v", r.TrainerStatus.LastUpdatedTime)
		}
	}
	if strings.Contains(e.stderr, "Kubeflow") || strings.Contains(e.stderr, "canary") {
		t.Errorf("the log speaks of it:\n%s", e.stderr)
	}
}

// Whatever the server does, the run ends as without it, and says so once.
func TestATrainJobsServerThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		change func(t *testing.T, j *trainJob)
		says   string
	}{
		"it is slow":           {func(t *testing.T, j *trainJob) { j.delay = make(chan struct{}); t.Cleanup(func() { close(j.delay) }) }, "deadline exceeded"},
		"it answers 500":       {func(_ *testing.T, j *trainJob) { j.status = 500 }, "500 Internal Server Error"},
		"it has another token": {func(_ *testing.T, j *trainJob) { j.token = "canary-3" }, "403 Forbidden"},
		"it is not there":      {func(_ *testing.T, j *trainJob) { j.Close() }, "connection refused"},
		"its certificate is another name": {func(_ *testing.T, j *trainJob) {
			j.vars["KUBEFLOW_TRAINER_SERVER_URL"] = strings.Replace(j.URL, "127.0.0.1", "localhost", 1)
		}, "not localhost"},
		"the files are not there": {func(_ *testing.T, j *trainJob) { j.vars["KUBEFLOW_TRAINER_SERVER_TOKEN"] = "/nowhere/canary" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			job := newTrainJob(t)
			job.mu.Lock()
			f.change(t, job)
			job.mu.Unlock()
			vars, _ := environment(t, map[string]string{"BASELINE": "none", "LOG_LEVEL": "trace"})
			for name, value := range job.vars {
				vars[name] = value
			}
			e := run(t, vars)
			e.mustEnd(t, "finished", 0)
			if said := strings.Count(e.stderr, "Kubeflow Trainer"); said != 1 || !strings.Contains(e.stderr, f.says) {
				t.Errorf("the log speaks of it %d times, want once with %q:\n%s", said, f.says, e.stderr)
			}
			if strings.Contains(e.stderr, "canary") {
				t.Errorf("the log holds the token or its path:\n%s", e.stderr)
			}
			if !strings.Contains(e.stderr, `"goroutines":0,`) {
				t.Errorf("something is left:\n%s", e.stderr)
			}
			if j := job; name == "it is slow" {
				j.mu.Lock()
				defer j.mu.Unlock()
				if j.asked > 2 {
					t.Errorf("it was asked %d times", j.asked)
				}
			}
		})
	}
}

func TestHalfOfATrainJobsVariablesIsRefused(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{
		"KUBEFLOW_TRAINER_SERVER_URL": "https://trainer/status", "KUBEFLOW_TRAINER_SERVER_TOKEN": "eyJcanary",
	})
	e := run(t, vars)
	e.mustEnd(t, "error", 2)
	message := e.last(t).Message
	for _, want := range []string{"KUBEFLOW_TRAINER_SERVER_CA_CERT is not: set all three or none", "KUBEFLOW_TRAINER_SERVER_TOKEN is not an absolute path"} {
		if !strings.Contains(message, want) {
			t.Errorf("it says %q, want %q", message, want)
		}
	}
	if strings.Contains(message+e.stderr, "canary") {
		t.Errorf("the token is shown: %s", message)
	}
}
