package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerifyTellsEveryFileThatIsNotWhatTheManifestSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string) error
		want  []string // in the error; none: no error
	}{
		{"nothing is spoilt", func(*testing.T, string) error { return nil }, nil},
		{"a file beside it", func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte("x"), 0o666)
		}, nil},
		{"a missing file and a longer one", func(t *testing.T, dir string) error {
			must(t, os.WriteFile(filepath.Join(dir, "graph.pt"), []byte("graph+"), 0o666))
			return os.Remove(filepath.Join(dir, "model.pt"))
		}, []string{"model.pt is missing", "graph.pt has 6 bytes, its manifest says 5"}},
		{"another content of the same size", func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "model.pt"), []byte("m0del"), 0o666)
		}, []string{"model.pt has the SHA-256 "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begun(t, t.TempDir())
			must(t, f.PutManifest(t.Context(), manifest(put(t, f, "model.pt", "model"), put(t, f, "graph.pt", "graph"))))
			must(t, c.spoil(t, f.Path()))
			_, err := Verify(f.Path())
			if (err == nil) != (c.want == nil) || err != nil && !errors.Is(err, ErrInvalid) {
				t.Fatalf("Verify returns %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not tell %q", err, want)
				}
			}
		})
	}
}

func TestAFolderWithoutAManifestHoldsNoResult(t *testing.T) {
	f := begun(t, t.TempDir())
	put(t, f, "model.pt", "model")
	if _, err := Verify(f.Path()); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInvalid) {
		t.Errorf("Verify returns %v", err)
	}
}

const goodManifest = `{"format_version": 1, "status": "finished", "created": "2024-08-01T09:00:00Z", "files": [
	{"name": "model.pt", "size": 5, "sha256": "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"}],
	"config": {}, "versions": {}, "a later field": 1}`

func TestAManifestThatCannotBeUsedIsRefusedWithTheReason(t *testing.T) {
	if _, err := parseManifest([]byte(goodManifest)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"format_version": 1`, `"format_version": 2`, "format_version 2"},
		{`"format_version": 1, `, ``, "format_version 0"},
		{`finished`, `running`, `status "running"`},
		{`"created": "2024-08-01T09:00:00Z", `, ``, "created"},
		{`2024-08-01T09`, `yesterday`, "no manifest"},
		{`model.pt`, `../../etc/passwd`, "one step of a path"},
		{`model.pt`, `.model.pt.tmp`, "store's own"},
		{`model.pt`, ManifestName, "store's own"},
		{`"files": [`, `"files": [{"name": "model.pt", "size": 0, "sha256": "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"},`, "twice"},
		{`"size": 5`, `"size": -1`, "size -1"},
		{`9372c4`, ``, "SHA-256"},
		{`9372c4`, `zzzzzz`, "SHA-256"},
		{`{`, ``, "no manifest"},
		{`}`, `}` + strings.Repeat(" ", maxManifest), "larger than"},
	} {
		_, err := parseManifest([]byte(strings.Replace(goodManifest, c.old, c.new, 1)))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s instead of %s: %.200v", c.new, c.old, err)
		}
	}
}

// Whatever a manifest.json holds, reading it either refuses it or gives one
// whose files all lie in its own folder and that survives being written.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Add([]byte(`{"format_version": 1, "status": "interrupted", "created": "0001-01-01T00:00:00Z", "files": null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		for _, file := range m.Files {
			if filepath.Base(file.Name) != file.Name || !filepath.IsLocal(file.Name) {
				t.Errorf("%q leads out of the folder", file.Name)
			}
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseManifest(again); err != nil {
			t.Errorf("written as %s it is refused: %v", again, err)
		}
	})
}
