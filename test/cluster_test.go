package test

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// cluster is what a pod finds around it, with a link to each server that can
// be spoilt.
type cluster struct {
	t                    *testing.T
	kafka                *lab.Kafka
	kafkaLink, minioLink *lab.Proxy
	minio                *lab.MinIO

	eventsTopic, controlTopic, bucket string
}

// newCluster gives a test links, topics and a bucket of its own in the servers
// that all tests share.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	shared := lab.SharedKafka(t)
	c := &cluster{t: t, minio: lab.SharedMinIO(t), eventsTopic: shared.Topic(t, "queue-events", 1), controlTopic: shared.Topic(t, "queue-control", 3)}
	c.bucket = "models-" + strings.TrimPrefix(c.eventsTopic, "queue-events-")
	c.kafka, c.kafkaLink = shared.Behind(t)
	c.minioLink = lab.NewProxy(t, c.minio.Addr)
	return c
}

// vars are a run's variables in the cluster.
func (c *cluster) vars(changes map[string]string) map[string]string {
	c.t.Helper()
	vars, _ := environment(c.t, map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS": c.kafka.Addr, "KAFKA_USER": c.kafka.User, "KAFKA_PASSWORD": c.kafka.Password, "CA_PATH": c.kafka.CAPath,
		"MINIO_ENDPOINT": c.minioLink.Addr, "MINIO_ACCESS_KEY": c.minio.AccessKey, "MINIO_SECRET_KEY": c.minio.SecretKey, "MINIO_BUCKET_NAME": c.bucket,
		"QUEUE_EVENTS_TOPIC": c.eventsTopic, "QUEUE_CONTROL_TOPIC": c.controlTopic,
	})
	maps.Copy(vars, changes)
	maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
	return vars
}

// peer runs peer.py.
func peer(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runPython(t, append([]string{"peer.py"}, args...)...)
	if err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	return out
}

func (c *cluster) login() []string {
	return []string{c.kafka.Addr, c.kafka.User, c.kafka.Password, c.kafka.CAPath}
}

// stop has another client publish a stop and returns the message's time.
func (c *cluster) stop(queue string) time.Time {
	c.t.Helper()
	message := fmt.Sprintf(`{"command":"stop","queue_id":%q,"target":"gnn-trainer"}`, queue)
	ms, err := strconv.ParseInt(strings.TrimSpace(peer(c.t, append(append([]string{"stop"}, c.login()...), c.controlTopic, message)...)), 10, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	return time.UnixMilli(ms)
}

// arrived is an event in the topic.
type arrived struct {
	event
	raw string
}

// events are those of a run in the topic, over the plain listener.
func (c *cluster) events(queue string) []arrived {
	c.t.Helper()
	var list []arrived
	for _, m := range c.kafka.Messages(c.t, c.eventsTopic, 1) {
		a := arrived{raw: m.Value}
		if err := json.Unmarshal([]byte(m.Value), &a.event); err != nil {
			c.t.Fatalf("%s: %v", m.Value, err)
		}
		if a.QueueID == queue {
			list = append(list, a)
		}
	}
	return list
}

// heard is an event as another client reads it.
type heard struct {
	At    int64 // when the broker took it, Unix ms by its clock
	Event event
}

// heard are all events of the topic, over another client: kafka-go does not
// tell the broker's time.
func (c *cluster) heard() []heard {
	c.t.Helper()
	var list []heard
	lines := bufio.NewScanner(strings.NewReader(peer(c.t, append(append([]string{"events"}, c.login()...), c.eventsTopic)...)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h heard
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			c.t.Fatalf("%s: %v", lines.Text(), err)
		}
		list = append(list, h)
	}
	return list
}

// fetch downloads a run's folder of the bucket.
func (c *cluster) fetch(queue string) string {
	c.t.Helper()
	dir := c.t.TempDir()
	peer(c.t, "fetch", c.minio.Addr, c.minio.AccessKey, c.minio.SecretKey, c.bucket, "market_gnn_v1/"+queue, dir)
	return dir
}

// mustTell fails unless the run's events in the topic end once, with status.
func (c *cluster) mustTell(queue, status string) arrived {
	c.t.Helper()
	events := c.events(queue)
	if len(events) == 0 {
		c.t.Fatal("the topic holds no event of the run")
	}
	terminal := 0
	seconds := map[int64]bool{}
	for _, e := range events {
		if e.Finished {
			terminal++
		}
		if seconds[int64(e.Timestamp)] {
			c.t.Errorf("two events in the second %d", int64(e.Timestamp))
		}
		seconds[int64(e.Timestamp)] = true
	}
	last := events[len(events)-1]
	if terminal != 1 || last.Status != status {
		c.t.Errorf("the topic holds %d terminal events, and the last event is %s", terminal, last.raw)
	}
	return last
}

// inCluster runs the program; its events are in the topic, not on stdout.
func inCluster(t *testing.T, vars map[string]string) (code int, stderr string) {
	t.Helper()
	p := start(t, vars)
	p.reading.Wait()
	_ = p.cmd.Wait()
	if len(p.all) > 0 {
		t.Errorf("events on stdout beside Kafka: %v", p.all)
	}
	return p.cmd.ProcessState.ExitCode(), p.stderr.String()
}

func TestInAClusterOtherClientsReadTheEventsAndTheResult(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.eventsTopic, c.controlTopic = "queue-events", "queue-control" // the defaults, which no other test uses
	vars := c.vars(map[string]string{"LOOKBACK": "10d", "EPOCHS": "10", "QUEUE_EVENTS_TOPIC": "", "QUEUE_CONTROL_TOPIC": ""})
	if code, stderr := inCluster(t, vars); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	last := c.mustTell("q1", "finished")
	if last.ModelPath != "s3://"+c.bucket+"/market_gnn_v1/q1/model.pt" {
		t.Errorf("model_path is %q", last.ModelPath)
	}
	var statuses []string
	for _, m := range c.heard() {
		statuses = append(statuses, m.Event.Status)
	}
	if len(statuses) < 3 || statuses[0] != "started" || statuses[len(statuses)-1] != "finished" {
		t.Errorf("another client reads %v", statuses)
	}
	result := c.fetch("q1")
	if m, err := store.Verify(result); err != nil || m.Status != store.Finished {
		t.Errorf("%s, %v", m.Status, err)
	}
	consume(t, result)
	if left, _ := filepath.Glob(filepath.Join(result, "checkpoints", "*")); len(left) != 0 {
		t.Errorf("a finished run leaves %v", left)
	}

	// started again, it re-emits its terminal event and nothing else
	before := len(c.events("q1"))
	if code, stderr := inCluster(t, vars); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	if again := c.events("q1")[before:]; len(again) != 1 || again[0].Status != "finished" || again[0].ModelPath != last.ModelPath {
		t.Errorf("started again it tells %v", again)
	}
}

// A stop from another client: how long until `interrupted` is in the topic, by
// the broker's clock. GNN_STOPS says how often (make stops: 50).
func TestAStopFromAnotherClientEndsTheRunInTime(t *testing.T) {
	t.Parallel()
	stops := 3
	if text := os.Getenv("GNN_STOPS"); text != "" {
		var err error
		if stops, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	c := newCluster(t)
	sent := map[string]time.Time{}
	for i := range stops {
		queue := fmt.Sprintf("q%d", i)
		p := start(t, c.vars(map[string]string{"QUEUE_ID": queue, "SYMBOLS": "", "LOOKBACK": "", "EPOCHS": "1000000", "PATIENCE": "0"}))
		c.await(queue, func(e arrived) bool { return e.Epoch > 0 })
		sent[queue] = c.stop(queue)
		p.reading.Wait()
		_ = p.cmd.Wait()
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, p.stderr.String())
		}
		last := c.mustTell(queue, "interrupted")
		if m, err := store.Verify(c.fetch(queue)); err != nil || m.Status != store.Interrupted || last.ModelPath == "" {
			t.Errorf("%s, %v; model_path %q", m.Status, err, last.ModelPath)
		}
	}
	var took []time.Duration
	for _, h := range c.heard() {
		if h.Event.Status == "interrupted" {
			took = append(took, time.UnixMilli(h.At).Sub(sent[h.Event.QueueID]))
		}
	}
	if len(took) != stops {
		t.Fatalf("%d stops, and %d runs were interrupted", stops, len(took))
	}
	slices.Sort(took)
	t.Logf("of %d stops: median %v, worst %v", stops, took[len(took)/2], took[len(took)-1])
}

// What a pod leaves that Kubernetes ends.
func TestASIGTERMLeavesTheModelSoFarInTheBucketAndTellsTheTopic(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, c.vars(map[string]string{"EPOCHS": "1000000", "PATIENCE": "0"}))
	c.await("q1", func(e arrived) bool { return e.Epoch > 0 })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.reading.Wait()
	_ = p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit code %d:\n%s", code, p.stderr.String())
	}
	if last := c.mustTell("q1", "interrupted"); last.ModelPath != "s3://"+c.bucket+"/market_gnn_v1/q1/model.pt" {
		t.Errorf("model_path is %q", last.ModelPath)
	}
	if measured := consume(t, c.fetch("q1")); measured["status"] != "interrupted" {
		t.Errorf("the manifest says %v", measured["status"])
	}
}

// await waits for an event of a run in the topic.
func (c *cluster) await(queue string, ok func(arrived) bool) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !slices.ContainsFunc(c.events(queue), ok) {
		if time.Now().After(deadline) {
			c.t.Fatalf("the event does not come: %v", c.events(queue))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestAStoppedRunStartedAgainGoesOnAndDoesNotHearTheOldStop(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	vars := c.vars(map[string]string{"EPOCHS": "1000000", "PATIENCE": "0", "SYMBOLS": "top:8"})
	p := start(t, vars)
	c.await("q1", func(e arrived) bool { return e.Epoch > 3 })
	c.stop("q1")
	p.reading.Wait()
	_ = p.cmd.Wait()
	c.mustTell("q1", "interrupted")

	vars["EPOCHS"] = "5" // it has more than those
	code, stderr := inCluster(t, vars)
	if code != 0 || !strings.Contains(stderr, "resuming from checkpoint") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	if events := c.events("q1"); events[len(events)-1].Status != "finished" {
		t.Errorf("the last event is %s", events[len(events)-1].raw)
	}
}

// A pod killed without its disk goes on from what is in the bucket.
func TestAPodKilledWithItsDiskGoesOnFromTheBucketToTheSameBits(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	settings := maps.Clone(short)
	settings["QUEUE_ID"], settings["EPOCHS"] = "whole", "60"
	if code, stderr := inCluster(t, c.vars(settings)); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	mine := func(queue string) map[string]string {
		result := c.fetch(queue)
		sums := learned(t, result)
		for name := range sums {
			if path.Base(name) == "model.pt" { // its metadata holds the queue id
				sums[name] = contentOf(t, filepath.Join(result, name))
			}
		}
		return sums
	}
	want := mine("whole")

	settings["QUEUE_ID"] = "killed"
	resumed := false
	for i := range 4 {
		p := start(t, c.vars(settings)) // each with a new STORE_DIR
		p.awaitLog(`"epoch":`)
		time.Sleep(time.Duration(200*(i+1)) * time.Millisecond) // some checkpoints more
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		p.reading.Wait()
		_ = p.cmd.Wait()
		resumed = resumed || strings.Contains(p.stderr.String(), "resuming from checkpoint")
	}
	code, stderr := inCluster(t, c.vars(settings))
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	if !resumed && !strings.Contains(stderr, "resuming from checkpoint") {
		t.Errorf("it never went on from a checkpoint:\n%s", stderr)
	}
	if got := mine("killed"); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// contentOf is the sum of a model.pt but for its metadata and PyTorch's own sum of
// all of it.
func contentOf(t *testing.T, model string) string {
	t.Helper()
	z, err := zip.OpenReader(model)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	sum, left := sha256.New(), 0
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/extra/metadata.json") || strings.HasSuffix(f.Name, "/.data/serialization_id") {
			left++
			continue
		}
		r, err := f.Open()
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n", f.Name, f.UncompressedSize64)
			_, err = io.Copy(sum, r)
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", model, f.Name, err)
		}
		r.Close()
	}
	if left != 2 || len(z.File) < 5 {
		t.Fatalf("%s has %d files, %d of them left out", model, len(z.File), left)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
