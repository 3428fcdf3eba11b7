package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKafkaIsNotReachedByAValueThatIsRejected(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("p\u200b"), 0o600); err != nil {
		t.Fatal(err)
	}
	sasl := func(user, password string) []string {
		return []string{"KAFKA_BOOTSTRAP_SERVERS=k:9093", user, password}
	}
	for _, set := range [][]string{
		{`KAFKA_BOOTSTRAP_SERVERS='k:9093'`},
		{"KAFKA_BOOTSTRAP_SERVERS=k:9093 # the first"},
		{"KAFKA_BOOTSTRAP_SERVERS=k:9093,\u00a0k2:9093"},
		{"KAFKA_BOOTSTRAP_SERVERS=k:9093\r"},
		{"KAFKA_BOOTSTRAP_SERVERS=k"},
		sasl("KAFKA_USER=u", "KAFKA_PASSWORD=p\r\n"),
		sasl("KAFKA_USER=u", "KAFKA_PASSWORD_CONSUMER=\tp"),
		sasl("KAFKA_USER=u", "KAFKA_PASSWORD_FILE="+file),
		sasl("KAFKA_USER_CONSUMER=“u”", "KAFKA_PASSWORD=p"),
		sasl("KAFKA_USER=u ", "KAFKA_PASSWORD=p"),
		append(sasl("KAFKA_USER=u", "KAFKA_PASSWORD=p"), "KAFKA_USER_CONSUMER=other"),
		append(sasl("KAFKA_USER=u", "KAFKA_PASSWORD=p"), "KAFKA_CA_PATH=$HOME/ca.pem"),
		{"KAFKA_BOOTSTRAP_SERVERS=k:9093", `QUEUE_EVENTS_TOPIC="events"`},
	} {
		c, err := Load(environ(set...))
		if err == nil || c.ReachesKafka() {
			t.Errorf("%q: %v, reached: %v", set, err, c.ReachesKafka())
		}
	}
}

// An error of another variable reaches the neighbours.
func TestKafkaIsReachedBesideWhatElseIsRejected(t *testing.T) {
	for _, wrong := range []string{"EPOCHS=0", `STORE_DIR="/out"`, "MINIO_ENDPOINT=http://m", "HIDDEN=6 4"} {
		c, err := Load(environ("KAFKA_BOOTSTRAP_SERVERS=k:9093", "KAFKA_USER=u", "KAFKA_PASSWORD=p", wrong))
		if err == nil || !c.ReachesKafka() {
			t.Errorf("%s: %v, reached: %v", wrong, err, c.ReachesKafka())
		}
	}
	if load(t).ReachesKafka() {
		t.Error("without brokers")
	}
}
