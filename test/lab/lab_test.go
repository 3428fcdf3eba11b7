package lab_test

import (
	"bufio"
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
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/streamforge/gnn-trainer/test/lab"
)

func roots(t *testing.T, path string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

func TestABrokerTakesMessagesOverTLSAndKeepsThemThroughARestart(t *testing.T) {
	k := lab.StartKafka(t, lab.KafkaOptions{})
	mechanism, err := scram.Mechanism(scram.SHA512, k.User, k.Password)
	if err != nil {
		t.Fatal(err)
	}
	transport := &kafka.Transport{TLS: roots(t, k.CAPath), SASL: mechanism}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(k.Addr), Transport: transport, Timeout: 10 * time.Second}
	r, err := client.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: "queue-events", RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("over TLS"))}),
	})
	if err != nil || r.Error != nil {
		t.Fatal(err, r)
	}
	k.Kill()
	k.Start()
	k.Publish(t, "queue-events", 0, "plain")
	got := k.Messages(t, "queue-events", 1)
	if len(got) != 2 || got[0].Value != "over TLS" || got[1].Value != "plain" {
		t.Errorf("the topic holds %v", got)
	}
}

func TestMinIOKeepsObjectsThroughARestart(t *testing.T) {
	for _, secure := range []bool{false, true} {
		m := lab.StartMinIO(t, lab.MinIOOptions{TLS: secure})
		transport := http.DefaultTransport.(*http.Transport).Clone()
		if secure {
			transport.TLSClientConfig = roots(t, m.CAPath)
		}
		client, err := minio.New(m.Addr, &minio.Options{Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, ""), Secure: secure, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.MakeBucket(t.Context(), "lab", minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutObject(t.Context(), "lab", "o", bytes.NewReader([]byte("x")), 1, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		m.Kill()
		m.Start()
		if _, err := client.StatObject(t.Context(), "lab", "o", minio.StatObjectOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func TestALimitedUserOfMinIOReadsAndMayNotWrite(t *testing.T) {
	for _, secure := range []bool{false, true} {
		m := lab.StartMinIO(t, lab.MinIOOptions{TLS: secure})
		transport := http.DefaultTransport.(*http.Transport).Clone()
		if secure {
			transport.TLSClientConfig = roots(t, m.CAPath)
		}
		defer transport.CloseIdleConnections()
		client := func(accessKey, secretKey string) *minio.Client {
			c, err := minio.New(m.Addr, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Secure: secure, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		put := func(c *minio.Client) error {
			_, err := c.PutObject(t.Context(), "lab", "o", bytes.NewReader([]byte("x")), 1, minio.PutObjectOptions{})
			return err
		}
		root, limited := client(m.AccessKey, m.SecretKey), client(m.LimitedUser(t, lab.ReadOnly))
		if err := root.MakeBucket(t.Context(), "lab", minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := put(root); err != nil {
			t.Fatal(err)
		}
		if _, err := limited.StatObject(t.Context(), "lab", "o", minio.StatObjectOptions{}); err != nil {
			t.Errorf("with TLS %v it may not read: %v", secure, err)
		}
		if err := put(limited); minio.ToErrorResponse(err).Code != "AccessDenied" {
			t.Errorf("with TLS %v a write of it ends in %v", secure, err)
		}
	}
}

// echo is a server that says back what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// exchange sends n bytes and waits for them to come back.
func exchange(addr string, n int, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(within))
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, n))
		sent <- err
	}()
	_, err = io.ReadFull(c, make([]byte, n))
	c.Close()
	return errors.Join(err, <-sent)
}

func TestEachFaultOfALinkIsFeltAndGoesAway(t *testing.T) {
	link := lab.NewProxy(t, echo(t))
	for name, fault := range map[string]func(){
		"cut":       link.Cut,
		"stall":     link.Stall,
		"bandwidth": func() { link.Bandwidth(1) },
		"reset":     link.Reset,
		"limit":     func() { link.ResetAfter(1000) },
		"latency":   func() { link.Latency(3 * time.Second) },
	} {
		if err := exchange(link.Addr, 20_000, 10*time.Second); err != nil {
			t.Errorf("before %s: %v", name, err)
		}
		fault()
		if err := exchange(link.Addr, 20_000, 2*time.Second); err == nil {
			t.Errorf("%s is not felt", name)
		}
		link.Clear()
		link.Restore()
	}
}

func TestAServerEndsWithTheTestBinaryThatIsKilled(t *testing.T) {
	const inner = "GNN_LAB_INNER"
	if os.Getenv(inner) != "" {
		fmt.Println(lab.NewProxy(t, "127.0.0.1:1").Addr)
		select {} // until it is killed
	}
	lab.NewProxy(t, "127.0.0.1:1") // skips here, not in the inner one, where there is none
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inner+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	killed := cmd.Process.Kill()
	if err != nil || killed != nil {
		t.Fatalf("the inner test says %q: %v, %v", addr, err, killed)
	}
	_ = cmd.Wait() // it was killed
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", strings.TrimSpace(addr), time.Second)
		if err != nil {
			return
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the server outlives the test binary")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
