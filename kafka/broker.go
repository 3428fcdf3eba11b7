package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	// attempt bounds one request, connecting included: a link that stalls is
	// given up then, and another connection is tried.
	attempt = 5 * time.Second
	// dialing bounds one address, so that a dead one leaves time for the others.
	dialing = 2 * time.Second
	// retrying is the longest pause between two attempts.
	retrying = 5 * time.Second
)

// clientID is what the brokers' logs call this program.
const clientID = service

// Broker is a cluster of Kafka brokers. It is safe for concurrent use, and
// opens no connection before one is needed. Close it.
type Broker struct {
	config  Config
	servers []string
	tls     *tls.Config // nil: plaintext
	options kafka.Transport

	mu     sync.Mutex
	link   *link
	closed bool
}

// link is a client with its connections. Its last user closes them once it is
// stale: kafka-go would open new ones for a request that comes after, and
// nobody would close those.
type link struct {
	client *kafka.Client
	open   connections
	users  int
	stale  bool
}

func (l *link) closeUnused() {
	if l.stale && l.users == 0 {
		l.client.Transport.(*kafka.Transport).CloseIdleConnections()
		l.open.close() // those still being made, or with a request that was given up
	}
}

// NewBroker reads the CA file and connects to nothing yet. The error is the
// user's to fix, as those of Validate.
func NewBroker(c Config) (*Broker, error) {
	b := &Broker{config: c, servers: strings.Split(c.BootstrapServers, ",")}
	b.options = kafka.Transport{
		DialTimeout:    attempt,
		IdleTimeout:    10 * time.Second,
		ClientID:       clientID,
		MetadataTopics: []string{c.EventsTopic, c.ControlTopic},
	}
	if c.PredictionsTopic != "" {
		b.options.MetadataTopics = append(b.options.MetadataTopics, c.PredictionsTopic)
	}
	if c.User != "" || c.CAPath != "" {
		b.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		if c.CAPath != "" {
			roots, err := readRoots(c.CAPath)
			if err != nil {
				return nil, err
			}
			b.tls.RootCAs = roots
		}
	}
	if c.User != "" {
		mechanism, err := scram.Mechanism(scram.SHA512, c.User, c.Password.Reveal())
		if err != nil {
			// Not its words: they may hold what they are about.
			return nil, fault.Input("KAFKA_USER or KAFKA_PASSWORD holds a character that SCRAM does not allow").At("KAFKA_USER").Fix("set another one")
		}
		b.options.SASL = mechanism
	}
	b.link = b.newLink()
	return b, nil
}

// readRoots reads the authorities that are trusted.
func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Input("reading CA_PATH: %w", err).At("CA_PATH").Fix("set it to a PEM file of certificates")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fault.Input("CA_PATH=%s holds no certificate", path).At("CA_PATH").Fix("set it to the PEM file of the authority that signed the brokers' certificates")
	}
	return roots, nil
}

// Close ends the connections; those of a request under way end with it.
func (b *Broker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.link.stale = true, true
	b.link.closeUnused()
}

func (b *Broker) newLink() *link {
	// Without a Timeout kafka-go gives the brokers half a second to replicate an
	// event, and one that took longer would be sent again.
	l := &link{}
	l.client = &kafka.Client{Addr: kafka.TCP(b.servers...), Timeout: attempt + polling, Transport: &kafka.Transport{
		Dial: l.open.dial, DialTimeout: b.options.DialTimeout, IdleTimeout: b.options.IdleTimeout, ClientID: b.options.ClientID,
		MetadataTopics: b.options.MetadataTopics, TLS: b.tls, SASL: b.options.SASL,
	}}
	return l
}

// take gives the link to a user.
func (b *Broker) take() *link {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.link.users++
	return b.link
}

// leave takes the link back. One that has failed is replaced: kafka-go keeps a
// connection, and what it knew of the cluster, for as long as it can, and so
// may come back late from an outage.
func (b *Broker) leave(l *link, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.users--
	if failed && b.link == l && !b.closed {
		l.stale = true
		b.link = b.newLink()
	}
	l.closeUnused()
}

// try makes one request within so long. The error wraps fault.ErrRejected where
// another attempt would end the same.
func (b *Broker) try(ctx context.Context, within time.Duration, request func(context.Context, *kafka.Client) error) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	l := b.take()
	err := request(limited, l.client)
	b.leave(l, err != nil)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && hungUp(err) {
		if why := b.wrongListener(limited); why != nil {
			return why
		}
	}
	return b.explain(err)
}

// persist repeats f, with growing pauses, until it succeeds, is rejected, or
// ctx ends; then the error tells why it failed last. failed, where not nil,
// is called with each failure that is tried again.
func persist(ctx context.Context, f func() error, failed func(error)) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, retrying
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = f()
		if errors.Is(last, fault.ErrRejected) {
			return struct{}{}, backoff.Permanent(last)
		}
		if last != nil && failed != nil && ctx.Err() == nil {
			failed(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
	if err != nil && last != nil && !errors.Is(last, err) {
		return fmt.Errorf("%w; last: %w", err, last)
	}
	return err
}

// Check waits until the brokers answer, take the credentials and have both
// topics. Where ctx ends first the error tells why they did not; it wraps
// fault.ErrRejected where waiting is no use, which is known within seconds.
func (b *Broker) Check(ctx context.Context) error {
	topics := []*topic{{variable: "QUEUE_EVENTS_TOPIC", name: b.config.EventsTopic}, {variable: "QUEUE_CONTROL_TOPIC", name: b.config.ControlTopic}}
	err := persist(ctx, func() error {
		return b.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			for _, t := range topics {
				all, err := t.look(ctx, c)
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(all, func(p partition) bool { return p.led }) {
					return fmt.Errorf("looking for topic %s: %w", t.name, kafka.LeaderNotAvailable)
				}
			}
			return nil
		})
	}, nil)
	if err != nil {
		return fault.Wrap("reaching Kafka at %s: %w", b.config.BootstrapServers, err).At("%s", b.config.BootstrapServers)
	}
	return nil
}
