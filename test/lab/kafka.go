package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// KafkaOptions is how a broker is set up. The zero value has the topics of
// StreamForge and answers at localhost.
type KafkaOptions struct {
	Topics     map[string]int // partitions of each; nil: queue-events 1, queue-control 3
	Advertised string         // host:port that clients over TLS are sent to; empty: the broker's own
	Port       int            // of the listener with TLS; 0: a free one
	NotAfter   time.Time      // end of the certificate; zero: tomorrow
	HostName   string         // that the certificate is for; empty: localhost
	Strict     bool           // over TLS a user may do only what Allow allows; else all
	Links      int            // listeners more, for links that Behind puts before them
}

// Kafka is a broker with one listener over TLS with SCRAM-SHA-512 and a plain
// one without authentication.
type Kafka struct {
	Addr           string // host:port that clients over TLS connect to
	Plain          string // host:port of the plain listener
	User, Password string // of the one who may do all
	CAPath         string // PEM file of the authority that signed its certificate
	OtherCAPath    string // of one that did not

	process *process
	links   chan listener // that no link stands before
}

// listener is one over TLS whose clients are sent to another address.
type listener struct{ port, advertised int }

// StartKafka starts a broker and makes its topics.
func StartKafka(t testing.TB, o KafkaOptions) *Kafka {
	t.Helper()
	jars := need(t, filepath.Join(servers(), "kafka"))
	java, err := exec.LookPath("java")
	if err != nil {
		missing(t, "no java on this machine, which the Kafka broker needs: install a JRE of version 17 or later")
	}
	if o.Topics == nil {
		o.Topics = map[string]int{"queue-events": 1, "queue-control": 3}
	}
	if o.Port == 0 {
		o.Port = FreePort(t)
	}
	host := o.HostName
	if host == "" {
		host = "localhost"
	}
	if o.Advertised == "" {
		o.Advertised = fmt.Sprintf("localhost:%d", o.Port)
	}
	ca := newAuthority(t, "lab-ca")
	cert, key := ca.server(host, o.NotAfter)
	k := &Kafka{
		Addr: o.Advertised, Plain: address(FreePort(t)), User: "user", Password: "lab-user-password",
		CAPath: ca.path, OtherCAPath: newAuthority(t, "other-ca").path,
	}
	listeners, advertised, protocols, logins := k.listeners(t, o.Links)
	dir := t.TempDir()
	keystore := writeFile(t, "server.pem", append(append(key, cert...), ca.pem...))
	properties := writeFile(t, "server.properties", []byte(strings.NewReplacer(
		"{port}", fmt.Sprint(o.Port), "{plain}", k.Plain, "{controller}", address(FreePort(t)), "{advertised}", o.Advertised,
		"{listeners}", listeners, "{links}", advertised, "{protocols}", protocols, "{logins}", logins, "{keystore}", keystore, "{truststore}", ca.path, "{dir}", dir, "{authorizer}", authorizer(o.Strict)).Replace(serverProperties)))
	classpath := jars + "/*"
	format := exec.Command(java, "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", "bGFiLWNsdXN0ZXItaWQwMA", "-c", properties,
		"--add-scram", "SCRAM-SHA-512=[name=admin,password=lab-admin]", "--add-scram", "SCRAM-SHA-512=[name="+k.User+",password="+k.Password+"]")
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("formatting the broker's storage: %v\n%s", err, out)
	}
	k.process = &process{
		t: t, name: "Kafka",
		argv:  []string{java, "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, "kafka.Kafka", properties},
		ready: func(ctx context.Context) error { return k.createTopics(ctx, o.Topics) },
	}
	t.Cleanup(k.Kill) // a broker that fails to start is ended too
	k.process.start()
	return k
}

// listeners are the settings of n more listeners, each behind an address that
// nothing listens on yet.
func (k *Kafka) listeners(t testing.TB, n int) (listeners, advertised, protocols, logins string) {
	t.Helper()
	k.links = make(chan listener, n)
	logins = fmt.Sprintf(login, "sasl_ssl")
	for i := range n {
		l := listener{FreePort(t), FreePort(t)}
		listeners += fmt.Sprintf(",LINK%d://127.0.0.1:%d", i, l.port)
		advertised += fmt.Sprintf(",LINK%d://localhost:%d", i, l.advertised)
		protocols += fmt.Sprintf(",LINK%d:SASL_SSL", i)
		logins += fmt.Sprintf(login, fmt.Sprintf("link%d", i))
		k.links <- l
	}
	return listeners, advertised, protocols, logins
}

// Behind is the broker behind a link of the test's own: clients over TLS that
// know no other address than the copy's go through it. It waits where all
// links are taken.
func (k *Kafka) Behind(t testing.TB) (*Kafka, *Proxy) {
	t.Helper()
	l := <-k.links
	t.Cleanup(func() { k.links <- l }) // once the link has ended
	link := newProxy(t, l.advertised, address(l.port))
	behind := *k
	behind.Addr = link.Addr
	return &behind, link
}

// Topic makes a topic of the test's own, whose name begins with prefix.
func (k *Kafka) Topic(t testing.TB, prefix string, partitions int) string {
	t.Helper()
	name := prefix + "-" + strings.ToLower(rand.Text()[:8])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := k.createTopics(ctx, map[string]int{name: partitions})
		if err == nil {
			return name
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // its leaders are chosen in a moment
	}
}

// Stop ends the broker in order.
func (k *Kafka) Stop() { k.process.stop(syscall.SIGTERM) }

// Kill ends it as a power cut would.
func (k *Kafka) Kill() { k.process.stop(syscall.SIGKILL) }

// Start starts it again with the same data and ports.
func (k *Kafka) Start() { k.process.start() }

func (k *Kafka) createTopics(ctx context.Context, topics map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(k.Plain), Transport: transport}
	request := &kafka.CreateTopicsRequest{}
	for name, partitions := range topics {
		t := kafka.TopicConfig{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}
		if strings.HasPrefix(name, "queue-events") {
			// When an event arrived is for the broker to say, not for its sender.
			t.ConfigEntries = []kafka.ConfigEntry{{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"}}
		}
		request.Topics = append(request.Topics, t)
	}
	made, err := client.CreateTopics(ctx, request)
	if err != nil {
		return err
	}
	for name, err := range made.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return fmt.Errorf("making topic %s: %w", name, err)
		}
	}
	metadata, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return err
	}
	led := map[string]int{}
	for _, topic := range metadata.Topics {
		for _, p := range topic.Partitions {
			if p.Error == nil && p.Leader.Host != "" {
				led[topic.Name]++
			}
		}
	}
	for name, partitions := range topics {
		if led[name] != partitions {
			return fmt.Errorf("topic %s has %d of %d leaders", name, led[name], partitions)
		}
	}
	return nil
}

// authorizer is the settings of a broker that looks at rights, or of one that
// does not.
func authorizer(strict bool) string {
	if !strict {
		return ""
	}
	return "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:ANONYMOUS\n"
}

// Allow gives the user rights in a topic of a Strict broker. Each implies that
// of describing it.
func (k *Kafka) Allow(t testing.TB, topic string, rights ...kafka.ACLOperationType) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(k.Plain), Transport: transport}
	request := &kafka.CreateACLsRequest{}
	for _, right := range rights {
		request.ACLs = append(request.ACLs, kafka.ACLEntry{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:" + k.User, Host: "*", Operation: right, PermissionType: kafka.ACLPermissionTypeAllow,
		})
	}
	r, err := client.CreateACLs(ctx, request)
	if err == nil {
		err = errors.Join(r.Errors...)
	}
	if err != nil {
		t.Fatalf("giving rights in topic %s: %v", topic, err)
	}
}

// Publish puts a message into a partition of a topic, over the plain listener.
func (k *Kafka) Publish(t testing.TB, topic string, partition int, value string) {
	t.Helper()
	k.PublishAt(t, topic, partition, value, time.Time{})
}

// PublishAt is Publish with a time of the producer's own.
func (k *Kafka) PublishAt(t testing.TB, topic string, partition int, value string, at time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(k.Plain), Transport: transport}
	for {
		r, err := client.Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Time: at, Value: kafka.NewBytes([]byte(value))}),
		})
		if err == nil {
			err = r.Error
		}
		if err == nil {
			return
		}
		// A broker that has just started leads its partitions a moment later.
		if !errors.Is(err, kafka.NotLeaderForPartition) {
			t.Fatalf("publishing to %s: %v", topic, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Message is one of a topic.
type Message struct {
	Key       string
	Value     string
	Time      time.Time
	Partition int
	Offset    int64
}

// Messages are all that a topic of so many partitions holds now.
func (k *Kafka) Messages(t testing.TB, topic string, partitions int) []Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []Message
	for partition := range partitions {
		end, err := k.end(ctx, topic, partition)
		for passing := kafka.Error(0); errors.As(err, &passing) && passing.Temporary() && ctx.Err() == nil; {
			time.Sleep(50 * time.Millisecond) // a broker that has just started leads its partitions a moment later
			end, err = k.end(ctx, topic, partition)
		}
		if err != nil {
			t.Fatalf("reading %s: %v", topic, err)
		}
		if end == 0 {
			continue
		}
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{k.Plain}, Topic: topic, Partition: partition, MaxWait: 100 * time.Millisecond})
		for offset := int64(-1); offset < end-1; {
			m, err := r.ReadMessage(ctx)
			if err != nil {
				t.Fatalf("reading %s: %v", topic, err)
			}
			offset = m.Offset
			all = append(all, Message{string(m.Key), string(m.Value), m.Time, partition, m.Offset})
		}
		r.Close()
	}
	return all
}

// end is the offset behind a partition's last message.
func (k *Kafka) end(ctx context.Context, topic string, partition int) (int64, error) {
	c, err := kafka.DialLeader(ctx, "tcp", k.Plain, topic, partition)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.ReadLastOffset()
}

// Log is the end of what the broker has said.
func (k *Kafka) Log() string { return k.process.log.tail() }

// login is how clients of a listener sign in.
const login = "listener.name.%s.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n"

const serverProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners=SASL_SSL://127.0.0.1:{port},PLAINTEXT://{plain},CONTROLLER://{controller}{listeners}
advertised.listeners=SASL_SSL://{advertised},PLAINTEXT://{plain}{links}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL{protocols}
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
{logins}ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
log.dirs={dir}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
{authorizer}`
