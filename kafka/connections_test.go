package kafka

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/segmentio/kafka-go"
)

// A listener that answers nothing stands for a broker that stalled: kafka-go
// takes the connection for one in use, so it would close it at its deadline.
func TestALinkThatNobodyUsesAnyMoreIsCutAtOnce(t *testing.T) {
	for name, end := range map[string]func(*Broker, *link){
		"a request failed":                  func(b *Broker, l *link) { b.leave(l, true) },
		"the broker closed before":          func(b *Broker, l *link) { b.Close(); b.leave(l, false) },
		"the broker closed, nothing failed": func(b *Broker, l *link) { b.leave(l, false); b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			address := listener.Addr().String()
			b, err := NewBroker(Config{BootstrapServers: address, EventsTopic: "e", ControlTopic: "c"})
			if err != nil {
				t.Fatal(err)
			}
			l := b.take()
			other := b.take()
			dial := l.client.Transport.(*kafka.Transport).Dial
			kept, err := dial(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			stalled, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer stalled.Close()
			ended, err := dial(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if err := ended.Close(); err != nil {
				t.Error(err)
			}
			if n := len(l.open.open); n != 1 {
				t.Errorf("%d connections are kept, one of two was closed", n)
			}
			end(b, l)
			if _, err := kept.Write([]byte("?")); err != nil {
				t.Errorf("it was cut while it was in use: %v", err)
			}
			b.leave(other, false)
			if _, err := kept.Write([]byte("?")); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("it is still open: %v", err)
			}
			if heard, err := io.ReadAll(stalled); err != nil || string(heard) != "?" {
				t.Errorf("the broker heard %q, then %v", heard, err)
			}
			if _, err := dial(t.Context(), "tcp", address); !errors.Is(err, net.ErrClosed) {
				t.Errorf("another is opened: %v", err)
			}
			b.Close()
		})
	}
}
