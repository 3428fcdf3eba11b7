package test

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// tunnels is a proxy that leads every CONNECT to one server.
type tunnels struct {
	to string

	mu    sync.Mutex
	asked []string
}

func (p *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	server, err := new(net.Dialer).DialContext(r.Context(), "tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, _ = io.Copy(client, server)
}

func (p *tunnels) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(p.asked)))
}

// Requests and the stream go by a proxy; TLS is with the exchange itself.
func TestTheExchangeIsReachedByAProxy(t *testing.T) {
	t.Parallel()
	symbols := usdt(2)
	depth := exchange.NewDepth(exchange.DepthOptions{Market: "spot", Symbols: symbols, Seed: 3, Start: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC).UnixMilli()})
	t.Cleanup(depth.Close)
	e := exchange.New(exchange.Options{Symbols: symbols, Depth: depth})
	depth.Streams(e.Mux)
	server := httptest.NewTLSServer(e)
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := &tunnels{to: server.Listener.Addr().String()}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	vars := map[string]string{
		"SYMBOL": "BTCUSDT", "SYMBOLS": strings.Join(symbols, ","), "CACHE_DIR": t.TempDir(), "SSL_CERT_FILE": authority,
		"BINANCE_BASE_URL": "https://example.com", "BINANCE_WS_URL": "wss://example.com:9443", "HTTPS_PROXY": front.URL,
	}
	p := recorder(t, vars)
	if err := depth.AwaitConnections(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 || !strings.Contains(p.stderr.String(), "no row was written") || !strings.Contains(p.stderr.String(), "BINANCE_WS_URL") {
		t.Errorf("exit code %d\n%s", code, p.stderr.String())
	}
	if got, want := proxy.seen(), []string{"CONNECT example.com:443", "CONNECT example.com:9443"}; !slices.Equal(got, want) {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

// A name in NO_PROXY is asked for itself, which here there is none of.
func TestNoProxyLeavesTheProxyOut(t *testing.T) {
	t.Parallel()
	proxy := &tunnels{}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	p := recorder(t, map[string]string{
		"SYMBOL": "BTCUSDT", "SYMBOLS": "BTCUSDT", "CACHE_DIR": t.TempDir(), "HTTPS_PROXY": front.URL, "NO_PROXY": ".invalid",
		"BINANCE_BASE_URL": "https://exchange.invalid", "BINANCE_WS_URL": "wss://exchange.invalid",
	})
	p.awaitLog(`"message":"waiting to try again"`)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	if log := p.stderr.String(); p.cmd.ProcessState.ExitCode() != 0 || !strings.Contains(log, `"of":13`) {
		t.Errorf("%s", log)
	}
	if seen := proxy.seen(); len(seen) > 0 {
		t.Errorf("the proxy was asked for %q", seen)
	}
}

func TestARecordingOfAServerOfOnesOwnIsRefusedWithoutItsStreams(t *testing.T) {
	t.Parallel()
	p := recorder(t, map[string]string{"SYMBOL": "BTCUSDT", "BINANCE_BASE_URL": "http://127.0.0.1:1", "CACHE_DIR": t.TempDir()})
	_ = p.cmd.Wait()
	if code, log := p.cmd.ProcessState.ExitCode(), p.stderr.String(); code != 2 || !strings.Contains(log, "set BINANCE_WS_URL to its stream server") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}
