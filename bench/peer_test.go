package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// peer is a Python process that trains one configuration, and waits on its
// stdin in between.
type peer struct {
	name    string
	pid     int
	asks    io.WriteCloser
	answers *bufio.Reader
}

func startPeer(t *testing.T, folder, configuration string, threads int) *peer {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		t.Fatal("PYTHON names no interpreter with PyG: run `make bench`")
	}
	cmd := exec.Command(python, "peer.py", folder, configuration, strconv.Itoa(threads), strconv.Itoa(batchSize), fmt.Sprint(learningRate))
	// PyTorch waits as it does by itself, whatever ours has been told.
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMP_SPINCOUNT=") })
	cmd.Env = append(own, "LD_LIBRARY_PATH=", fmt.Sprintf("OMP_NUM_THREADS=%d", threads))
	cmd.Stderr = os.Stderr
	asks, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		asks.Close() // the end of its input is the end of the process
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", configuration, err)
		}
	})
	return &peer{configuration, cmd.Process.Pid, asks, bufio.NewReader(answers)}
}

// ask sends a question and waits for the number that answers it.
func (p *peer) ask(t *testing.T, question string) float64 {
	t.Helper()
	if _, err := fmt.Fprintln(p.asks, question); err != nil {
		t.Fatalf("asking %s for %s: %v", p.name, question, err)
	}
	line, err := p.answers.ReadString('\n')
	if err != nil {
		t.Fatalf("asking %s for %s: %v", p.name, question, err)
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		t.Fatalf("asking %s for %s: %v", p.name, question, err)
	}
	return v
}
