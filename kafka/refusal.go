package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrRefused marks what another attempt would not mend: credentials,
// certificates, names. The message says which variable to look at.
var ErrRefused = errors.New("refused by Kafka")

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
		return refuse("%w", err)
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

// wrongListener looks why a broker has hung up: one that speaks TLS hangs up
// on who does not, and the reverse.
func (b *Broker) wrongListener(ctx context.Context) error {
	for _, server := range b.servers {
		connection, err := (&net.Dialer{Timeout: dialing}).DialContext(ctx, "tcp", server)
		if err != nil {
			continue
		}
		if b.tls == nil {
			// Who it is does not matter here, only that it speaks TLS.
			err = tls.Client(connection, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
			connection.Close()
			if err == nil {
				return refuse("the listener at %s speaks TLS: set CA_PATH, and KAFKA_USER and KAFKA_PASSWORD where it asks for them, or set KAFKA_BOOTSTRAP_SERVERS to a plain listener", server)
			}
			continue
		}
		plain := kafka.NewConn(connection, "", 0)
		_ = plain.SetDeadline(time.Now().Add(dialing))
		_, err = plain.ApiVersions()
		plain.Close()
		if err == nil {
			return b.refusePlaintext()
		}
	}
	return nil
}
