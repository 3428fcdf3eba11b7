package store_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/streamforge/gnn-trainer/store"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// run is what stores a result.
type run interface {
	Begin(ctx context.Context) error
	Put(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error)
	PutManifest(ctx context.Context, m store.Manifest) error
}

// finish stores a result of one artefact.
func finish(t *testing.T, s run, status store.Status, content string) {
	t.Helper()
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := s.Put(t.Context(), "metrics.json", func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest(t.Context(), store.Manifest{Status: status, Created: time.Unix(1, 0), Files: []store.FileInfo{info}}); err != nil {
		t.Fatal(err)
	}
}

func others(t *testing.T, s interface {
	Others(ctx context.Context, name string) ([]store.Other, error)
},
) (list []string) {
	t.Helper()
	all, err := s.Others(t.Context(), "metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		list = append(list, o.QueueID+"="+string(o.Content))
	}
	return list
}

func TestAFolderTellsOfTheOtherRunsThatHaveFinished(t *testing.T) {
	c := store.Config{Dir: t.TempDir(), ModelName: "m1"}
	folder := func(model, queue string) *store.Folder {
		of := c
		of.ModelName = model
		f, err := store.NewFolder(of, queue)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		return f
	}
	own := folder("m1", "q5")
	if list := others(t, own); list != nil {
		t.Errorf("before the first run: %v", list)
	}
	finish(t, own, store.Finished, "own")
	finish(t, folder("m1", "q9"), store.Finished, "nine")
	finish(t, folder("m1", "q1"), store.Finished, "one")
	finish(t, folder("m1", "q2"), store.Interrupted, "stopped")
	finish(t, folder("m2", "q3"), store.Finished, "another model")
	changed := folder("m1", "q4")
	finish(t, changed, store.Finished, "four")
	if err := os.WriteFile(filepath.Join(changed.Path(), "metrics.json"), []byte("five"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "m1", "q6", "checkpoints"), 0o700); err != nil { // is at work
		t.Fatal(err)
	}
	if list := others(t, own); !slices.Equal(list, []string{"q1=one", "q9=nine"}) {
		t.Errorf("%v", list)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := own.Others(ended, "metrics.json"); err == nil {
		t.Error("it goes on after its context")
	}
}

func TestABucketTellsOfTheOtherRunsThatHaveFinished(t *testing.T) {
	m := lab.StartMinIO(t, lab.MinIOOptions{})
	c := configOf(t, m, m.Addr)
	own := opened(t, c, "q5")
	finish(t, own, store.Finished, "own")
	finish(t, opened(t, c, "q9"), store.Finished, "nine")
	finish(t, opened(t, c, "q1"), store.Finished, "one")
	finish(t, opened(t, c, "q2"), store.Interrupted, "stopped")
	finish(t, opened(t, c, "q4"), store.Finished, "four")
	if err := client(t, m).RemoveObject(t.Context(), "models", "m1/q4/metrics.json", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if list := others(t, own); !slices.Equal(list, []string{"q1=one", "q9=nine"}) {
		t.Errorf("%v", list)
	}
}

func TestABucketHoldsTheArtefactsOfABaseline(t *testing.T) {
	m := lab.StartMinIO(t, lab.MinIOOptions{})
	s := opened(t, configOf(t, m, m.Addr), "q1")
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	const name = "baselines/no_edges/model.pt"
	info, err := s.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, "twin"); return err })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutManifest(t.Context(), store.Manifest{Status: store.Finished, Created: time.Unix(1, 0), Files: []store.FileInfo{info}}); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Result(t.Context()); err != nil || found.Files[0] != info {
		t.Errorf("%+v, %v", found, err)
	}
	if content, err := s.Read(t.Context(), name); err != nil || string(content) != "twin" {
		t.Errorf("%q, %v", content, err)
	}
	if stored := keys(t, client(t, m), "m1/q1/baselines/"); !slices.Equal(stored, []string{"m1/q1/" + name}) {
		t.Errorf("%v", stored)
	}
	if _, err := os.Stat(filepath.Join(s.Path(), filepath.FromSlash(name))); err == nil {
		t.Error("it is still staged")
	}
}
