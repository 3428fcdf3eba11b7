package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Proxy is a link to a server that can be spoilt. It is one of toxiproxy's.
type Proxy struct {
	Addr string // host:port to connect to in place of the server's

	t    testing.TB
	api  string // URL of this proxy in toxiproxy's API
	mu   sync.Mutex
	made []string // names of the faults in force
}

// NewProxy makes a link to upstream, host:port, which need not listen yet.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	return newProxy(t, FreePort(t), upstream)
}

func newProxy(t testing.TB, listen int, upstream string) *Proxy {
	t.Helper()
	binary := need(t, filepath.Join(servers(), "bin", "toxiproxy-server"))
	port := FreePort(t)
	p := &process{
		t: t, name: "toxiproxy", argv: []string{binary, "-host", "127.0.0.1", "-port", fmt.Sprint(port)},
		ready: func(ctx context.Context) error { return listening(ctx, address(port)) },
	}
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	p.start()
	x := &Proxy{Addr: fmt.Sprintf("localhost:%d", listen), t: t}
	x.call(http.MethodPost, "http://"+address(port)+"/proxies", map[string]any{
		"name": "link", "listen": x.Addr, "upstream": upstream, "enabled": true,
	})
	x.api = "http://" + address(port) + "/proxies/link"
	return x
}

// Cut ends all connections and refuses new ones.
func (p *Proxy) Cut() { p.call(http.MethodPost, p.api, map[string]any{"enabled": false}) }

// Restore accepts connections again.
func (p *Proxy) Restore() { p.call(http.MethodPost, p.api, map[string]any{"enabled": true}) }

// Stall keeps connections open and lets nothing through.
func (p *Proxy) Stall() { p.both("timeout", map[string]any{"timeout": 0}) }

// Bandwidth lets so many kB a second through, each way.
func (p *Proxy) Bandwidth(kilobytes int) { p.both("bandwidth", map[string]any{"rate": kilobytes}) }

// Latency delays everything by d, each way.
func (p *Proxy) Latency(d time.Duration) {
	p.both("latency", map[string]any{"latency": d.Milliseconds()})
}

// ResetAfter ends each connection once so many bytes have gone up.
func (p *Proxy) ResetAfter(bytes int) {
	p.toxic("limit_data", "upstream", map[string]any{"bytes": bytes})
}

// Reset ends each connection with a TCP reset.
func (p *Proxy) Reset() { p.both("reset_peer", map[string]any{"timeout": 0}) }

// Clear takes every fault back but Cut.
func (p *Proxy) Clear() {
	p.mu.Lock()
	made := p.made
	p.made = nil
	p.mu.Unlock()
	for _, name := range made {
		p.call(http.MethodDelete, p.api+"/toxics/"+name, nil)
	}
}

func (p *Proxy) both(kind string, attributes map[string]any) {
	p.toxic(kind, "upstream", attributes)
	p.toxic(kind, "downstream", attributes)
}

func (p *Proxy) toxic(kind, stream string, attributes map[string]any) {
	name := kind + "_" + stream
	p.call(http.MethodPost, p.api+"/toxics", map[string]any{"name": name, "type": kind, "stream": stream, "attributes": attributes})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, name)
}

func (p *Proxy) call(method, url string, body any) {
	p.t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			p.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, &content)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatalf("setting up a link: %v", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(answer.Body) // only for the message
		p.t.Fatalf("setting up a link: %s: %s", answer.Status, text)
	}
}
