package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begun is a prepared folder of the run q1 under dir.
func begun(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, "q1")
	must(t, err)
	must(t, f.Begin(t.Context()))
	return f
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func put(t *testing.T, f *Folder, name, content string) FileInfo {
	t.Helper()
	info, err := f.Put(t.Context(), name, text(content))
	must(t, err)
	return info
}

func content(t *testing.T, f *Folder, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.Path(), name))
	must(t, err)
	return string(b)
}

// names lists all that lies in the folder, hidden files too; the lock stays.
func names(t *testing.T, f *Folder) []string {
	t.Helper()
	entries, err := os.ReadDir(f.Path())
	must(t, err)
	var list []string
	for _, e := range entries {
		if e.Name() != lockName {
			list = append(list, e.Name())
		}
	}
	return list
}

func manifest(files ...FileInfo) Manifest {
	return Manifest{
		Status: Finished, Created: time.Date(2024, 8, 1, 10, 0, 0, 5, time.FixedZone("", 3600)), Files: files,
		Config: map[string]string{"EPOCHS": "100"}, Versions: map[string]string{"gnn_trainer": "test"},
	}
}

func TestAResultIsWholeAndItsManifestSaysWhatLiesThere(t *testing.T) {
	dir := t.TempDir()
	f := begun(t, dir)
	model := put(t, f, "model.pt", "weights")
	graph := put(t, f, "graph.pt", strings.Repeat("g", 1<<20))
	must(t, f.PutManifest(t.Context(), manifest(model, graph)))

	// printf weights | sha256sum
	if want := (FileInfo{"model.pt", 7, "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"}); model != want {
		t.Errorf("model.pt is %+v", model)
	}
	if got, want := f.Path(), filepath.Join(dir, "m1", "q1"); got != want {
		t.Errorf("it lies in %s, not in %s", got, want)
	}
	if got := names(t, f); !slices.Equal(got, []string{"graph.pt", "manifest.json", "model.pt"}) {
		t.Errorf("the folder holds %v", got)
	}
	m, err := Verify(f.Path())
	must(t, err)
	if m.FormatVersion != 1 || m.Status != Finished || !slices.Equal(m.Files, []FileInfo{model, graph}) || m.Config["EPOCHS"] != "100" {
		t.Errorf("the manifest is %+v", m)
	}
	if got := content(t, f, ManifestName); !strings.Contains(got, `"created": "2024-08-01T09:00:00Z"`) {
		t.Errorf("created is not in UTC and whole seconds: %s", got)
	}
}

func TestAManifestWithoutAnythingHasEmptyListsNotNull(t *testing.T) {
	f := begun(t, t.TempDir())
	must(t, f.PutManifest(t.Context(), Manifest{Status: Interrupted, Created: time.Now()}))
	if got := content(t, f, ManifestName); strings.Contains(got, "null") {
		t.Error(got)
	}
	_, err := Verify(f.Path())
	must(t, err)
}

func TestNamesThatAreNoPathStepAreRefused(t *testing.T) {
	bad := []string{"", ".", "..", "a/b", "../x", "/etc", `a\b`, "a\x00b", "a\nb", "a\xffb", strings.Repeat("n", maxName+1)}
	for _, name := range bad {
		for variable, make := range map[string]func() (*Folder, error){
			"QUEUE_ID":   func() (*Folder, error) { return NewFolder(Config{Dir: "out", ModelName: "m"}, name) },
			"MODEL_NAME": func() (*Folder, error) { return NewFolder(Config{Dir: "out", ModelName: name}, "q") },
		} {
			if _, err := make(); err == nil || !strings.HasPrefix(err.Error(), variable+" ") {
				t.Errorf("%s %q: %v", variable, name, err)
			}
		}
	}
	for _, name := range []string{"gnn-train-btcusdt-20240801-abc", "a..b", "модель v1.0", "-", "q:1"} {
		if _, err := NewFolder(Config{Dir: "out", ModelName: name}, name); err != nil {
			t.Errorf("%q is a good name: %v", name, err)
		}
	}

	f := begun(t, t.TempDir())
	for _, name := range append(bad, ".hidden", ManifestName) {
		wrote := false
		if _, err := f.Put(t.Context(), name, func(io.Writer) error { wrote = true; return nil }); err == nil || wrote {
			t.Errorf("the file %q: written %v, error %v", name, wrote, err)
		}
	}
	if got := names(t, f); len(got) != 0 {
		t.Errorf("refused names left %v", got)
	}
	if _, err := NewFolder(Config{ModelName: "m"}, "q"); err == nil || !strings.Contains(err.Error(), "STORE_DIR") {
		t.Errorf("no STORE_DIR: %v", err)
	}
}

func TestAFailedWriteLeavesTheOldFileAndNothingElse(t *testing.T) {
	boom := errors.New("boom")
	cancelled, cancel := context.WithCancelCause(t.Context())
	for _, c := range []struct {
		name  string
		ctx   context.Context
		write func(io.Writer) error
		want  error
	}{
		{"the writer fails before its first byte", t.Context(), func(io.Writer) error { return boom }, boom},
		{"the writer fails after a buffer's worth", t.Context(), func(w io.Writer) error {
			_, _ = w.Write(make([]byte, 1<<20))
			return boom
		}, boom},
		{"the disk is full", t.Context(), func(_ io.Writer) error {
			return &fs.PathError{Op: "write", Path: "model.pt", Err: syscall.ENOSPC}
		}, syscall.ENOSPC},
		{"the run is cancelled meanwhile", cancelled, func(w io.Writer) error {
			_, _ = io.WriteString(w, "new")
			cancel(boom)
			_, err := io.WriteString(w, "er")
			return err
		}, boom},
		{"the run is cancelled and the writer does not notice", cancelled, func(io.Writer) error { return nil }, boom},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begun(t, t.TempDir())
			old := put(t, f, "model.pt", "old")
			info, err := f.Put(c.ctx, "model.pt", c.write)
			if !errors.Is(err, c.want) || info != (FileInfo{}) {
				t.Errorf("got %+v, %v", info, err)
			}
			if !strings.Contains(err.Error(), "model.pt") || !strings.Contains(err.Error(), f.Path()) {
				t.Errorf("%q does not say what was stored where", err)
			}
			if got := content(t, f, "model.pt"); got != "old" {
				t.Errorf("the old file became %q", got)
			}
			if got := names(t, f); !slices.Equal(got, []string{"model.pt"}) {
				t.Errorf("the folder holds %v", got)
			}
			must(t, f.PutManifest(t.Context(), manifest(old)))
		})
	}
}

func TestAPanicOfTheWriterLeavesNothing(t *testing.T) {
	f := begun(t, t.TempDir())
	func() {
		defer func() { _ = recover() }()
		_, _ = f.Put(t.Context(), "model.pt", func(_ io.Writer) error { panic("boom") })
	}()
	if got := names(t, f); len(got) != 0 {
		t.Errorf("the folder holds %v", got)
	}
}

func TestAFullDiskIsToldWithTheWayOut(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full, the device that is always full:", err)
	}
	defer full.Close()
	f := begun(t, t.TempDir())
	_, err = f.Put(t.Context(), "model.pt", func(w io.Writer) error {
		_, err := io.WriteString(io.MultiWriter(w, full), "weights")
		return err
	})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk is full: free some space or set STORE_DIR") {
		t.Errorf("the error is %v", err)
	}
	if got := names(t, f); len(got) != 0 {
		t.Errorf("the folder holds %v", got)
	}
}

func TestAFileWhereAFolderMustBeIsToldWithTheWayOut(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "m1"), nil, 0o666))
	f, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, "q1")
	must(t, err)
	if err = f.Begin(t.Context()); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), "set STORE_DIR") {
		t.Errorf("the error is %v", err)
	}
}

func TestBeginTakesTheOldResultBackAndClearsWhatAKillLeft(t *testing.T) {
	dir := t.TempDir()
	f := begun(t, dir)
	must(t, f.PutManifest(t.Context(), manifest(put(t, f, "model.pt", "old"))))
	f.Close()
	must(t, os.WriteFile(filepath.Join(f.Path(), ".graph.pt.tmp"), []byte("half"), 0o666))
	must(t, os.WriteFile(filepath.Join(f.Path(), "events.jsonl"), nil, 0o666))

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	again, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, "q1")
	must(t, err)
	if err := again.Begin(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Begin returns %v", err)
	}
	_, err = Verify(f.Path())
	must(t, err) // still the old result

	must(t, again.Begin(t.Context()))
	if got := names(t, f); !slices.Equal(got, []string{"events.jsonl", "model.pt"}) {
		t.Errorf("Begin left %v", got)
	}
}

func TestOfTwoRunsOfOneNameTheSecondIsRefusedUntilTheFirstCloses(t *testing.T) {
	dir := t.TempDir()
	f := begun(t, dir)
	graph := put(t, f, "graph.pt", "first")
	second, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, "q1")
	must(t, err)
	if err := second.Open(t.Context()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "QUEUE_ID") {
		t.Errorf("the second run opens with %v", err)
	}
	must(t, f.PutManifest(t.Context(), manifest(graph))) // undisturbed
	f.Close()
	must(t, second.Open(t.Context()))
	defer second.Close()
	_, err = Verify(f.Path())
	must(t, err) // opening takes nothing back
}

func TestFilesArePutBetweenBeginAndTheManifestOnly(t *testing.T) {
	f, err := NewFolder(Config{Dir: t.TempDir(), ModelName: "m1"}, "q1")
	must(t, err)
	refused := func(when string) {
		t.Helper()
		if _, err := f.Put(t.Context(), "model.pt", text("x")); err == nil || !strings.Contains(err.Error(), "Begin") {
			t.Errorf("a file %s: %v", when, err)
		}
		if err := f.PutManifest(t.Context(), manifest()); err == nil {
			t.Errorf("a manifest %s is accepted", when)
		}
	}
	refused("before Begin")
	must(t, f.Begin(t.Context()))
	must(t, f.PutManifest(t.Context(), manifest()))
	refused("after the manifest")
}

func TestAManifestVouchesForExactlyWhatWasPut(t *testing.T) {
	f := begun(t, t.TempDir())
	first := put(t, f, "model.pt", "first")
	graph := put(t, f, "graph.pt", "graph")
	model := put(t, f, "model.pt", "second")
	for name, files := range map[string][]FileInfo{
		"a replaced file": {first, graph}, "a file too few": {graph}, "another order": {model, graph},
		"one never put": {graph, model, {"x.pt", 1, model.SHA256}}, "none": nil,
	} {
		if err := f.PutManifest(t.Context(), manifest(files...)); err == nil {
			t.Errorf("a manifest with %s is accepted", name)
		}
	}
	for name, m := range map[string]Manifest{
		"no status":  {Created: time.Now(), Files: []FileInfo{graph, model}},
		"no created": {Status: Finished, Files: []FileInfo{graph, model}},
	} {
		if err := f.PutManifest(t.Context(), m); !errors.Is(err, ErrInvalid) {
			t.Errorf("a manifest with %s: %v", name, err)
		}
	}
	must(t, f.PutManifest(t.Context(), manifest(graph, model)))
	_, err := Verify(f.Path())
	must(t, err)
}

// killed, set by TestAKilledRunLeavesNoHalfFile, makes this process the run
// that is killed.
const killed = "GNN_TRAINER_TEST_KILLED_IN"

func TestAKilledRunLeavesNoHalfFile(t *testing.T) {
	if dir := os.Getenv(killed); dir != "" {
		f := begun(t, dir)
		put(t, f, "graph.pt", "new graph")
		_, _ = f.Put(t.Context(), "model.pt", func(w io.Writer) error {
			must(t, text(strings.Repeat("new", 1<<20))(w))
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		})
		t.Fatal("survived SIGKILL")
	}
	dir := t.TempDir()
	f := begun(t, dir)
	must(t, f.PutManifest(t.Context(), manifest(put(t, f, "graph.pt", "old graph"), put(t, f, "model.pt", "old model"))))
	f.Close()

	self, err := os.Executable()
	must(t, err)
	run := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	run.Env = append(os.Environ(), killed+"="+dir)
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the run was not killed: %v\n%s", err, out)
	}
	if got := names(t, f); !slices.Equal(got, []string{".model.pt.tmp", "graph.pt", "model.pt"}) {
		t.Errorf("the killed run left %v", got)
	}
	if g, m := content(t, f, "graph.pt"), content(t, f, "model.pt"); g != "new graph" || m != "old model" {
		t.Errorf("the killed run left %q and %q", g, m)
	}
	if _, err := Verify(f.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed run left counts as a result: %v", err)
	}
	f = begun(t, dir)
	if got := names(t, f); !slices.Equal(got, []string{"graph.pt", "model.pt"}) {
		t.Errorf("the next run begins with %v", got)
	}
}

func TestALocationIsAnAddressOthersCanOpen(t *testing.T) {
	f, err := NewFolder(Config{Dir: "/srv/models", ModelName: "модель 1"}, "q#1")
	must(t, err)
	if got, want := f.Location("model.pt"), "file:///srv/models/%D0%BC%D0%BE%D0%B4%D0%B5%D0%BB%D1%8C%201/q%231/model.pt"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func ExampleCheckName() {
	fmt.Println(CheckName("../other"))
	// Output: that is one step of a path, without '/'
}
