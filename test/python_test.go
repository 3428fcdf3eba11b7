package test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// python is the interpreter that has PyTorch and PyG.
func python(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	path := os.Getenv("PYTHON")
	if path == "" {
		path = "../.venv/bin/python"
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Skipf("no Python with PyTorch and PyG (make setup): %v", err)
	}
	return path
}

// runPython runs a script of this folder, or a program given as "-c", in a
// process of its own, with the libraries imported (interpreter.py). An error
// holds what it said.
func runPython(t *testing.T, argv ...string) (stdout string, err error) {
	t.Helper()
	interpreter := python(t)
	socket := lab.SharedProcess(t, "Python", func(dir string) []string {
		return []string{interpreter, "interpreter.py", filepath.Join(dir, "socket")}
	}, func(dir string) (string, error) {
		path := filepath.Join(dir, "socket")
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return path, err
	})
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request, err := json.Marshal(map[string][]string{"argv": argv})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(append(request, '\n')); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Code           int
		Stdout, Stderr string
	}
	if err := json.NewDecoder(c).Decode(&answer); err != nil {
		return "", fmt.Errorf("%s crashed: %w", argv[0], err)
	}
	if answer.Code != 0 {
		return answer.Stdout, fmt.Errorf("%s ended with %d:\n%s%s", argv[0], answer.Code, answer.Stdout, answer.Stderr)
	}
	return answer.Stdout, nil
}

// consume has Python read every artefact and returns what it measured.
func consume(t *testing.T, result string) map[string]any {
	t.Helper()
	said, err := runPython(t, "consumer.py", result)
	if err != nil {
		t.Fatalf("Python does not accept the result: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	var measured map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &measured); err != nil {
		t.Fatalf("%v in %s", err, said)
	}
	t.Logf("Python measured %v", measured)
	return measured
}

func TestEachScriptOfPythonRunsInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	if out, err := runPython(t, "-c", "import sys, torch; torch.left = 1; print(sys.argv[1])", "word"); err != nil || out != "word\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := runPython(t, "-c", "import torch; print(hasattr(torch, 'left'))"); err != nil || out != "False\n" {
		t.Errorf("%q, %v", out, err)
	}
	for script, want := range map[string]string{
		"assert 1 > 2, 'this much'":           "this much",
		"raise SystemExit(3)":                 "ended with 3",
		"import os; os.kill(os.getpid(), 11)": "crashed",
	} {
		if _, err := runPython(t, "-c", script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
	}
}
