package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// TestMain ends the broker that tests share which do not stop it.
func TestMain(m *testing.M) { lab.Main(m) }

var run = kafka.IDs{QueueID: "q1", Symbol: "BTCUSDT", Type: "gnn_trainer", Producer: "gnn-trainer__q1"}

// configOf is how a run reaches k over TLS.
func configOf(k *lab.Kafka) kafka.Config {
	return kafka.Config{
		BootstrapServers: k.Addr, User: k.User, Password: secret.String(k.Password), CAPath: k.CAPath,
		EventsTopic: "queue-events", ControlTopic: "queue-control", Lang: kafka.English,
	}
}

func newBroker(t *testing.T, c kafka.Config) *kafka.Broker {
	t.Helper()
	b, err := kafka.NewBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// journal keeps what is logged.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

func TestWhatWaitingDoesNotMendIsRefusedWithTheVariableToLookAt(t *testing.T) {
	t.Parallel()
	k := lab.SharedKafka(t)
	expired := lab.StartKafka(t, lab.KafkaOptions{NotAfter: time.Now().Add(-time.Hour)})
	elsewhere := lab.StartKafka(t, lab.KafkaOptions{HostName: "kafka.elsewhere"})
	for name, c := range map[string]struct {
		broker *lab.Kafka
		change func(*kafka.Config)
		says   []string
	}{
		"a wrong password":           {k, func(c *kafka.Config) { c.Password = "canary-wrong" }, []string{"KAFKA_USER", "KAFKA_PASSWORD"}},
		"a wrong user":               {k, func(c *kafka.Config) { c.User = "nobody" }, []string{"KAFKA_USER"}},
		"a wrong CA":                 {k, func(c *kafka.Config) { c.CAPath = k.OtherCAPath }, []string{"CA_PATH"}},
		"no CA":                      {k, func(c *kafka.Config) { c.CAPath = "" }, []string{"CA_PATH"}},
		"an expired certificate":     {expired, func(*kafka.Config) {}, []string{"certificate is valid from", "to renew it"}},
		"a certificate of elsewhere": {elsewhere, func(*kafka.Config) {}, []string{"another host", "KAFKA_BOOTSTRAP_SERVERS"}},
		"TLS to a plain listener":    {k, func(c *kafka.Config) { c.BootstrapServers = k.Plain }, []string{"speaks no TLS", "KAFKA_USER"}},
		"plaintext to a TLS one":     {k, func(c *kafka.Config) { c.User, c.Password, c.CAPath = "", "", "" }, []string{"speaks TLS", "CA_PATH"}},
		"no user where one is asked": {k, func(c *kafka.Config) { c.User, c.Password = "", "" }, []string{"asks for a user", "KAFKA_USER"}},
		"no topic of events":         {k, func(c *kafka.Config) { c.EventsTopic = "nowhere" }, []string{"QUEUE_EVENTS_TOPIC", "nowhere"}},
		"no topic of stops":          {k, func(c *kafka.Config) { c.ControlTopic = "nowhere" }, []string{"QUEUE_CONTROL_TOPIC", "nowhere"}},
		"a dead address beside it": {k, func(c *kafka.Config) {
			c.BootstrapServers = fmt.Sprintf("localhost:%d,%s", lab.FreePort(t), k.Addr)
			c.Password = "canary-wrong"
		}, []string{"KAFKA_PASSWORD"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := configOf(c.broker)
			c.change(&config)
			started := time.Now()
			err := newBroker(t, config).Check(within(t, 15*time.Second))
			if took := time.Since(started); !errors.Is(err, fault.ErrRejected) || took > 5*time.Second {
				t.Fatalf("after %v: %v", took, err)
			}
			t.Logf("after %v: %v", time.Since(started).Round(time.Millisecond), err)
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), k.Password) {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}

func TestACAFileThatIsNoneIsRefusedByName(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + ".nowhere"} {
		if _, err := kafka.NewBroker(kafka.Config{BootstrapServers: "k:9093", CAPath: path}); err == nil || !strings.Contains(err.Error(), "CA_PATH") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// An event leaves whatever happens to the link, and who tells it never waits.
func TestEventsArriveThroughEveryFaultAndNobodyWaitsForThem(t *testing.T) {
	t.Parallel()
	port := lab.FreePort(t)
	link := lab.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", port))
	k := lab.StartKafka(t, lab.KafkaOptions{Port: port, Advertised: link.Addr})
	for _, fault := range []struct {
		name          string
		begin, mend   func()
		undeliverable bool // while it lasts
	}{
		{"none", func() {}, func() {}, false},
		{"10 kB/s", func() { link.Bandwidth(10) }, link.Clear, false},
		{"half a second of latency", func() { link.Latency(500 * time.Millisecond) }, link.Clear, false},
		{"a cut link", link.Cut, link.Restore, true},
		{"a stalled link", link.Stall, link.Clear, true},
		{"resets", link.Reset, link.Clear, true},
		{"resets in mid-message", func() { link.ResetAfter(700) }, link.Clear, true},
		{"a broker that restarts", k.Kill, k.Start, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := len(k.Messages(t, "queue-events", 1))
			var log journal
			b := newBroker(t, configOf(k))
			telemetry := kafka.NewTelemetry(run, kafka.English, b.Events(run.QueueID, log.log), func(event []byte) { t.Errorf("undelivered: %s", event) })
			var longest time.Duration
			tell := func(f func() error) {
				begin := time.Now()
				if err := f(); err != nil {
					t.Error(err)
				}
				longest = max(longest, time.Since(begin))
			}
			tell(telemetry.Started)
			fault.begin()
			for epoch := 1; epoch <= 15; epoch++ {
				tell(func() error { return telemetry.Epoch(epoch, 15, 1, nil) })
				time.Sleep(100 * time.Millisecond) // the pace of a training
			}
			fault.mend()
			won, err := telemetry.Finished(within(t, 20*time.Second), "s3://models/m/q1/model.pt", nil)
			if won != kafka.Finished || err != nil {
				t.Errorf("%s: %v", won, err)
			}
			if err := telemetry.Close(); err != nil {
				t.Error(err)
			}
			events := k.Messages(t, "queue-events", 1)[before:]
			if len(events) < 2 || !strings.Contains(events[0].Value, `"status":"started"`) || !strings.Contains(events[len(events)-1].Value, `"status":"finished"`) {
				t.Errorf("the topic holds %v", events)
			}
			if longest > time.Second { // of faults that last longer
				t.Errorf("a call waited %v", longest)
			}
			t.Logf("%d events arrived; the longest call took %v; logged: %q", len(events), longest, log.all())
			if fault.undeliverable && len(log.all()) > 6 {
				t.Errorf("%d lines of log for one outage", len(log.all()))
			}
		})
	}
}

func TestABrokerThatComesUpLateGetsEveryEventThatMayNotBeDropped(t *testing.T) {
	t.Parallel()
	k := lab.StartKafka(t, lab.KafkaOptions{Topics: map[string]int{"queue-events": 3, "queue-control": 1}})
	k.Stop()
	b := newBroker(t, configOf(k))
	var log journal
	telemetry := kafka.NewTelemetry(run, kafka.English, b.Events(run.QueueID, log.log), nil)
	if err := telemetry.Started(); err != nil {
		t.Fatal(err)
	}
	checked := make(chan error, 1)
	go func() { checked <- b.Check(within(t, 30*time.Second)) }()
	time.Sleep(time.Second) // some attempts fail
	k.Start()
	if err := <-checked; err != nil {
		t.Error(err)
	}
	if _, err := telemetry.Error(within(t, 10*time.Second), errors.New("boom")); err != nil {
		t.Error(err)
	}
	if err := telemetry.Close(); err != nil {
		t.Error(err)
	}
	if got := k.Messages(t, "queue-events", 3); len(got) != 2 || got[0].Partition != got[1].Partition {
		t.Errorf("not both in one partition: %v", got)
	}
}

func TestWhereNoBrokerIsTheLastEventIsHandedBackInTime(t *testing.T) {
	b := newBroker(t, kafka.Config{BootstrapServers: fmt.Sprintf("localhost:%d", lab.FreePort(t)), EventsTopic: "e", ControlTopic: "c"})
	var log journal
	var undelivered []string
	events := b.Events("q1", log.log)
	telemetry := kafka.NewTelemetry(run, kafka.English, events, func(e []byte) { undelivered = append(undelivered, string(e)) })
	if err := telemetry.Started(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_, err := telemetry.Finished(within(t, time.Second), "", nil)
	if took := time.Since(begin); err == nil || took > 8*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	_ = telemetry.Close() // it tells of the same
	if len(undelivered) != 2 || !strings.Contains(undelivered[0], "started") || !strings.Contains(undelivered[1], "finished") {
		t.Errorf("undelivered: %q", undelivered)
	}
	if s := telemetry.Stats(); s.Undelivered != 2 || s.Waiting != 0 || len(s.Delivered) != 0 {
		t.Errorf("it counted %+v", s)
	}
	if n := events.(interface{ Retries() int64 }).Retries(); n == 0 {
		t.Error("no retry is counted")
	}
}

func TestAStopIsHeardWhereverAndWheneverItWasSent(t *testing.T) {
	t.Parallel()
	port := lab.FreePort(t)
	link := lab.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", port))
	k := lab.StartKafka(t, lab.KafkaOptions{Port: port, Advertised: link.Addr})
	for name, c := range map[string]struct {
		before, after func(queue string) // the watching begins
	}{
		"before":       {func(q string) { k.Publish(t, "queue-control", 0, stop(q)) }, func(string) {}},
		"partition 0":  {nil, func(q string) { k.Publish(t, "queue-control", 0, stop(q)) }},
		"partition 1":  {nil, func(q string) { k.Publish(t, "queue-control", 1, stop(q)) }},
		"partition 2":  {nil, func(q string) { k.Publish(t, "queue-control", 2, stop(q)) }},
		"for everyone": {nil, func(string) { k.Publish(t, "queue-control", 1, `{"command":"stop","queue_id":"*"}`) }},
		"among others": {nil, func(q string) {
			for _, other := range []string{"", "x", "[]", `{"command":"stop","queue_id":"q-other"}`, `{"command":"pause","queue_id":"` + q + `"}`, "\xff"} {
				k.Publish(t, "queue-control", 1, other)
			}
			k.Publish(t, "queue-control", 1, stop(q))
		}},
		"after a cut": {nil, func(q string) {
			link.Cut()
			k.Publish(t, "queue-control", 0, stop(q))
			time.Sleep(300 * time.Millisecond) // some attempts fail
			link.Restore()
		}},
		"after a stall": {nil, func(q string) {
			link.Stall()
			k.Publish(t, "queue-control", 0, stop(q))
			time.Sleep(300 * time.Millisecond)
			link.Clear()
		}},
		"after a restart": {nil, func(q string) {
			k.Kill()
			k.Start()
			k.Publish(t, "queue-control", 2, stop(q))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			ids := run
			ids.QueueID = "q-" + strings.ReplaceAll(name, " ", "-")
			if c.before != nil {
				c.before(ids.QueueID)
			}
			var log journal
			b := newBroker(t, configOf(k))
			type heard struct {
				stop kafka.Stop
				err  error
				at   time.Time
			}
			result := make(chan heard, 1)
			go func() {
				s, err := b.Watch(within(t, 40*time.Second), kafka.WatchConfig{IDs: ids, Since: begin, SinceAll: begin, Log: log.log})
				result <- heard{s, err, time.Now()}
			}()
			if c.before == nil {
				begun(t, k, &log)
			}
			sent := time.Now()
			c.after(ids.QueueID)
			h := <-result
			if h.err != nil {
				t.Fatal(h.err, log.all())
			}
			t.Logf("heard after %v: %v; logged %q", h.at.Sub(sent).Round(time.Millisecond), h.stop, log.all())

			// served, it is not heard again: the next one is
			k.Publish(t, "queue-control", h.stop.Partition, stop(ids.QueueID))
			again, err := b.Watch(within(t, 10*time.Second), kafka.WatchConfig{
				IDs: ids, Since: begin, SinceAll: begin, Served: []kafka.Position{h.stop.Position}, Log: log.log,
			})
			if err != nil || again.Offset <= h.stop.Offset {
				t.Errorf("heard again: %v, %v", again, err)
			}
		})
	}
}

// begun returns once a watching that logs to log reads every partition.
func begun(t *testing.T, k *lab.Kafka, log *journal) {
	t.Helper()
	for partition := range 3 {
		k.Publish(t, "queue-control", partition, "no command")
	}
	deadline := time.Now().Add(10 * time.Second)
	for partition := range 3 {
		for !strings.Contains(strings.Join(log.all(), "\n"), fmt.Sprintf("(partition %d,", partition)) {
			if time.Now().After(deadline) {
				t.Fatalf("partition %d is not read: %q", partition, log.all())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func stop(queue string) string { return fmt.Sprintf(`{"command":"stop","queue_id":%q}`, queue) }

func TestAStopOfBeforeIsNotHeard(t *testing.T) {
	t.Parallel()
	k := lab.SharedKafka(t)
	config := configOf(k)
	config.ControlTopic = k.Topic(t, "queue-control", 3)
	now := time.Now()
	k.PublishAt(t, config.ControlTopic, 0, stop("q1"), now.Add(-time.Hour))
	k.PublishAt(t, config.ControlTopic, 0, `{"command":"stop","queue_id":"all"}`, now.Add(-10*time.Second))
	k.PublishAt(t, config.ControlTopic, 0, stop("q1"), now)
	b := newBroker(t, config)
	var log journal
	c := kafka.WatchConfig{IDs: run, Since: now.Add(-time.Minute), SinceAll: now, Log: log.log}
	for _, want := range []int64{2, 0} {
		s, err := b.Watch(within(t, 5*time.Second), c)
		if err != nil || s.Offset != want {
			t.Errorf("since %v, the stop at offset %d should be heard: %v, %v", c.Since, want, s, err)
		}
		c.Since = now.Add(-2 * time.Hour) // the old one is asked for
	}
}
