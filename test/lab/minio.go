package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// MinIOOptions is how a server is set up.
type MinIOOptions struct {
	TLS bool
}

// MinIO is a server with one user, who may do all; LimitedUser adds others.
type MinIO struct {
	Addr                 string // host:port
	AccessKey, SecretKey string
	CAPath               string // PEM file of the authority that signed its certificate; empty: no TLS
	OtherCAPath          string // of one that did not

	process *process
}

// StartMinIO starts a server.
func StartMinIO(t testing.TB, o MinIOOptions) *MinIO {
	t.Helper()
	binary := need(t, filepath.Join(servers(), "bin", "minio"))
	port := FreePort(t)
	m := &MinIO{Addr: fmt.Sprintf("localhost:%d", port), AccessKey: "lab-access", SecretKey: "lab-secret-key"}
	certs := t.TempDir()
	if o.TLS {
		ca := newAuthority(t, "lab-ca")
		cert, key := ca.server("localhost", time.Time{})
		m.CAPath, m.OtherCAPath = ca.path, newAuthority(t, "other-ca").path
		for name, content := range map[string][]byte{"public.crt": cert, "private.key": key} {
			if err := os.WriteFile(filepath.Join(certs, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.process = &process{
		t: t, name: "MinIO",
		argv: []string{binary, "--certs-dir", certs, "server", t.TempDir(), "--address", address(port), "--quiet"},
		env:  []string{"MINIO_ROOT_USER=" + m.AccessKey, "MINIO_ROOT_PASSWORD=" + m.SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off"},
		ready: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url("/minio/health/cluster"), nil)
			if err != nil {
				return err
			}
			answer, err := anyone.Do(request)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("its health is %s", answer.Status)
			}
			return nil
		},
	}
	t.Cleanup(m.Kill) // a server that fails to start is ended too
	m.process.start()
	return m
}

// anyone is a client that asks a server of ours without asking who it is.
var anyone = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
}}

func (m *MinIO) url(path string) string {
	if m.CAPath != "" {
		return "https://" + m.Addr + path
	}
	return "http://" + m.Addr + path
}

// Kill ends the server as a power cut would.
func (m *MinIO) Kill() { m.process.stop(syscall.SIGKILL) }

// Stop ends it in order.
func (m *MinIO) Stop() { m.process.stop(syscall.SIGTERM) }

// Start starts it again with the same data and port.
func (m *MinIO) Start() { m.process.start() }
