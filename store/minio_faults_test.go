package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// An upload that takes longer than a stalled one is waited for.
func TestASlowLinkIsNotTakenForAStalledOne(t *testing.T) {
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	for name, c := range map[string]struct{ rate, size int }{ // kB/s, bytes
		"one request of 26 seconds":          {250, 6500 << 10},
		"10 kB/s, the end in buffers for 20": {10, 320 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := lab.NewProxy(t, server.Addr)
			var j journal
			config := configOf(t, server, link.Addr)
			config.ModelName += strings.Fields(name)[0] // its own latest.json: both may end at once
			s, err := store.NewMinIO(config, strings.Fields(name)[0], nil, j.log)
			if err == nil {
				defer s.Close()
				err = errors.Join(s.Open(t.Context()), s.Begin(t.Context()))
			}
			if err != nil {
				t.Fatal(err)
			}
			link.Bandwidth(c.rate)
			m := putAll(t, s, large()[:c.size])
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			begin := time.Now()
			if err := s.PutManifest(ctx, m); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < 21*time.Second || len(j.lines) != 0 {
				t.Errorf("it took %v, which shows nothing, or was repeated: %q", took, j.lines)
			}
		})
	}
}

// A checkpoint that the disk has spoilt is no reason to lose the result.
func TestAFileSpoiltOnTheDiskHoldsUpNothingButItsOwnManifest(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	link := lab.NewProxy(t, server.Addr)
	spoil := func(t *testing.T, s *store.MinIO, pattern string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(s.Path(), pattern))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if err := os.Truncate(files[0], 1); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		pattern string
		want    error
	}{
		"checkpoint": {"checkpoints/*.pt", nil},
		"artefact":   {"model.pt", store.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, configOf(t, server, link.Addr), name)
			if err := s.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			link.Cut()
			// It is tried again and again while the files behind it are spoilt.
			if _, err := s.Put(t.Context(), "first.json", bytesWriter([]byte("{}"))); err != nil {
				t.Fatal(err)
			}
			if _, err := s.PutCheckpoint(t.Context(), "model-1.pt", bytesWriter([]byte("state"))); err != nil {
				t.Fatal(err)
			}
			first, err := s.Put(t.Context(), "first.json", bytesWriter([]byte("[]")))
			if err != nil {
				t.Fatal(err)
			}
			m := putAll(t, s, []byte("model"))
			m.Files = append([]store.FileInfo{first}, m.Files...)
			spoil(t, s, c.pattern)
			link.Restore()
			begin := time.Now()
			err = s.PutManifest(t.Context(), m)
			if !errors.Is(err, c.want) || time.Since(begin) > 20*time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			there := slices.Contains(keys(t, client(t, server), "m1/"+name), "m1/"+name+"/manifest.json")
			if there != (c.want == nil) {
				t.Errorf("a manifest is there: %v", there)
			}
		})
	}
}

const killedRun = "GNN_TRAINER_TEST_KILLED_RUN" // the store's Config and queue id, as JSON

type killedConfig struct{ Dir, Addr, AccessKey, SecretKey string }

func (k killedConfig) store() store.Config {
	return store.Config{
		Dir: k.Dir, ModelName: "m1", Endpoint: k.Addr, AccessKey: secret.String(k.AccessKey), SecretKey: secret.String(k.SecretKey),
		Bucket: "models", Timeout: time.Minute,
	}
}

// uploadForever stores one result after another under one name.
func uploadForever(t *testing.T, c killedConfig) {
	s := opened(t, c.store(), "q1")
	model := bytes.Clone(large()[:10<<20])
	for i := 0; ; i++ {
		model[0] = byte(i)
		if err := s.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutCheckpoint(t.Context(), "model-000001.pt", bytesWriter(model[:9<<20])); err != nil {
			t.Fatal(err)
		}
		if err := s.PutManifest(t.Context(), putAll(t, s, model)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARunKilledWhileItUploadsLeavesNoHalfResult(t *testing.T) {
	if text := os.Getenv(killedRun); text != "" {
		var c killedConfig
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		uploadForever(t, c)
	}
	t.Parallel()
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	c := killedConfig{Dir: t.TempDir(), Addr: server.Addr, AccessKey: server.AccessKey, SecretKey: server.SecretKey}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 8))
	other := client(t, server)
	whole := 0
	const kills = 6
	for range kills {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond+time.Duration(random.Int64N(int64(2*time.Second))))
		run := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$")
		run.Env = append(os.Environ(), killedRun+"="+string(text))
		out, err := run.CombinedOutput()
		if ctx.Err() == nil {
			t.Fatalf("it ended by itself: %v\n%s", err, out)
		}
		cancel()
		if belied := download(t, other); belied != "" {
			t.Errorf("the bucket holds half a result: %s", belied)
		} else if slices.Contains(keys(t, other, "m1/q1/"), "m1/q1/manifest.json") {
			whole++
		}
	}
	t.Logf("%d of %d kills left a whole result, the others none", whole, kills)

	// the next start of the same name has its way
	s := opened(t, c.store(), "q1")
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest(t.Context(), putAll(t, s, []byte("model"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Result(t.Context()); err != nil {
		t.Error(err)
	}
}

// download compares what is in the bucket with its manifest, byte for byte.
func download(t *testing.T, c *minio.Client) (belied string) {
	t.Helper()
	get := func(name string) ([]byte, error) {
		object, err := c.GetObject(t.Context(), "models", "m1/q1/"+name, minio.GetObjectOptions{})
		if err != nil {
			return nil, err
		}
		defer object.Close()
		return io.ReadAll(object)
	}
	content, err := get("manifest.json")
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey || minio.ToErrorResponse(err).Code == minio.NoSuchBucket {
		return ""
	}
	var m store.Manifest
	if err != nil || json.NewDecoder(bytes.NewReader(content)).Decode(&m) != nil {
		return "manifest.json cannot be read: " + string(content)
	}
	for _, f := range m.Files {
		content, err := get(f.Name)
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			return f.Name
		}
	}
	return ""
}

func TestAClosedStoreLeavesNothingRunningAndNoParts(t *testing.T) {
	server := lab.StartMinIO(t, lab.MinIOOptions{})
	link := lab.NewProxy(t, server.Addr)
	other := client(t, server)
	defer goroutines(t, runtime.NumGoroutine())
	for name, spoil := range map[string]func(){"quiet": func() {}, "slow": func() { link.Bandwidth(2000) }, "stalled": link.Stall, "cut": link.Cut} {
		t.Run(name, func(t *testing.T) {
			defer link.Restore()
			defer link.Clear()
			s := opened(t, configOf(t, server, link.Addr), name)
			if err := s.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			spoil()
			if _, err := s.Put(t.Context(), "model.pt", bytesWriter(large())); err != nil {
				t.Fatal(err)
			}
			begun := func() (n int) {
				for range other.ListIncompleteUploads(t.Context(), "models", "m1/"+name+"/model.pt", true) {
					n++
				}
				return n
			}
			reachable := name == "quiet" || name == "slow"
			for reachable && begun() == 0 {
				runtime.Gosched()
			}
			begin := time.Now()
			s.Close()
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("Close took %v", took)
			}
			if n := begun(); reachable && n != 0 {
				t.Errorf("%d uploads in parts are left", n)
			}
		})
	}
}

// goroutines waits for those that end by themselves, and fails if more than so
// many are left.
func goroutines(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
