package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// A run that was killed between its manifest and latest.json left that behind.
func TestLatestMovesToAFinishedResultUnlessItNamesANewerOne(t *testing.T) {
	created := time.Date(2024, 8, 1, 10, 0, 0, 7, time.UTC)
	named := func(queue string, at time.Time) string {
		b, err := json.Marshal(store.Latest{FormatVersion: 1, QueueID: queue, Created: at, Manifest: queue + "/manifest.json"})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cases := map[string]struct{ before, after string }{
		"none is there":  {"", "q1"},
		"half a file":    {`{"queue_id":"q0","crea`, "q1"},
		"an empty one":   {`{}`, "q1"},
		"an older one":   {named("q0", created.Add(-time.Second)), "q1"},
		"itself":         {named("q1", created.Truncate(time.Second)), "q1"},
		"one as old":     {named("q2", created.Truncate(time.Second)), "q2"},
		"a newer one":    {named("q3", created.Add(time.Hour)), "q3"},
		"a text instead": {"latest", "q1"},
	}
	m := store.Manifest{Status: store.Finished, Created: created}
	check := func(t *testing.T, content []byte, after string) {
		t.Helper()
		var latest store.Latest
		if err := json.Unmarshal(content, &latest); err != nil || latest.QueueID != after || latest.Manifest != after+"/manifest.json" {
			t.Errorf("it says %s, want %s", content, after)
		}
	}

	t.Run("folder", func(t *testing.T) {
		for name, c := range cases {
			dir := t.TempDir()
			f, err := store.NewFolder(store.Config{Dir: dir, ModelName: "m1"}, "q1")
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "m1", store.LatestName)
			if c.before != "" {
				if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.MoveLatest(t.Context(), m); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			f.Close()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			check(t, content, c.after)
		}
	})
	t.Run("bucket", func(t *testing.T) {
		server := lab.StartMinIO(t, lab.MinIOOptions{})
		s := opened(t, configOf(t, server, server.Addr), "q1")
		other := client(t, server)
		for name, c := range cases {
			if c.before == "" {
				_ = other.RemoveObject(t.Context(), "models", "m1/latest.json", minio.RemoveObjectOptions{})
			} else if _, err := other.PutObject(t.Context(), "models", "m1/latest.json", strings.NewReader(c.before), int64(len(c.before)), minio.PutObjectOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := s.MoveLatest(t.Context(), m); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			object, err := other.GetObject(t.Context(), "models", "m1/latest.json", minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var content bytes.Buffer
			if _, err := io.Copy(&content, object); err != nil {
				t.Error(err)
			}
			check(t, content.Bytes(), c.after)
			if latest, err := s.Latest(t.Context()); err != nil || latest.QueueID != c.after {
				t.Errorf("%s: read as %+v, %v", name, latest, err)
			}
		}
		if err := other.RemoveObject(t.Context(), "models", "m1/latest.json", minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Latest(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without one: %v", err)
		}
	})
}

func TestLatestIsReadOrRejectedWithItsReason(t *testing.T) {
	dir := t.TempDir()
	f, err := store.NewFolder(store.Config{Dir: dir, ModelName: "m1"}, "q1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Latest(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without one: %v", err)
	}
	if err := f.MoveLatest(t.Context(), store.Manifest{Status: store.Finished, Created: time.Now()}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.MoveLatest(t.Context(), store.Manifest{Status: store.Finished, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	latest, err := f.Latest(t.Context())
	if err != nil || latest.QueueID != "q1" || latest.ModelPath != f.Location("model.pt") {
		t.Errorf("%+v, %v", latest, err)
	}
	for content, want := range map[string]string{
		`{"format_version":1,"queue_id":"q`:         "cannot be read",
		`{"format_version":2,"queue_id":"q1"}`:      "has format_version 2",
		`{"format_version":1,"queue_id":"../m2/q"}`: "names the run \"../m2/q\"",
		`{"format_version":1}`:                      "names the run",
	} {
		if err := os.WriteFile(filepath.Join(dir, "m1", store.LatestName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Latest(t.Context()); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", content, err)
		}
	}
}
