package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ErrRefused marks what another attempt would not mend: credentials,
// certificates, names. The message says which variable to look at.
var ErrRefused = fault.Rejected("refused by Kafka")

func refuse(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, a...))
}

// explain turns an error that waiting does not mend into an ErrRefused.
func (b *Broker) explain(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, ErrRefused):
		return err
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return refuse("the user or the password is wrong (%w): look at KAFKA_USER and KAFKA_PASSWORD", err)
	case errors.Is(err, kafka.UnsupportedSASLMechanism), errors.Is(err, kafka.IllegalSASLState):
		return refuse("the listener takes no SCRAM-SHA-512 (%w): set KAFKA_BOOTSTRAP_SERVERS to the one that does, or unset KAFKA_USER and KAFKA_PASSWORD", err)
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed), errors.Is(err, kafka.GroupAuthorizationFailed):
		return refuse("the user may not do that (%w): give KAFKA_USER the right to write to %s and to read %s", err, b.config.EventsTopic, b.config.ControlTopic)
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.InvalidTopic):
		return refuse("the broker does not take that (%w): look at QUEUE_EVENTS_TOPIC, and at max.message.bytes of its topic", err)
	case errors.As(err, &unknown):
		return refuse("the broker's certificate was signed by an authority that is not trusted (%w): set CA_PATH to the PEM file of the one that signed it", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return refuse("the broker's certificate is valid from %s to %s only: whoever runs the broker at KAFKA_BOOTSTRAP_SERVERS renews it, or this machine's clock is wrong",
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &host):
		return refuse("the broker's certificate is for another host (%w): use the name it is for in KAFKA_BOOTSTRAP_SERVERS", err)
	case errors.As(err, &invalid):
		return refuse("the broker's certificate cannot be used (%w): look at CA_PATH", err)
	case errors.As(err, &record):
		return b.refusePlaintext()
	}
	return err
}

func (b *Broker) refusePlaintext() error {
	return refuse("the listener at %s speaks no TLS: set KAFKA_BOOTSTRAP_SERVERS to the one that does, or unset KAFKA_USER, KAFKA_PASSWORD and CA_PATH", b.config.BootstrapServers)
}

// hungUp tells whether a broker has ended a connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// wrongListener looks why a broker has hung up: one that speaks TLS hangs up
// on who does not, and the reverse; one that asks for a user hangs up on who
// names none.
func (b *Broker) wrongListener(ctx context.Context) error {
	for _, server := range b.servers {
		switch {
		case b.tls == nil && speaksTLS(ctx, server):
			return refuse("the listener at %s speaks TLS: set CA_PATH, and KAFKA_USER and KAFKA_PASSWORD where it asks for them, or set KAFKA_BOOTSTRAP_SERVERS to a plain listener", server)
		case b.tls != nil && speaksPlain(ctx, server):
			return b.refusePlaintext()
		case b.config.User == "" && b.asksForUser(ctx, server):
			return refuse("the listener at %s asks for a user: set KAFKA_USER and KAFKA_PASSWORD, or set KAFKA_BOOTSTRAP_SERVERS to a listener without authentication", server)
		}
	}
	return nil
}

// probe opens a connection that ends with ctx, and soon.
func probe(ctx context.Context, server string) (net.Conn, error) {
	c, err := dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(dialing))
}

func speaksTLS(ctx context.Context, server string) bool {
	c, err := probe(ctx, server)
	if err != nil {
		return false
	}
	defer c.Close()
	// Who it is does not matter here, only that it speaks TLS.
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) == nil
}

func speaksPlain(ctx context.Context, server string) bool {
	c, err := probe(ctx, server)
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = protocol.NewConn(c, clientID).RoundTrip(&apiversions.Request{})
	return err == nil
}

// asksForUser begins to authenticate: a listener that wants none says so.
func (b *Broker) asksForUser(ctx context.Context, server string) bool {
	c, err := probe(ctx, server)
	if err != nil {
		return false
	}
	defer c.Close()
	if b.tls != nil {
		config := b.tls.Clone()
		config.ServerName, _, _ = net.SplitHostPort(server) // Validate has seen it
		c = tls.Client(c, config)
	}
	answer, err := protocol.NewConn(c, clientID).RoundTrip(&saslhandshake.Request{Mechanism: scram.SHA512.Name()})
	if err != nil {
		return false
	}
	code := kafka.Error(answer.(*saslhandshake.Response).ErrorCode)
	return code == 0 || code == kafka.UnsupportedSASLMechanism
}
