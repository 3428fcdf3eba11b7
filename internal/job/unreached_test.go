package job_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/job"
)

// A run whose address or password of Kafka is rejected ends without trying it:
// its error is on stdout and in the log.
func TestARejectedAddressOfKafkaIsNotDialled(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().String()
	for name, set := range map[string][]string{
		"in quotes":               {"KAFKA_BOOTSTRAP_SERVERS='" + addr + "'"},
		"a password with a line":  {"KAFKA_BOOTSTRAP_SERVERS=" + addr, "KAFKA_USER=u", "KAFKA_PASSWORD=p\n"},
		"a user behind a newline": {"KAFKA_BOOTSTRAP_SERVERS=" + addr, "KAFKA_USER=\nu", "KAFKA_PASSWORD=p"},
	} {
		stdout, stderr := create(t, "stdout"), create(t, "stderr")
		code := job.Train(t.Context(), append(set, "QUEUE_ID=q", "SYMBOL=AAA", "TYPE=t", "TELEMETRY_PRODUCER_ID=p", "DATA_SOURCE=simulated", "MESSAGE_LANG=en"), "v", stdout, stderr)
		events, _ := os.ReadFile(stdout.Name())
		if code != job.ExitInput || !strings.Contains(string(events), `"event":"error"`) || !strings.Contains(string(events), "KAFKA_") {
			t.Errorf("%s: exit code %d, events %s", name, code, events)
		}
	}
	// Whoever dialled waits here for an answer before the one that this test makes.
	own, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	first, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if first.RemoteAddr().String() != own.LocalAddr().String() {
		t.Error("the rejected address was dialled")
	}
}

func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
