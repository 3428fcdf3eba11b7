package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	bindLimit   = 5 * time.Second // for a name in METRICS_ADDR to be found
	lastAnswers = time.Second / 2 // for requests under way at the end
	scrapes     = 4               // at once; more are told to come again
	scrapeLimit = 10 * time.Second
)

// Healthy has check asked whether the process is well; before, it is.
func (m *Metrics) Healthy(check func() error) { m.health.Store(&check) }

// Ready says that the configuration is accepted and the store can be written.
func (m *Metrics) Ready() { m.ready.Store(true) }

// Handler answers GET /metrics, /healthz and /readyz. logf is told of metrics
// that cannot be gathered.
func (m *Metrics) Handler(logf func(string)) http.Handler {
	mux := http.NewServeMux()
	all := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: lines(logf), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapes, Timeout: scrapeLimit, EnableOpenMetrics: true,
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		set := m.verdictScrape.isSet()
		all.ServeHTTP(w, r)
		m.verdictScrape.scrapedNow(set)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if check := m.health.Load(); check != nil {
			answer(w, (*check)())
			return
		}
		answer(w, nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if m.ready.Load() {
			answer(w, nil)
			return
		}
		answer(w, errors.New("the store is not probed yet"))
	})
	return mux
}

// answer is that of a probe: 200, or 503 and why.
func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok"
	if err != nil {
		text = err.Error()
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text+"\n") // who asked may have left
}

// Server serves metrics over HTTP.
type Server struct {
	http *http.Server
	addr net.Addr
	done chan struct{}

	mu        sync.Mutex
	answering map[net.Conn]bool // connections with a request under way
}

// Serve listens on addr, host:port, and answers from then on. The error says
// what to change.
func Serve(ctx context.Context, addr string, m *Metrics, logf func(string)) (*Server, error) {
	l, err := Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		addr: l.Addr(), done: make(chan struct{}), answering: map[net.Conn]bool{},
		http: &http.Server{
			Handler: m.Handler(logf), ErrorLog: log.New(lines(logf), "", 0),
			ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: scrapeLimit + 5*time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		},
	}
	s.http.ConnState = s.note
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			logf("metrics are not served any more: " + err.Error())
		}
	}()
	return s, nil
}

// Listen takes the address that METRICS_ADDR is, without serving on it. The error
// is a fault of the user's input that wraps the operating system's error.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, bindLimit)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	what, remedy := "%w", "set host:port, such as :8080, or unset METRICS_ADDR"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		what, remedy = "%w, another process has the port", "set another one, or unset METRICS_ADDR"
	case errors.Is(err, syscall.EACCES):
		remedy = "set a port from 1024, or unset METRICS_ADDR"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = "set an address of this machine, :PORT for all of them, or unset METRICS_ADDR"
	}
	return nil, fault.Input("METRICS_ADDR is %q, which cannot be listened on: "+what, addr, err).At("METRICS_ADDR").Fix("%s", remedy)
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.addr.String() }

// note keeps which connections have a request under way.
func (s *Server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answering, c)
	if state == http.StateActive {
		s.answering[c] = true
	}
}

// quiet tells whether no request is under way.
func (s *Server) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.answering) == 0
}

// Close takes no more requests, waits half a second at most for those under way,
// and returns when nothing of the server is left but a request that overran. It
// does not wait for a connection that has asked for nothing, as Shutdown would.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	go func() {
		for ctx.Err() == nil && !s.quiet() {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// lines hands what is logged to a function, a line at a time.
type lines func(string)

func (l lines) Write(p []byte) (int, error) {
	l(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func (l lines) Println(v ...any) { l(strings.TrimRight(fmt.Sprintln(v...), "\n")) }
