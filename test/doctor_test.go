package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/lab"
)

// diagnosis is what doctor prints with --json.
type diagnosis struct {
	Version string
	Checks  []struct{ Name, Status, Message, Mend string }
	OK      bool
}

// doctor runs the program's doctor, which interrupt, where it is not nil, ends.
func doctor(t *testing.T, vars map[string]string, interrupt <-chan struct{}, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"doctor"}, args...)...)
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if interrupt != nil {
		select {
		case <-interrupt:
			_ = cmd.Process.Signal(syscall.SIGINT)
		case <-time.After(time.Minute):
			t.Error("it has not begun")
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), told.String()
}

func TestTheDoctorTellsMachinesAndPeopleWhetherARunCanStart(t *testing.T) {
	t.Parallel()
	nobody := fmt.Sprintf("localhost:%d", lab.FreePort(t))
	for name, c := range map[string]struct {
		set      map[string]string
		code     int
		failed   string
		sentence string
	}{
		"a run that can start":     {nil, 0, "", "a run can start"},
		"a wrong variable":         {map[string]string{"EPOCHS": "x"}, 2, "configuration", "fix this before running"},
		"brokers that do not run":  {map[string]string{"KAFKA_BOOTSTRAP_SERVERS": nobody}, 1, "kafka", "the failures may be temporary, try again"},
		"both, and a secret in it": {map[string]string{"KAFKA_BOOTSTRAP_SERVERS": nobody, "KAFKA_USER": "u", "KAFKA_PASSWORD": "canary", "DEVICE": "gpu"}, 2, "configuration", "fix this before running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars, _ := environment(t, c.set)
			code, stdout, stderr := doctor(t, vars, nil, "--json")
			var d diagnosis
			if err := json.Unmarshal([]byte(stdout), &d); err != nil || code != c.code || d.OK != (c.code == 0) || stderr != "" {
				t.Fatalf("exit code %d, want %d: %v\n%s%s", code, c.code, err, stdout, stderr)
			}
			first := ""
			for _, check := range d.Checks {
				if check.Status == "failed" && first == "" {
					first = check.Name
				}
			}
			if first != c.failed {
				t.Errorf("the first that failed is %q, want %q:\n%s", first, c.failed, stdout)
			}
			code, text, stderr := doctor(t, vars, nil)
			if code != c.code || !strings.HasSuffix(text, ": "+c.sentence+"\n") || strings.Contains(text, "\x1b") || stderr != "" {
				t.Errorf("exit code %d:\n%s%s", code, text, stderr)
			}
			if strings.Contains(stdout+text, "canary") {
				t.Errorf("it shows a secret:\n%s", stdout)
			}
		})
	}
}

func TestTheDoctorCanBeInterruptedAndTakesNoOtherWords(t *testing.T) {
	t.Parallel()
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	asked := make(chan struct{})
	go func() { // a broker that takes a connection and says nothing
		c, err := broker.Accept()
		close(asked)
		if err == nil {
			_, _ = io.Copy(io.Discard, c) // until the other side ends it
			c.Close()
		}
	}()
	vars, _ := environment(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": broker.Addr().String()})
	if code, stdout, _ := doctor(t, vars, asked); code != 130 || !strings.Contains(stdout, "stopped by SIGINT") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	for _, args := range [][]string{{"--xml"}, {"--json", "--json"}} {
		if code, stdout, stderr := doctor(t, vars, nil, args...); code != 2 || stdout != "" || !strings.Contains(stderr, "settings are environment variables") {
			t.Errorf("%v: exit code %d:\n%s%s", args, code, stdout, stderr)
		}
	}
}
