package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestNothingIsLeftRunningByAStalledLink(t *testing.T) {
	k, link := lab.SharedKafka(t).Behind(t)
	before := runtime.NumGoroutine()
	b, err := kafka.NewBroker(configOf(k))
	if err != nil {
		t.Fatal(err)
	}
	var log journal
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = b.Watch(ctx, kafka.WatchConfig{IDs: run, Since: time.Now(), SinceAll: time.Now(), Log: log.log})
	}()
	if err := b.Events("q1", log.log).Send(within(t, 10*time.Second), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	link.Stall()
	begin := time.Now()
	cancel()
	<-done
	b.Close()
	if took := time.Since(begin); took > 4*time.Second { // a request would wait for 7
		t.Errorf("it took %v to end", took)
	}
	noneLeft(t, before)

	t.Run("while it connected", func(t *testing.T) {
		link.Clear()
		before := runtime.NumGoroutine() // this one and the proxy's connection included
		// The whole way is about 2500 bytes: TLS, then the versions, then SCRAM.
		var connecting sync.WaitGroup
		for after := int64(100); after < 3000; after += 75 {
			c := configOf(k)
			c.BootstrapServers = stalling(t, k.Addr, after)
			b := newBroker(t, c)
			connecting.Go(func() {
				defer b.Close()
				if err := b.Check(within(t, time.Second)); errors.Is(err, fault.ErrRejected) {
					t.Errorf("a stall after %d bytes is taken for a refusal: %v", after, err)
				}
			})
		}
		connecting.Wait()
		noneLeft(t, before)
	})
}

// noneLeft returns once there are no more goroutines than so many: kafka-go's
// own connections end once they are closed under it.
func noneLeft(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			var stacks bytes.Buffer
			if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil { // equal stacks once, with their number
				t.Error(err)
			}
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, &stacks)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stalling is the address of a link for one connection to upstream that lets
// so many bytes go up and then nothing.
func stalling(t *testing.T, upstream string, after int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		client, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", upstream)
		if err != nil {
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(client, server) }()
		_, _ = io.CopyN(server, client, after)
		_, _ = io.Copy(io.Discard, client) // until the client gives up
	}()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}
