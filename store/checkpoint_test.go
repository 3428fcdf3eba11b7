package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func opened(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, "q1")
	must(t, err)
	must(t, f.Open(t.Context()))
	t.Cleanup(f.Close)
	return f
}

func TestACheckpointIsReadAsItWasStoredOrRefused(t *testing.T) {
	f := opened(t, t.TempDir())
	if list, err := f.Checkpoints(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("a new folder has %v, %v", list, err)
	}
	var want []FileInfo
	for _, name := range []string{"model-000010.pt", "baseline-000001.pt", "model-000002.pt"} {
		info, err := f.PutCheckpoint(t.Context(), name, text("state of "+name))
		must(t, err)
		want = append(want, info)
	}
	slices.SortFunc(want, func(a, b FileInfo) int { return strings.Compare(a.Name, b.Name) })
	must(t, os.WriteFile(filepath.Join(f.checkpoints(), "notes.txt"), []byte("a file of another's"), 0o600))
	got, err := f.Checkpoints(t.Context())
	must(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for _, info := range got {
		content, err := f.ReadCheckpoint(t.Context(), info)
		if err != nil || string(content) != "state of "+info.Name {
			t.Errorf("%s holds %q, %v", info.Name, content, err)
		}
	}
	for name, spoil := range map[string]func(path string) error{
		"torn":    func(path string) error { return os.Truncate(path, 3) },
		"changed": func(path string) error { return os.WriteFile(path, []byte("STATE of model-000010.pt"), 0o600) },
	} {
		must(t, spoil(filepath.Join(f.checkpoints(), checkpointFile(got[2]))))
		if _, err := f.ReadCheckpoint(t.Context(), got[2]); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, f.RemoveCheckpoint(t.Context(), got[0]))
	must(t, f.RemoveCheckpoint(t.Context(), got[0]))
	if _, err := f.ReadCheckpoint(t.Context(), got[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed one: %v", err)
	}
}

func TestACheckpointThatFailsLeavesNothingAndAKilledOneIsCleared(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, dir)
	boom := errors.New("boom")
	if _, err := f.PutCheckpoint(t.Context(), "model-000001.pt", func(w io.Writer) error {
		return errors.Join(text("half")(w), boom)
	}); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	left := filepath.Join(f.checkpoints(), ".model-000002.pt.tmp")
	must(t, os.WriteFile(left, []byte("half"), 0o600)) // as a killed run leaves it
	if list, err := f.Checkpoints(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	f.Close()
	opened(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed run left is there: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", ".x", ManifestName} {
		if _, err := f.PutCheckpoint(t.Context(), name, text("x")); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestCheckpointsAndUndeliveredEventsStayThroughBegin(t *testing.T) {
	f := opened(t, t.TempDir())
	info, err := f.PutCheckpoint(t.Context(), "model-000001.pt", text("state"))
	must(t, err)
	must(t, f.AppendEvent([]byte(`{"a":1}`)))
	must(t, f.Begin(t.Context()))
	must(t, f.AppendEvent([]byte(`{"a":2}`)))
	if _, err := f.ReadCheckpoint(t.Context(), info); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(filepath.Join(f.Path(), EventsName)); err != nil || string(content) != "{\"a\":1}\n{\"a\":2}\n" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestOnlyAFinishedRunMovesLatest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m1", LatestName)
	for _, status := range []Status{Interrupted, Finished} {
		f := begun(t, dir)
		m := manifest(put(t, f, "model.pt", "model"))
		m.Status, m.Created = status, time.Date(2024, 8, 1, 9, 0, 0, 0, time.UTC)
		must(t, f.PutManifest(t.Context(), m))
		content, err := os.ReadFile(path)
		if status == Interrupted {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an interrupted run moved it to %s", content)
			}
		} else if want := fmt.Sprintf("%q: %q", "model_path", f.Location("model.pt")); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s, %v; want %s in it", content, err, want)
		}
		f.Close()
	}
}
