package test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// No password and no key is ever seen outside the connections it is for:
// neither in a log, an event, an artefact nor a crash dump, whether it is right
// or wrong, and wherever it came from.
func TestNoSecretIsSeenAnywhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	secretFile := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secrets := []string{c.kafka.Password, c.minio.SecretKey, c.minio.AccessKey, "canary"}
	for name, f := range map[string]struct {
		change map[string]string
		signal syscall.Signal // while it trains
		code   int            // -1: it does not matter
	}{
		"a run that finishes":     {map[string]string{"LOG_LEVEL": "trace"}, 0, 0},
		"a run that is stopped":   {map[string]string{"EPOCHS": "1000000", "PATIENCE": "0", "LOG_LEVEL": "trace"}, syscall.SIGTERM, 143},
		"a crash dump":            {map[string]string{"EPOCHS": "1000000", "PATIENCE": "0"}, syscall.SIGQUIT, -1},
		"secrets from files":      {map[string]string{"KAFKA_PASSWORD": "", "KAFKA_PASSWORD_FILE": secretFile(c.kafka.Password), "MINIO_SECRET_KEY": "", "MINIO_SECRET_KEY_FILE": secretFile(c.minio.SecretKey)}, 0, 0},
		"a wrong password":        {map[string]string{"KAFKA_PASSWORD": "canary\u00e9"}, 0, 2},
		"one SCRAM cannot take":   {map[string]string{"KAFKA_PASSWORD": "canary\u0627a1\x7f"}, 0, 2},
		"a wrong key":             {map[string]string{"MINIO_ACCESS_KEY": "canary-key", "MINIO_SECRET_KEY": "canary-secret"}, 0, 2},
		"a key in the address":    {map[string]string{"MINIO_ENDPOINT": "canary:canary@" + c.minio.Addr}, 0, 2},
		"a password there too":    {map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "user:canary@" + c.kafka.Addr}, 0, 2},
		"a secret in a file name": {map[string]string{"KAFKA_PASSWORD": "", "KAFKA_PASSWORD_FILE": "/canary"}, 0, 2},
		"MinIO goes away":         {map[string]string{"STORE_TIMEOUT": "1s"}, syscall.SIGUSR1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			queue := "q-" + strings.ReplaceAll(name, " ", "-")
			vars := c.vars(map[string]string{"QUEUE_ID": queue, "EPOCHS": "20", "PATIENCE": "0", "BASELINE": "none"})
			maps.Copy(vars, f.change)
			maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
			p := start(t, vars)
			switch f.signal {
			case 0:
			case syscall.SIGUSR1: // stands for the link to MinIO
				p.awaitLog(`"epoch":`)
				c.minioLink.Cut()
				defer c.minioLink.Restore()
			default:
				p.awaitLog(`"epoch":`)
				_ = p.cmd.Process.Signal(f.signal)
			}
			p.reading.Wait()
			_ = p.cmd.Wait()
			if code := p.cmd.ProcessState.ExitCode(); f.code >= 0 && code != f.code {
				t.Errorf("exit code %d, want %d:\n%s", code, f.code, p.stderr.String())
			}
			if f.signal == syscall.SIGQUIT && !strings.Contains(p.stderr.String(), "goroutine ") {
				t.Errorf("no crash dump:\n%s", p.stderr.String())
			}
			seen := map[string]string{"stderr": p.stderr.String()}
			for _, e := range p.all {
				seen["stdout"] += e.Message
			}
			for _, e := range c.events(queue) {
				seen["the topic"] += e.raw
			}
			for place, dir := range map[string]string{"the bucket": c.fetch(queue), "the staging folder": vars["STORE_DIR"]} {
				err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					content, err := os.ReadFile(path)
					seen[place+": "+d.Name()] = string(content)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if f.code == 0 && len(seen) < 9 {
				t.Errorf("only %d places were looked at", len(seen))
			}
			for place, content := range seen {
				for _, secret := range secrets {
					if bytes.Contains([]byte(content), []byte(secret)) {
						at := strings.Index(content, secret)
						t.Errorf("%s shows %s: ...%s", place, secret, content[max(0, at-200):at+len(secret)])
					}
				}
			}
		})
	}
}
