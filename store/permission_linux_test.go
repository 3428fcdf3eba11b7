package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// unprivileged runs f as a user that permissions bind: root reads and writes
// whatever they say.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		must(t, syscall.Setfsuid(65534)) // of this thread only
		defer func() { must(t, syscall.Setfsuid(0)) }()
	}
	f()
}

func TestAFolderThatCannotBeWrittenIsToldAndKeepsItsResult(t *testing.T) {
	dir := t.TempDir()
	f := begun(t, dir)
	must(t, f.PutManifest(t.Context(), manifest(put(t, f, "model.pt", "old"))))
	f.Close() // whoever owns the lock's file may open it all the same
	for path := f.Path(); path != filepath.Dir(filepath.Dir(dir)); path = filepath.Dir(path) {
		must(t, os.Chmod(path, 0o555))
		defer func() { must(t, os.Chmod(path, 0o755)) }()
	}
	for name, queue := range map[string]string{"an old folder": "q1", "a new folder": "q2"} {
		again, err := NewFolder(Config{Dir: dir, ModelName: "m1"}, queue)
		must(t, err)
		unprivileged(t, func() { err = again.Begin(t.Context()) })
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "set STORE_DIR") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Verify(f.Path())
	must(t, err)
}
