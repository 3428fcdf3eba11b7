package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnArtefactOfABaselineLiesInItsFolder(t *testing.T) {
	f := begun(t, t.TempDir())
	files := []FileInfo{put(t, f, "model.pt", "model"), put(t, f, "baselines/no_edges/model.pt", "twin"), put(t, f, "baselines/no_edges/weights.pt", "w")}
	if files[1].Name != "baselines/no_edges/model.pt" || content(t, f, "baselines/no_edges/model.pt") != "twin" {
		t.Errorf("%+v", files[1])
	}
	must(t, f.PutManifest(t.Context(), manifest(files...)))
	m, err := Verify(f.Path())
	if err != nil || !slices.Equal(m.Files, files) {
		t.Fatalf("%+v, %v", m, err)
	}
	if read, err := f.Read(t.Context(), "baselines/no_edges/weights.pt"); err != nil || string(read) != "w" {
		t.Errorf("%q, %v", read, err)
	}
	must(t, os.WriteFile(filepath.Join(f.Path(), "baselines", "no_edges", "model.pt"), []byte("TWIN"), 0o600))
	if _, err := Verify(f.Path()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "no_edges/model.pt has the SHA-256") {
		t.Errorf("another content: %v", err)
	}
}

func TestNoArtefactLeavesTheFoldersOfBaselines(t *testing.T) {
	f := begun(t, t.TempDir())
	for _, name := range []string{
		"other/model.pt", "baselines/../model.pt", "baselines//model.pt", "baselines/", "baselines/.x/model.pt", "baselines/x/manifest.json", "/baselines/x/model.pt", `baselines/x\y/model.pt`,
	} {
		if _, err := f.Put(t.Context(), name, text("x")); err == nil {
			t.Errorf("%s is stored", name)
		}
		if _, err := f.Read(t.Context(), name); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestWhatAKilledRunLeftHalfWrittenOfABaselineIsRemoved(t *testing.T) {
	dir := t.TempDir()
	f := begun(t, dir)
	put(t, f, "baselines/no_edges/model.pt", "twin")
	half := filepath.Join(f.Path(), "baselines", "no_edges", ".weights.pt.tmp")
	must(t, os.WriteFile(half, []byte("ha"), 0o600))
	f.Close()
	f = begun(t, dir)
	defer f.Close()
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	if content(t, f, "baselines/no_edges/model.pt") != "twin" {
		t.Error("the whole file is gone")
	}
}
