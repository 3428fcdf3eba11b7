package lab

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
)

// Main runs a package's tests and ends what they shared. A package whose tests
// use SharedKafka or SharedMinIO calls it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	shared.end()
	os.Exit(code)
}

// shared is what outlives a test: it ends with the package.
var shared resources

type resources struct {
	mu       sync.Mutex
	kafka    *Kafka
	minio    *MinIO
	others   map[string]string // where each of SharedProcess is reached
	cleanups []func()
}

// forPackage is a test whose folders and servers stay until the package's end.
type forPackage struct {
	testing.TB
	r *resources
}

func (p forPackage) Cleanup(f func()) { p.r.cleanups = append(p.r.cleanups, f) }

func (p forPackage) TempDir() string {
	p.Helper()
	dir, err := os.MkdirTemp("", "gnn-lab-")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = os.RemoveAll(dir) }) // what stays is the system's to clear
	return dir
}

func (r *resources) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	r.cleanups = nil
}

// SharedKafka is the one broker of a package's tests, started by the first that
// asks for it. Tests keep apart by topics of their own (Topic), put links of
// their own before it (Behind), and do not stop it.
func SharedKafka(t testing.TB) *Kafka {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.kafka == nil {
		shared.kafka = StartKafka(forPackage{t, &shared}, KafkaOptions{Links: 8})
	}
	return shared.kafka
}

// SharedMinIO is the one MinIO server of a package's tests, without TLS. Tests
// keep apart by buckets or keys, and do not stop it.
func SharedMinIO(t testing.TB) *MinIO {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.minio == nil {
		shared.minio = StartMinIO(forPackage{t, &shared}, MinIOOptions{})
	}
	return shared.minio
}

// SharedProcess is a server of a package's own that its tests share: command is
// its command line, given a folder, and reach tells how it is reached, once it
// is.
func SharedProcess(t testing.TB, name string, command func(dir string) []string, reach func(dir string) (string, error)) string {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if where, started := shared.others[name]; started {
		return where
	}
	whole := forPackage{t, &shared}
	dir := whole.TempDir()
	var where string
	p := &process{t: whole, name: name, argv: command(dir), ready: func(context.Context) (err error) {
		where, err = reach(dir)
		return err
	}}
	whole.Cleanup(func() { p.stop(syscall.SIGKILL) })
	p.start()
	if shared.others == nil {
		shared.others = map[string]string{}
	}
	shared.others[name] = where
	return where
}
