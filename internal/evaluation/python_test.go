package evaluation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runPython gives the JSON that a script of testdata prints. The interpreter
// is the one of PYTHON, or that of the repository's virtual environment.
func runPython(t *testing.T, into any, script string, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".venv", "bin", "python")
		if _, err := os.Stat(python); err != nil {
			t.Skip("no virtual environment at the repository's root and no PYTHON: run `make setup` to compare with Python")
		}
	}
	const find = "import importlib.util as u; print([m for m in ('pandas', 'pyarrow', 'sklearn', 'statsmodels') if u.find_spec(m) is None])"
	missing, err := exec.Command(python, "-c", find).Output()
	if err != nil {
		t.Fatalf("running %s: %v", python, err)
	}
	if got := strings.TrimSpace(string(missing)); got != "[]" {
		t.Skipf("%s lacks the modules %s to compare with", python, got)
	}
	cmd := exec.Command(python, append([]string{filepath.Join("testdata", script)}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s printed no JSON: %v\n%s", script, err, out)
	}
}
