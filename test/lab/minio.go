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

// MinIO is a server with one user, who may do all.
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
	scheme, certs := "http", t.TempDir()
	if o.TLS {
		scheme = "https"
		ca := newAuthority(t, "lab-ca")
		cert, key := ca.server("localhost", time.Time{})
		m.CAPath, m.OtherCAPath = ca.path, newAuthority(t, "other-ca").path
		for name, content := range map[string][]byte{"public.crt": cert, "private.key": key} {
			if err := os.WriteFile(filepath.Join(certs, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		// Whether it answers is asked here, not who it is.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	m.process = &process{
		t: t, name: "MinIO",
		argv: []string{binary, "--certs-dir", certs, "server", t.TempDir(), "--address", address(port), "--quiet"},
		env:  []string{"MINIO_ROOT_USER=" + m.AccessKey, "MINIO_ROOT_PASSWORD=" + m.SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off"},
		ready: func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+m.Addr+"/minio/health/cluster", nil)
			if err != nil {
				return err
			}
			answer, err := client.Do(request)
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
	m.process.start()
	t.Cleanup(m.Kill)
	return m
}

// Kill ends the server as a power cut would, Stop in order; Start starts it
// again with the same data and port.
func (m *MinIO) Kill()  { m.process.stop(syscall.SIGKILL) }
func (m *MinIO) Stop()  { m.process.stop(syscall.SIGTERM) }
func (m *MinIO) Start() { m.process.start() }
