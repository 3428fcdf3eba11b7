package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func serve(t *testing.T, m *Metrics) *Server {
	t.Helper()
	s, err := Serve(t.Context(), "127.0.0.1:0", m, func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *Server, path string) (code int, body string) {
	t.Helper()
	r, err := http.Get("http://" + s.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestProbesAreAnsweredByTheStateOfTheRun(t *testing.T) {
	m := New(Run{})
	s := serve(t, m)
	for _, step := range []struct {
		name            string
		do              func()
		healthz, readyz int
	}{
		{"at the start", func() {}, 200, 503},
		{"after the store was probed", m.Ready, 200, 200},
		{"while it is well", func() { m.Healthy(func() error { return nil }) }, 200, 200},
		{"past its watchdog", func() { m.Healthy(func() error { return errors.New("stuck") }) }, 503, 200},
	} {
		step.do()
		for path, want := range map[string]int{"/healthz": step.healthz, "/readyz": step.readyz, "/metrics": 200, "/": 404} {
			if code, body := get(t, s, path); code != want {
				t.Errorf("%s: %s is %d, want %d: %s", step.name, path, code, want, body)
			}
		}
	}
	if _, body := get(t, s, "/healthz"); body != "stuck\n" {
		t.Errorf("/healthz says %q", body)
	}
	if r, err := http.Post("http://"+s.Addr()+"/metrics", "", nil); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", r, err)
	}
}

func TestAnAddressThatCannotBeListenedOnIsToldWithWhatToChange(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for addr, want := range map[string]string{
		l.Addr().String():   "another process has the port",
		"192.0.2.1:8080":    "set an address of this machine",
		"no.such.invalid:1": "set host:port",
	} {
		if _, err := Serve(t.Context(), addr, New(Run{}), func(string) {}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "METRICS_ADDR") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestOnlyHostAndPortAreAnAddress(t *testing.T) {
	for addr, ok := range map[string]bool{
		":8080": true, "0.0.0.0:8080": true, "[::1]:0": true, "localhost:9090": true,
		"8080": false, "localhost": false, ":": false, ":http": false, ":70000": false, "http://a:1": false, ":-1": false,
	} {
		if err := (Config{Addr: addr}).Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// Scrapes under way are answered, idle connections and stalled requests do not
// hold the end up, and nothing is left.
func TestAServerThatClosesLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	m := whole()
	s := serve(t, m)
	client := &http.Client{Transport: &http.Transport{}}
	var scraping sync.WaitGroup
	scraped := make(chan bool, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		scraping.Go(func() {
			for ctx.Err() == nil {
				r, err := client.Get("http://" + s.Addr() + "/metrics")
				if err != nil {
					return // closed
				}
				body, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || r.StatusCode != 200 || !strings.Contains(string(body), "gnn_trainer_epoch") {
					t.Errorf("a scrape got %d, %d bytes, %v", r.StatusCode, len(body), err)
				}
				select {
				case scraped <- true:
				default:
				}
			}
		})
	}
	<-scraped
	stalled, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	if _, err := stalled.Write([]byte("GET /metrics HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > lastAnswers+time.Second {
		t.Errorf("it took %v to close", took)
	}
	cancel()
	scraping.Wait()
	client.CloseIdleConnections()
	s.Close() // again does nothing
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if left := runtime.NumGoroutine() - before; left > 0 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left:\n%s", left, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestAFinishedRunWaitsForOneScrapeOfItsVerdict(t *testing.T) {
	m := New(Run{})
	s := serve(t, m)
	m.Linger(t.Context(), time.Hour) // there is no verdict
	get(t, s, "/metrics")
	m.SetVerdict(Verdict{Outcome: "worse", Outcomes: []string{"worse"}})
	m.Linger(t.Context(), time.Hour) // not finished
	m.Finished()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	m.Linger(stopped, time.Hour)
	m.Linger(t.Context(), 0)
	get(t, s, "/healthz")
	if m.verdictScrape.scrapedNow(false); m.verdictScrape.scraped == nil {
		t.Error("a scrape that began before the verdict counts")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Linger(t.Context(), time.Hour)
	}()
	select {
	case <-done:
		t.Error("nobody has seen the verdict")
	default:
	}
	if _, body := get(t, s, "/metrics"); !strings.Contains(body, `gnn_trainer_verdict{outcome="worse"} 1`) {
		t.Errorf("the verdict is not told:\n%s", body)
	}
	<-done
	m.Linger(t.Context(), time.Hour) // it was seen
}

func TestAConnectionThatAsksForNothingDoesNotHoldUpTheEnd(t *testing.T) {
	s := serve(t, New(Run{}))
	idle, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if code, _ := get(t, s, "/healthz"); code != 200 { // by then it is accepted
		t.Fatal(code)
	}
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > lastAnswers/2 {
		t.Errorf("it took %v", took)
	}
	if err := idle.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil { // before ReadHeaderTimeout
		t.Fatal(err)
	}
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("it is not closed: %v", err)
	}
}
