// Package lab starts real servers for the tests of other packages: a Kafka
// broker with TLS and SCRAM, a MinIO server, and proxies that spoil the link to
// them. `make servers` fetches what it starts; a test whose server is not there
// is skipped, and fails where CI is set. Everything listens on the loopback
// address only and ends with the test.
package lab

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a server.
const patience = 2 * time.Minute

// servers is the folder that `make servers` fills.
func servers() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "build", "servers")
}

// need skips the test unless path is there; CI must not hide it so.
func need(t testing.TB, path string) string {
	t.Helper()
	return Need(t, path, "run `make servers`")
}

// Need is for what other packages' tests start: how tells what to do for it.
func Need(t testing.TB, path, how string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("-short: starts %s", filepath.Base(path))
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, "%s is not there: %s", filepath.Base(path), how)
	}
	return path
}

func missing(t testing.TB, format string, a ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, a...)
	}
	t.Skipf(format, a...)
}

// FreePort is a port that nothing listens on. It lies below those that the
// system gives to connections, one of which would take it before its server.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", address(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// process is a server that ends with the test, or with the test's process.
type process struct {
	t     testing.TB
	name  string
	argv  []string
	env   []string
	ready func(context.Context) error

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
	log  *logBuffer
}

// start runs the server and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return
	}
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		// The death signal comes when the thread ends that started the
		// process: this one waits for it.
		runtime.LockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		p.t.Fatalf("starting %s: %v", p.name, err)
	}
	p.cmd, p.done, p.log = cmd, done, log
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := p.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-done:
			p.t.Fatalf("%s ended as it started:\n%s", p.name, log.tail())
		case <-ctx.Done():
			p.t.Fatalf("%s does not answer: %v\n%s", p.name, err, log.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server by a signal and waits for its end.
func (p *process) stop(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd = nil
}

// logBuffer keeps what a server says.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) tail() string {
	const most = 4000
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-most):])
}

// listening waits for nothing: it tells whether addr accepts.
func listening(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		c.Close()
	}
	return err
}
