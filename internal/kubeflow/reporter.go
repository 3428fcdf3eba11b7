// Package kubeflow reports the progress of a TrainJob to the controller of
// Kubeflow Trainer. A status is read at intervals and leaves as an HTTPS request,
// in the background and at a bounded rate, as Kubeflow documents for training
// code that calls its status server itself (KEP-2779, Kubeflow Trainer 2.2). A
// server that is unavailable or rejects reports costs a line of the log and
// nothing else.
package kubeflow

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	every   = 5 * time.Second // between two requests: what Kubeflow asks of its clients
	rarest  = time.Minute     // between two that fail
	patient = 5 * time.Second // with one request
	maxFile = 1 << 20         // bytes of the token or the certificates
	maxBody = 256             // bytes of a rejection that are logged
)

// Reporter sends a status as long as it is open.
type Reporter struct {
	config  Config
	current func() Status
	log     func(string)

	stop context.CancelFunc
	done chan struct{}

	authority []byte // that transport trusts
	transport *http.Transport
	failing   bool

	sent, failed atomic.Int64
}

// Start begins to report what current returns, which must not block and may be
// called from any goroutine. log gets a line when reporting begins to fail and when
// it works again. Close the Reporter.
func Start(c Config, current func() Status, log func(string)) *Reporter {
	ctx, stop := context.WithCancel(context.Background())
	r := &Reporter{config: c, current: current, log: log, stop: stop, done: make(chan struct{})}
	go r.run(ctx)
	return r
}

// Counts are how many reports the server has taken and how many it has not.
func (r *Reporter) Counts() (sent, failed int64) { return r.sent.Load(), r.failed.Load() }

func (r *Reporter) run(ctx context.Context) {
	defer close(r.done)
	pause := every
	for {
		if err := r.report(ctx); err != nil && ctx.Err() == nil {
			pause = min(2*pause, rarest)
		} else {
			pause = every
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the reports; a last one, of the present status, leaves before ctx
// ends or not at all.
func (r *Reporter) Close(ctx context.Context) {
	r.stop()
	<-r.done
	_ = r.report(ctx) // it is in the log
	if r.transport != nil {
		r.transport.CloseIdleConnections()
	}
}

// report sends the present status once, and logs where that begins to fail or
// works again.
func (r *Reporter) report(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	err := r.send(ctx)
	switch {
	case err == nil:
		r.sent.Add(1)
		if r.failing {
			r.failing = false
			r.log("Kubeflow Trainer accepts progress reports again")
		}
	case errors.Is(ctx.Err(), context.Canceled): // the last report follows
	default:
		r.failed.Add(1)
		if !r.failing {
			r.failing = true
			r.log(fmt.Sprintf("reporting progress to Kubeflow Trainer: %v; retrying, and the run continues", err))
		}
	}
	return err
}

func (r *Reporter) send(ctx context.Context) error {
	// Both files are renewed while the pod runs.
	token, err := read("KUBEFLOW_TRAINER_SERVER_TOKEN", r.config.Token)
	if err != nil {
		return err
	}
	if err := r.trust(); err != nil {
		return err
	}
	body, err := r.current().body(time.Now())
	if err != nil {
		return fmt.Errorf("encoding the status: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.config.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	// No client that follows redirects: the token is for this server.
	response, err := r.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s: %q", response.Status, strings.TrimSpace(string(answer)))
	}
	return err
}

// trust makes the transport that trusts the authority of the file alone.
func (r *Reporter) trust() error {
	pem, err := read("KUBEFLOW_TRAINER_SERVER_CA_CERT", r.config.CACert)
	if err != nil || r.transport != nil && bytes.Equal(pem, r.authority) {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("the file of KUBEFLOW_TRAINER_SERVER_CA_CERT holds no certificate")
	}
	if r.transport != nil {
		r.transport.CloseIdleConnections()
	}
	r.authority = pem
	r.transport = &http.Transport{ // without a proxy: the server is in the cluster
		DialContext:         (&net.Dialer{Timeout: patient}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: patient,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        1,
		IdleConnTimeout:     time.Minute,
	}
	return nil
}

// read is the content of a variable's file. The error does not name the file.
func read(variable, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file of %s: %w", variable, reason(err))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("reading the file of %s: %w", variable, reason(err))
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, fmt.Errorf("the file of %s is empty", variable)
	}
	return content, nil
}

// reason is what the operating system said, without the path.
func reason(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
