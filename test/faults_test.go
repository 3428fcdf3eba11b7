package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// fault is something that goes wrong around a run, and how the run ends.
type fault struct {
	name   string
	always bool                         // in every test run, not only with GNN_FAULTS
	change func(vars map[string]string) // of the run's variables
	before func()                       // the run starts
	during func(p *process)             // while the model trains
	after  func()                       // mends it for the next fault

	status string // of the terminal event in the topic; empty: none arrives
	code   int
	says   string        // in the log
	within time.Duration // 0: does not matter
	lost   bool          // the result is in the staging folder, not in the bucket
	absent bool          // there is no result anywhere
}

// table is what `make faults` writes into docs/faults.md.
type table struct{ rows strings.Builder }

func (tb *table) add(f fault, end string, took, blocked string) {
	fmt.Fprintf(&tb.rows, "| %s | %s | %d | %s | %s |\n", f.name, end, f.code, blocked, took)
}

// Every way in which the cluster fails a run: it ends as it should, and says
// so where it can be heard.
func TestARunEndsAsItShouldWhateverItsClusterDoes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	all := os.Getenv("GNN_FAULTS") != ""
	expired := c.kafka
	epochs := "15" // enough for the faults that strike in a moment
	if all {
		epochs = "60"
		expired = lab.StartKafka(t, lab.KafkaOptions{NotAfter: time.Now().Add(-time.Hour)})
	}
	set := func(pairs ...string) func(map[string]string) {
		return func(vars map[string]string) {
			for i := 0; i < len(pairs); i += 2 {
				vars[pairs[i]] = pairs[i+1]
			}
		}
	}
	stall := func(link *lab.Proxy, d time.Duration) func(*process) {
		return func(*process) {
			link.Stall()
			time.Sleep(d)
			link.Clear()
		}
	}
	trains := func(f func()) func(*process) { return func(*process) { f() } }
	faults := []fault{
		{name: "none", always: true, status: "finished"},
		{name: "Kafka is down before the start and comes up", before: c.kafkaLink.Cut, during: trains(c.kafkaLink.Restore), status: "finished", says: "resolved"},
		{name: "Kafka is down all the time", before: c.kafkaLink.Cut, after: c.kafkaLink.Restore, code: 1, says: "events.jsonl"},
		{name: "the broker is killed and restarts in mid-run", during: trains(func() { c.kafka.Kill(); c.kafka.Start() }), status: "finished"},
		{name: "the link to Kafka is cut for 2 s", during: trains(func() { c.kafkaLink.Cut(); time.Sleep(2 * time.Second); c.kafkaLink.Restore() }), status: "finished"},
		{name: "the link to Kafka stalls for 7 s", during: stall(c.kafkaLink, 7*time.Second), status: "finished"},
		{name: "the link to Kafka is slowed to 10 kB/s", before: func() { c.kafkaLink.Bandwidth(10) }, after: c.kafkaLink.Clear, status: "finished"},
		{name: "the link to Kafka resets in mid-message for 3 s", during: trains(func() { c.kafkaLink.ResetAfter(700); time.Sleep(3 * time.Second); c.kafkaLink.Clear() }), status: "finished"},
		{name: "a wrong Kafka password", always: true, change: set("KAFKA_PASSWORD", "canary"), code: 2, says: "KAFKA_PASSWORD", within: 15 * time.Second},
		{name: "a wrong CA", always: true, change: set("CA_PATH", c.kafka.OtherCAPath), code: 2, says: "CA_PATH", within: 15 * time.Second},
		{name: "an expired broker certificate", change: set("KAFKA_BOOTSTRAP_SERVERS", expired.Addr, "CA_PATH", expired.CAPath), code: 2, says: "certificate is valid from", within: 15 * time.Second},
		{name: "an unknown topic of events", change: set("QUEUE_EVENTS_TOPIC", "nowhere"), code: 2, says: "QUEUE_EVENTS_TOPIC", within: 15 * time.Second},
		{name: "an unknown topic of stops", change: set("QUEUE_CONTROL_TOPIC", "nowhere"), status: "error", code: 2, says: "QUEUE_CONTROL_TOPIC", within: 15 * time.Second},
		{name: "a wrong MinIO key", always: true, change: set("MINIO_SECRET_KEY", "canary"), status: "error", code: 2, says: "MINIO_SECRET_KEY", within: 15 * time.Second},
		{name: "TLS to a MinIO without it", change: set("MINIO_SECURE", "true"), status: "error", code: 2, says: "MINIO_SECURE", within: 15 * time.Second},
		{name: "MinIO is killed and restarts in mid-run", during: trains(func() { c.minio.Kill(); time.Sleep(time.Second); c.minio.Start() }), status: "finished"},
		{name: "the link to MinIO is cut for 2 s", during: trains(func() { c.minioLink.Cut(); time.Sleep(2 * time.Second); c.minioLink.Restore() }), status: "finished"},
		{name: "the link to MinIO stalls for 7 s", during: stall(c.minioLink, 7*time.Second), status: "finished"},
		{
			name: "MinIO is away from mid-run on (STORE_TIMEOUT=5s)", always: true, change: set("STORE_TIMEOUT", "5s"), during: trains(c.minioLink.Cut), after: c.minioLink.Restore,
			status: "error", code: 1, says: "not uploaded: the result is whole in", lost: true,
		},
		{
			name: "SIGTERM while MinIO stalls", change: set("EPOCHS", "1000000", "PATIENCE", "0"), during: func(p *process) { c.minioLink.Stall(); _ = p.cmd.Process.Signal(syscall.SIGTERM) }, after: c.minioLink.Clear,
			status: "error", code: 1, says: "not uploaded", within: 27 * time.Second, lost: true,
		},
		{
			name: "SIGTERM while Kafka stalls", change: set("EPOCHS", "1000000", "PATIENCE", "0"), during: func(p *process) { c.kafkaLink.Stall(); _ = p.cmd.Process.Signal(syscall.SIGTERM) }, after: c.kafkaLink.Clear,
			code: 143, says: "events.jsonl", within: 27 * time.Second,
		},
	}
	s3 := lab.NewS3Proxy(t, c.minio.Addr)
	puts := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/fault")
	}
	answers := func(status int, code string, which func(*http.Request) bool) func() {
		return func() {
			s3.Answer(func(r *http.Request) (int, string) {
				if which(r) {
					return status, code
				}
				return 0, ""
			})
		}
	}
	n := 0
	everyOther := func(*http.Request) bool { n++; return n%2 == 0 }
	viaS3 := set("MINIO_ENDPOINT", s3.Addr)
	quiet := func() { s3.Answer(nil) }
	faults = append(faults, []fault{
		{name: "MinIO is killed in mid-upload and restarts", change: set("LOOKBACK", "60d"), during: trains(func() { c.minio.Kill(); time.Sleep(500 * time.Millisecond); c.minio.Start() }), status: "finished"},
		{name: "every other answer of MinIO is 503 SlowDown", always: true, change: viaS3, before: answers(503, "SlowDown", everyOther), after: quiet, status: "finished"},
		{
			name: "MinIO answers 503 from mid-run on (STORE_TIMEOUT=5s)", change: set("MINIO_ENDPOINT", s3.Addr, "STORE_TIMEOUT", "5s"), during: trains(answers(503, "SlowDown", func(*http.Request) bool { return true })), after: quiet,
			status: "error", code: 1, says: "not uploaded", lost: true,
		},
		{name: "the link to MinIO is slowed to 400 kB/s (24 MB)", before: func() { c.minioLink.Bandwidth(400) }, after: c.minioLink.Clear, status: "finished"},
		{
			name: "MinIO's disk is full from mid-run on (STORE_TIMEOUT=5s)", change: set("MINIO_ENDPOINT", s3.Addr, "STORE_TIMEOUT", "5s"), during: trains(answers(507, "XMinioStorageFull", puts)), after: quiet,
			status: "error", code: 1, says: "XMinioStorageFull", lost: true,
		},
		{name: "a MinIO user who may only read", always: true, change: func(vars map[string]string) {
			vars["MINIO_ACCESS_KEY"], vars["MINIO_SECRET_KEY"] = c.minio.LimitedUser(t, lab.ReadOnly)
		}, status: "error", code: 2, says: "MINIO_BUCKET_NAME=models", within: 15 * time.Second},
		{name: "MinIO denies access from mid-run on", change: viaS3, during: trains(answers(403, "AccessDenied", puts)), after: quiet, status: "error", code: 2, says: "the result is whole in", lost: true},
		{
			name: "the clocks differ (RequestTimeTooSkewed)", always: true, change: viaS3, before: answers(403, "RequestTimeTooSkewed", func(*http.Request) bool { return true }), after: quiet,
			status: "error", code: 2, says: "clock", within: 15 * time.Second,
		},
	}...)
	if full := smallDisk(t); full != "" {
		faults = append(faults, fault{name: "the disk of STORE_DIR is full", always: true, change: set("STORE_DIR", full), status: "error", code: 1, says: "the disk is full", absent: true})
	}
	var tb table
	for i, f := range faults {
		if !f.always && !all {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			queue := fmt.Sprintf("fault%d", i)
			vars := c.vars(map[string]string{"QUEUE_ID": queue, "SYMBOLS": "", "LOOKBACK": "15d", "EPOCHS": epochs, "PATIENCE": "0", "CHECKPOINT_EVERY": "2", "BASELINE": "none", "LOG_LEVEL": "trace"})
			if f.change != nil {
				f.change(vars)
			}
			if f.before != nil {
				f.before()
			}
			p := start(t, vars)
			mended := f.after == nil
			defer func() {
				if !mended {
					f.after()
				}
			}()
			if f.during != nil {
				p.awaitLog(`"epoch":`)
				f.during(p)
			}
			begin := time.Now()
			p.reading.Wait()
			_ = p.cmd.Wait()
			took := time.Since(begin)
			if !mended {
				f.after()
				mended = true
			}
			stderr := p.stderr.String()
			if code := p.cmd.ProcessState.ExitCode(); code != f.code {
				t.Errorf("exit code %d, want %d:\n%s", code, f.code, stderr)
			}
			if !strings.Contains(stderr, f.says) {
				t.Errorf("the log does not say %q:\n%s", f.says, stderr)
			}
			took -= c.mustLeaveNothing(stderr)
			if f.within > 0 && took > f.within {
				t.Errorf("it took %v", took)
			}
			if strings.Contains(stderr, "canary") {
				t.Errorf("the log shows a secret:\n%s", stderr)
			}
			staging := filepath.Join(vars["STORE_DIR"], "market_gnn_v1", queue)
			kept, _ := os.ReadFile(filepath.Join(staging, store.EventsName))
			end := "in events.jsonl"
			if f.status != "" {
				end = c.mustTell(queue, f.status).Status + ", in the topic"
			} else if !strings.Contains(string(kept), `"finished":true`) {
				t.Errorf("the terminal event is lost: the topic holds %v, events.jsonl %s", c.events(queue), kept)
			}
			if _, err := store.ReadManifest(c.fetch(queue)); f.lost && err == nil || f.absent && err == nil {
				t.Error("the bucket has a manifest over what is not there")
			}
			if f.lost {
				if m, err := store.Verify(staging); err != nil {
					t.Errorf("the staging folder: %s, %v", m.Status, err)
				}
			}
			blocked := "no training"
			if content, err := os.ReadFile(filepath.Join(resultOf(c, queue, staging, f), "metrics.json")); err == nil {
				var m struct {
					Timing struct {
						TrainSeconds      float64 `json:"train_seconds"`
						CheckpointSeconds float64 `json:"checkpoint_seconds"`
						TelemetrySeconds  float64 `json:"telemetry_seconds"`
					}
				}
				if err := json.Unmarshal(content, &m); err != nil {
					t.Fatal(err)
				}
				blocked = fmt.Sprintf("%.1f ms of %.1f s", 1000*m.Timing.TelemetrySeconds, m.Timing.TrainSeconds)
				t.Logf("%s; blocked %s by telemetry, %.1f ms by checkpoints; ended after %v", end, blocked, 1000*m.Timing.CheckpointSeconds, took.Round(100*time.Millisecond))
			} else {
				t.Logf("%s; ended after %v", end, took.Round(100*time.Millisecond))
			}
			tb.add(f, end, took.Round(100*time.Millisecond).String(), blocked)
		})
	}
	if path := os.Getenv("GNN_FAULTS"); path != "" {
		if err := os.WriteFile(path, []byte(tb.rows.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// resultOf is a folder that holds the run's artefacts.
func resultOf(c *cluster, queue, staging string, f fault) string {
	if f.lost {
		return staging
	}
	return c.fetch(queue)
}

// mustLeaveNothing reads what the run had left at its exit, and for how long it
// waited to count that.
func (c *cluster) mustLeaveNothing(stderr string) time.Duration {
	for line := range strings.Lines(stderr) {
		var left struct {
			Message                    string
			Goroutines, Files, Tensors int
			Waited                     float64
		}
		if json.Unmarshal([]byte(line), &left) != nil || left.Message != "leaked at exit" {
			continue
		}
		if left.Goroutines != 0 || left.Files != 0 || left.Tensors != 0 {
			c.t.Errorf("leaked at exit: %+v\n%s", left, stderr)
		}
		return time.Duration(left.Waited * float64(time.Second))
	}
	c.t.Errorf("the run did not count what it left:\n%s", stderr)
	return 0
}

// smallDisk is a folder on a disk of a megabyte; empty where none can be made.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Logf("no small disk to fill: %v", err)
		return ""
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}
