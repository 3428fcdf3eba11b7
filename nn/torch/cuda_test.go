package torch_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// driver compiles a libcuda.so.1 whose cuInit returns init and whose version is
// that number, and gives its folder.
func driver(t *testing.T, init, version string) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "cuda.c")
	text := "int cuInit(unsigned f) { return " + init + "; }\n" +
		"int cuDriverGetVersion(int *v) { *v = " + version + "; return 0; }\n" +
		"int cuGetErrorString(int e, const char **s) { *s = \"a fault of the test\"; return 0; }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", filepath.Join(dir, "libcuda.so.1"), source).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// The driver is opened once in a process: each case has its own, in which this
// test runs again.
func TestADriverThatCannotBeUsedIsToldFromNone(t *testing.T) {
	if want := os.Getenv("GNN_TEST_DRIVER"); want != "" {
		err := newThread(t).Do(func() error {
			_, err := torch.LoadCUDA()
			return err
		})
		if !errors.Is(err, torch.ErrNoCUDA) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an ErrNoCUDA of %q", err, want)
		}
		if unusable := os.Getenv("GNN_TEST_UNUSABLE") != ""; errors.Is(err, torch.ErrUnusableCUDA) != unusable {
			t.Errorf("%v: unusable %v, want %v", err, !unusable, unusable)
		}
		return
	}
	for name, c := range map[string]struct{ init, version, says, unusable string }{
		"a driver of CUDA 12":          {"0", "12040", "serves CUDA 12.4, and libtorch 2.11.0 needs CUDA 13.0, which driver 580 and later serve", "yes"},
		"a driver without a GPU":       {"100", "13000", "no GPU is visible", ""},
		"a driver that does not start": {"803", "13000", "error 803 (a fault of the test)", "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.SplitN(t.Name(), "/", 2)[0]+"$", "-test.v")
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+driver(t, c.init, c.version)+":"+os.Getenv("LD_LIBRARY_PATH"),
				"GNN_TEST_DRIVER="+c.says, "GNN_TEST_UNUSABLE="+c.unusable)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
