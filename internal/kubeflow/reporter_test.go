package kubeflow

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is a status server: TLS, a bearer token, the TrainJob's own rules.
type server struct {
	*httptest.Server
	dir string

	mu      sync.Mutex
	token   string
	said    []string // bodies that it took
	answers func(w http.ResponseWriter, r *http.Request) (done bool)
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), token: "first"}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	s.write(t, "ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	s.write(t, "token", "first\n")
	return s
}

func (s *server) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *server) config() Config {
	return Config{URL: s.URL + "/apis/trainer.kubeflow.org/v1alpha1/namespaces/ml/trainjobs/gnn/status", CACert: filepath.Join(s.dir, "ca.crt"), Token: filepath.Join(s.dir, "token")}
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	token, answers := s.token, s.answers
	s.mu.Unlock()
	switch {
	case answers != nil && answers(w, r):
	case r.Header.Get("Authorization") != "Bearer "+token:
		http.Error(w, "Forbidden", http.StatusForbidden)
	case err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "Invalid payload", http.StatusUnprocessableEntity)
	default:
		s.mu.Lock()
		s.said = append(s.said, string(body))
		s.mu.Unlock()
		_, _ = w.Write(body)
	}
}

func (s *server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *server) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...)
}

// journal is a log.
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

// reporter is one that reports only when it is told to.
func reporter(c Config, j *journal) *Reporter {
	return &Reporter{config: c, current: func() Status { return Status{Done: 0.5, Remaining: time.Minute} }, log: j.log, stop: func() {}, done: closed()}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestTheBodyIsThatOfATrainJobsStatus(t *testing.T) {
	at := time.Date(2026, 6, 12, 3, 0, 0, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		status Status
		want   string
	}{
		"all of it": {
			Status{Done: 0.459, Remaining: 90*time.Second + time.Millisecond, Metrics: []Metric{{"loss", 0.25}, {"valid_auc", math.NaN()}, {"epoch", 12}}},
			`{"trainerStatus":{"progressPercentage":45,"estimatedRemainingSeconds":91,"metrics":[{"name":"loss","value":"0.25"},{"name":"epoch","value":"12"}],"lastUpdatedTime":"2026-06-12T02:00:00Z"}}`,
		},
		"nothing known": {Status{Remaining: -1}, `{"trainerStatus":{"progressPercentage":0,"lastUpdatedTime":"2026-06-12T02:00:00Z"}}`},
		"the end":       {Status{Done: 1}, `{"trainerStatus":{"progressPercentage":100,"estimatedRemainingSeconds":0,"lastUpdatedTime":"2026-06-12T02:00:00Z"}}`},
		"out of range":  {Status{Done: 7, Remaining: math.MaxInt64}, `{"trainerStatus":{"progressPercentage":100,"estimatedRemainingSeconds":2147483647,"lastUpdatedTime":"2026-06-12T02:00:00Z"}}`},
		"no number":     {Status{Done: math.NaN(), Remaining: -1}, `{"trainerStatus":{"progressPercentage":0,"lastUpdatedTime":"2026-06-12T02:00:00Z"}}`},
	} {
		if b, err := c.status.body(at); err != nil || string(b) != c.want {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	many := make([]Metric, 300)
	b, _ := Status{Metrics: many}.body(at)
	var got struct{ TrainerStatus struct{ Metrics []any } }
	if err := json.Unmarshal(b, &got); err != nil || len(got.TrainerStatus.Metrics) != maxMetrics {
		t.Errorf("%d metrics, %v", len(got.TrainerStatus.Metrics), err)
	}
}

func TestAReportArrivesWithTheTokenOfNow(t *testing.T) {
	s, j := newServer(t), &journal{}
	r := reporter(s.config(), j)
	report := func(want bool) {
		t.Helper()
		if err := r.report(t.Context()); (err == nil) != want {
			t.Errorf("the report went: %v", err)
		}
	}
	report(true)
	s.set(func() { s.token = "second" })
	report(false)
	s.write(t, "token", "second")
	report(true)
	if len(s.taken()) != 2 || !strings.Contains(s.taken()[0], `"progressPercentage":50`) {
		t.Errorf("it took %v", s.taken())
	}
	if sent, failed := r.Counts(); sent != 2 || failed != 1 {
		t.Errorf("%d sent, %d failed", sent, failed)
	}
	if log := j.all(); len(log) != 2 || !strings.Contains(log[0], "403 Forbidden") || !strings.Contains(log[1], "again") {
		t.Errorf("the log says %q", log)
	}
}

func TestAFailureIsToldOnceAndNamesNoSecret(t *testing.T) {
	s := newServer(t)
	other := newServer(t) // of the same certificate, which httptest has built in
	for name, f := range map[string]struct {
		config func(Config) Config
		spoil  func(t *testing.T)
		mend   func(t *testing.T)
		says   string
	}{
		"500": {nil, func(*testing.T) {
			s.set(func() {
				s.answers = func(w http.ResponseWriter, _ *http.Request) bool {
					http.Error(w, "Internal error", 500)
					return true
				}
			})
		}, func(*testing.T) { s.set(func() { s.answers = nil }) }, "500 Internal Server Error"},
		"a redirect": {nil, func(*testing.T) {
			s.set(func() {
				s.answers = func(w http.ResponseWriter, r *http.Request) bool {
					http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
					return true
				}
			})
		}, func(*testing.T) { s.set(func() { s.answers = nil }) }, "307"},
		"no token":             {nil, func(_ *testing.T) { _ = os.Remove(filepath.Join(s.dir, "token")) }, func(t *testing.T) { s.write(t, "token", "first") }, "TOKEN: no such file"},
		"an empty token":       {nil, func(t *testing.T) { s.write(t, "token", " \n") }, func(t *testing.T) { s.write(t, "token", "first") }, "TOKEN is empty"},
		"a token of two lines": {nil, func(t *testing.T) { s.write(t, "token", "fi\nrst") }, func(t *testing.T) { s.write(t, "token", "first") }, "invalid header"},
		"no certificate": {nil, func(t *testing.T) {
			b, _ := os.ReadFile(filepath.Join(s.dir, "ca.crt"))
			s.write(t, "ca.crt", "nothing")
			t.Cleanup(func() { s.write(t, "ca.crt", string(b)) })
		}, nil, "CA_CERT holds no certificate"},
		"another host": {func(c Config) Config {
			c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1)
			return c
		}, func(*testing.T) {}, nil, "not localhost"},
		"no server": {func(c Config) Config { c.URL = "https://127.0.0.1:1/"; return c }, func(*testing.T) {}, nil, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			c, j := s.config(), &journal{}
			if f.config != nil {
				c = f.config(c)
			}
			r := reporter(c, j)
			f.spoil(t)
			for range 3 {
				if err := r.report(t.Context()); err == nil || !strings.Contains(err.Error(), f.says) {
					t.Errorf("it says %v, want %q", err, f.says)
				}
			}
			log := j.all()
			if len(log) != 1 || strings.Contains(log[0], "first") || strings.Contains(log[0], s.dir) {
				t.Errorf("the log says %q", log)
			}
			if f.mend != nil {
				f.mend(t)
				if err := r.report(t.Context()); err != nil || len(j.all()) != 2 {
					t.Errorf("after it was mended: %v, %q", err, j.all())
				}
			}
		})
	}
	if got := other.taken(); len(got) != 0 {
		t.Errorf("a redirect was followed: %v", got)
	}
}

// The authority may be replaced while the pod runs.
func TestANewAuthorityIsTrustedFromThenOn(t *testing.T) {
	s, j := newServer(t), &journal{}
	r := reporter(s.config(), j)
	good, err := os.ReadFile(s.config().CACert)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.report(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := r.transport
	if err := r.report(t.Context()); err != nil || r.transport != first {
		t.Errorf("without a change it connects anew: %v", err)
	}
	s.write(t, "ca.crt", string(good)+"\n"+string(good))
	if err := r.report(t.Context()); err != nil || r.transport == first {
		t.Errorf("after a change: %v", err)
	}
}

func TestWithoutTheRightAuthorityNothingIsSent(t *testing.T) {
	s, j := newServer(t), &journal{}
	r := reporter(s.config(), j)
	s.write(t, "ca.crt", otherAuthority(t))
	if err := r.report(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("it says %v", err)
	}
	if len(s.taken()) != 0 {
		t.Error("the token went to a server that is not trusted")
	}
}

// otherAuthority is the certificate of one that has signed nothing.
func otherAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestReportsKeepTheirRateAndBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []time.Duration
		begin := time.Now()
		j := &journal{}
		// No file is there: each report fails at once, without a network.
		r := Start(Config{URL: "https://nowhere", CACert: "/nowhere/ca.crt", Token: "/nowhere/token"}, func() Status { return Status{} }, j.log)
		done := make(chan struct{})
		go func() {
			defer close(done)
			var last int64
			for range 400 {
				time.Sleep(time.Second / 2)
				if _, failed := r.Counts(); failed != last {
					mu.Lock()
					asked, last = append(asked, time.Since(begin).Truncate(time.Second)), failed
					mu.Unlock()
				}
			}
		}()
		<-done
		r.Close(t.Context())
		want := []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second, 130 * time.Second, 190 * time.Second}
		if len(asked) != len(want) {
			t.Fatalf("it tried at %v, want %v", asked, want)
		}
		for i := range want {
			if asked[i] != want[i] {
				t.Errorf("try %d came at %v, want %v", i, asked[i], want[i])
			}
		}
		if log := j.all(); len(log) != 1 {
			t.Errorf("the log says %q", log)
		}
	})
}

func TestTheLastReportSaysTheEndAndDoesNotWaitForASlowServer(t *testing.T) {
	before := runtime.NumGoroutine()
	s, j := newServer(t), &journal{}
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.set(func() {
		s.answers = func(http.ResponseWriter, *http.Request) bool {
			once.Do(func() { close(held) })
			<-release
			return false
		}
	})
	var mu sync.Mutex
	status := Status{Done: 0.25, Remaining: -1}
	r := Start(s.config(), func() Status {
		mu.Lock()
		defer mu.Unlock()
		return status
	}, j.log)
	<-held // the first report is under way, and stays so
	mu.Lock()
	status = Status{Done: 1}
	mu.Unlock()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second/5)
	defer cancel()
	r.Close(ctx)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v to close", took)
	}
	close(release)
	s.set(func() { s.answers, s.said = nil, nil })

	r = Start(s.config(), func() Status { return Status{Done: 1} }, j.log)
	r.Close(t.Context())
	if got := s.taken(); len(got) == 0 || !strings.Contains(got[len(got)-1], `"progressPercentage":100`) {
		t.Errorf("the last report is %v", got)
	}
	s.CloseClientConnections()
	s.Close()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if left := runtime.NumGoroutine() - before; left > 0 {
		t.Errorf("%d goroutines are left", left)
	}
}

func TestWhatIsWrongWithTheVariablesIsToldWithoutTheirPaths(t *testing.T) {
	good := Config{URL: "https://trainer.kubeflow:8082/status", CACert: "/var/run/ca.crt", Token: "/var/run/token"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no TLS":                {func(c *Config) { c.URL = "http://a/b" }, "set the https address"},
		"no address":            {func(c *Config) { c.URL = "trainer" }, "set the https address"},
		"no token":              {func(c *Config) { c.Token = "" }, "KUBEFLOW_TRAINER_SERVER_TOKEN is not"},
		"no authority":          {func(c *Config) { c.CACert = "" }, "KUBEFLOW_TRAINER_SERVER_CA_CERT is not"},
		"the token in its path": {func(c *Config) { c.Token = "eyJhbGciOi" }, "KUBEFLOW_TRAINER_SERVER_TOKEN is not an absolute path"},
	} {
		bad := good
		c.change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
