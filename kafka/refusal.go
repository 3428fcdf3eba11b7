package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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

// explain makes a fault of an error: a rejection of what waiting does not fix,
// with its remedy; all else is transient.
func (b *Broker) explain(err error) error {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		record  tls.RecordHeaderError
	)
	switch {
	case fault.KindOf(err) != "":
		return err
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return fault.Rejected("the user or the password is wrong (%w)", err).
			Fix("check KAFKA_USER and KAFKA_PASSWORD")
	case errors.Is(err, kafka.UnsupportedSASLMechanism), errors.Is(err, kafka.IllegalSASLState):
		return fault.Rejected("the listener takes no SCRAM-SHA-512 (%w)", err).
			Fix("set KAFKA_BOOTSTRAP_SERVERS to the one that does, or unset KAFKA_USER and KAFKA_PASSWORD")
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed), errors.Is(err, kafka.GroupAuthorizationFailed):
		return fault.Rejected("the user may not do that (%w)", err).
			Fix("give KAFKA_USER the right to write to %s and to read %s", b.config.EventsTopic, b.config.ControlTopic)
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.InvalidTopic):
		return fault.Rejected("the broker rejects the message or the topic (%w)", err).
			Fix("check QUEUE_EVENTS_TOPIC, and max.message.bytes of its topic")
	case errors.As(err, &unknown):
		return fault.Rejected("the broker's certificate was signed by an authority that is not trusted (%w)", err).
			Fix("set CA_PATH to the PEM file of the one that signed it")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fault.Rejected("the broker's certificate is valid from %s to %s only",
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339)).
			Fix("ask whoever runs the broker at KAFKA_BOOTSTRAP_SERVERS to renew it, or correct this machine's clock")
	case errors.As(err, &host):
		return fault.Rejected("the broker's certificate is for another host (%w)", err).
			Fix("use the name it is for in KAFKA_BOOTSTRAP_SERVERS")
	case errors.As(err, &invalid):
		return fault.Rejected("the broker's certificate cannot be used (%w)", err).
			Fix("check CA_PATH")
	case errors.As(err, &record):
		return b.rejectPlaintext()
	}
	return fault.Transient("%w", err)
}

func (b *Broker) rejectPlaintext() error {
	return fault.Rejected("the listener at %s speaks no TLS", b.config.BootstrapServers).
		Fix("set KAFKA_BOOTSTRAP_SERVERS to the one that does, or unset KAFKA_USER, KAFKA_PASSWORD and CA_PATH")
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
			return fault.Rejected("the listener at %s speaks TLS", server).
				Fix("set CA_PATH, and KAFKA_USER and KAFKA_PASSWORD where it asks for them, or set KAFKA_BOOTSTRAP_SERVERS to a plain listener")
		case b.tls != nil && speaksPlain(ctx, server):
			return b.rejectPlaintext()
		case b.config.User == "" && b.asksForUser(ctx, server):
			return fault.Rejected("the listener at %s asks for a user", server).
				Fix("set KAFKA_USER and KAFKA_PASSWORD, or set KAFKA_BOOTSTRAP_SERVERS to a listener without authentication")
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
