package store_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func configOf(t *testing.T, m *lab.MinIO, addr string) store.Config {
	return store.Config{
		Dir: t.TempDir(), ModelName: "m1", Endpoint: addr, AccessKey: secret.String(m.AccessKey), SecretKey: secret.String(m.SecretKey),
		Bucket: "models", Secure: m.CAPath != "", Timeout: time.Minute,
	}
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

func opened(t *testing.T, c store.Config, queue string) *store.MinIO {
	t.Helper()
	var j journal
	s, err := store.NewMinIO(c, queue, nil, j.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// client is one of another's own.
func client(t *testing.T, m *lab.MinIO) *minio.Client {
	t.Helper()
	c, err := minio.New(m.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, ""), Transport: &http.Transport{DisableKeepAlives: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keys(t *testing.T, c *minio.Client, prefix string) []string {
	t.Helper()
	var names []string
	for object := range c.ListObjects(t.Context(), "models", minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		names = append(names, object.Key)
	}
	return names
}

func bytesWriter(content []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(content); return err }
}

// putAll stores two artefacts and returns what a manifest says of them.
func putAll(t *testing.T, s *store.MinIO, model []byte) store.Manifest {
	t.Helper()
	m := store.Manifest{Status: store.Finished, Created: time.Now()}
	for name, content := range map[string][]byte{"model.pt": model, "metrics.json": []byte("{}")} {
		info, err := s.Put(t.Context(), name, bytesWriter(content))
		if err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, info)
	}
	return m
}

// large is content of five parts, which nobody changes.
var large = sync.OnceValue(func() []byte {
	b := make([]byte, 40<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
})

func TestAResultInABucketIsWholeAndNamedLast(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	c := configOf(t, server, server.Addr)
	s := opened(t, c, "q1")
	if _, err := s.Result(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty bucket gives %v", err)
	}
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	model := large()
	m := putAll(t, s, model)
	if err := s.PutManifest(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	other := client(t, server)
	if got := keys(t, other, ""); !slices.Equal(got, []string{"m1/latest.json", "m1/q1/manifest.json", "m1/q1/metrics.json", "m1/q1/model.pt"}) {
		t.Errorf("the bucket holds %v", got)
	}
	got, err := s.Result(t.Context())
	if err != nil || got.Status != store.Finished || !slices.Equal(got.Files, m.Files) {
		t.Errorf("%+v, %v", got, err)
	}
	if content, err := s.Read(t.Context(), "model.pt"); err != nil || !bytes.Equal(content, model) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Path(), "[^.]*")); len(left) != 0 {
		t.Errorf("staged still: %v", left)
	}
	var latest store.Latest
	object, err := other.GetObject(t.Context(), "models", "m1/latest.json", minio.GetObjectOptions{})
	if err == nil {
		err = json.NewDecoder(object).Decode(&latest)
	}
	if err != nil || latest.QueueID != "q1" || latest.Manifest != "q1/manifest.json" || latest.ModelPath != "s3://models/m1/q1/model.pt" {
		t.Errorf("%+v, %v", latest, err)
	}

	// an interrupted run does not move it
	s2 := opened(t, c, "q2")
	if err := s2.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	m2 := putAll(t, s2, []byte("x"))
	m2.Status = store.Interrupted
	if err := s2.PutManifest(t.Context(), m2); err != nil {
		t.Fatal(err)
	}
	if object, err = other.GetObject(t.Context(), "models", "m1/latest.json", minio.GetObjectOptions{}); err == nil {
		err = json.NewDecoder(object).Decode(&latest)
	}
	if err != nil || latest.QueueID != "q1" {
		t.Errorf("latest.json moved to %+v, %v", latest, err)
	}

	// what another client changes is seen, and Begin takes the result back
	if _, err := other.PutObject(t.Context(), "models", "m1/q1/metrics.json", strings.NewReader("[]"), 2, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Result(t.Context()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a changed object gives %v", err)
	}
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Result(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Begin: %v", err)
	}
}

func TestWhatOnlyTheUserMendsIsToldAtOnceByItsVariable(t *testing.T) {
	plain, secure := lab.StartMinIO(t, lab.MinIOOptions{}), lab.StartMinIO(t, lab.MinIOOptions{TLS: true})
	for name, c := range map[string]struct {
		server *lab.MinIO
		ca     string
		change func(*store.Config)
		says   string
	}{
		"all is well over TLS":    {secure, secure.CAPath, func(*store.Config) {}, ""},
		"a wrong secret":          {plain, "", func(c *store.Config) { c.SecretKey = "canary-wrong" }, "MINIO_SECRET_KEY"},
		"a wrong key":             {plain, "", func(c *store.Config) { c.AccessKey = "canary-wrong" }, "MINIO_ACCESS_KEY"},
		"a wrong CA":              {secure, secure.OtherCAPath, func(*store.Config) {}, "CA_PATH"},
		"no CA":                   {secure, "", func(*store.Config) {}, "CA_PATH"},
		"TLS to a plain server":   {plain, "", func(c *store.Config) { c.Secure = true }, "MINIO_SECURE=false"},
		"plaintext to one of TLS": {secure, "", func(c *store.Config) { c.Secure = false }, "MINIO_SECURE=true"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configOf(t, c.server, c.server.Addr)
			c.change(&config)
			var roots *x509.CertPool
			if c.ca != "" {
				pem, err := os.ReadFile(c.ca)
				if err != nil {
					t.Fatal(err)
				}
				roots = x509.NewCertPool()
				roots.AppendCertsFromPEM(pem)
			}
			var j journal
			s, err := store.NewMinIO(config, "q1", roots, j.log)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			begin := time.Now()
			err = s.Open(t.Context())
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			t.Logf("after %v: %v", time.Since(begin).Round(time.Millisecond), err)
			if !errors.Is(err, fault.ErrRejected) || !strings.Contains(err.Error(), c.says) || time.Since(begin) > 15*time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			if err != nil && strings.Contains(err.Error()+fmt.Sprint(j.lines), "canary") {
				t.Errorf("%v shows a key", err)
			}
		})
	}
}

// Whatever happens to the link, there is a whole result in the end.
func TestAResultGetsThroughEveryFaultOfTheLink(t *testing.T) {
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	link := lab.NewProxy(t, server.Addr)
	for _, fault := range []struct {
		name        string
		begin, mend func()
		lasts       time.Duration
	}{
		{"none", func() {}, func() {}, 0},
		{"a cut", link.Cut, link.Restore, time.Second},
		{"a stall", link.Stall, link.Clear, time.Second},
		{"slow", func() { link.Bandwidth(3000) }, link.Clear, 3 * time.Second},
		{"resets in the middle", func() { link.ResetAfter(5 << 20) }, link.Clear, 2 * time.Second},
		{"a restart", server.Kill, server.Start, 100 * time.Millisecond},
	} {
		t.Run(fault.name, func(t *testing.T) {
			c := configOf(t, server, link.Addr)
			s := opened(t, c, "q-"+strings.ReplaceAll(fault.name, " ", "-"))
			if err := s.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			fault.begin()
			begin := time.Now()
			m := putAll(t, s, large())
			if waited := time.Since(begin); waited > 5*time.Second {
				t.Errorf("Put waited %v for the link", waited)
			}
			published := make(chan error, 1)
			go func() { published <- s.PutManifest(t.Context(), m) }()
			select {
			case err := <-published:
				if err != nil {
					t.Fatal(err)
				}
				published <- nil
			case <-time.After(fault.lasts):
			}
			fault.mend()
			if err := <-published; err != nil {
				t.Fatal(err)
			}
			if _, err := s.Result(t.Context()); err != nil {
				t.Error(err)
			}
			t.Logf("it took %v", time.Since(begin).Round(time.Millisecond))
		})
	}
}

func TestWhileTheStoreIsAwayEverythingIsOnDiskAndTheErrorSaysWhere(t *testing.T) {
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	link := lab.NewProxy(t, server.Addr)
	c := configOf(t, server, link.Addr)
	c.Timeout = 2 * time.Second
	for name, spoil := range map[string]func(){"cut": link.Cut, "stalled": link.Stall} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, c, "q-"+name)
			if err := s.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			m := putAll(t, s, []byte("model"))
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			spoil()
			info, err := s.Put(t.Context(), "late.json", bytesWriter([]byte("{}")))
			if err != nil {
				t.Fatal(err)
			}
			m.Files = append(m.Files, info)
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			begin := time.Now()
			err = s.PutManifest(ctx, m)
			if !errors.Is(err, store.ErrNotUploaded) || !strings.Contains(err.Error(), s.Path()) || time.Since(begin) > 15*time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			if _, err := store.Verify(s.Path()); err != nil {
				t.Errorf("the staging folder: %v", err)
			}
			begin = time.Now()
			s.Close()
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("Close took %v", took)
			}
			link.Clear()
			link.Restore()
			if got := keys(t, client(t, server), "m1/q-"+name); slices.Contains(got, "m1/q-"+name+"/manifest.json") {
				t.Errorf("the bucket holds %v", got)
			}
		})
	}
}

func TestAServerThatIsAwayAtTheStartIsWaitedFor(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	server.Kill()
	var j journal
	s, err := store.NewMinIO(configOf(t, server, server.Addr), "q1", nil, j.log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() { done <- s.Open(t.Context()) }()
	time.Sleep(500 * time.Millisecond) // some attempts fail
	server.Start()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(j.lines) != 1 {
		t.Errorf("logged %q", j.lines)
	}
}

func TestAnUndeliveredEventGoesToTheBucketToo(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	s := opened(t, configOf(t, server, server.Addr), "q1")
	for _, e := range []string{`{"status":"started"}`, `{"status":"finished"}`} {
		if err := s.AppendEvent([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	object, err := client(t, server).GetObject(t.Context(), "models", "m1/q1/events.jsonl", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(object); err != nil || string(content) != "{\"status\":\"started\"}\n{\"status\":\"finished\"}\n" {
		t.Errorf("%q, %v", content, err)
	}
}

// A server under load answers some requests with 503: each is repeated until it
// is answered, and the result is whole.
func TestAServerThatIsBusyNowAndThenIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	front := lab.NewS3Proxy(t, server.Addr)
	n := 0
	front.Answer(func(*http.Request) (int, string) {
		if n++; n%2 == 0 {
			return http.StatusServiceUnavailable, "SlowDown"
		}
		return 0, ""
	})
	s := opened(t, configOf(t, server, front.Addr), "q1")
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := putAll(t, s, large())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.PutManifest(ctx, m); err != nil {
		t.Fatal(err)
	}
	if front.Answered() == 0 {
		t.Error("the server was never busy, so this test shows nothing")
	}
	front.Answer(nil)
	if _, err := s.Result(t.Context()); err != nil {
		t.Error(err)
	}
}
