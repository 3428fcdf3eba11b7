package kafka_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestPredictionsOfOneKeyAreInOnePartitionInOrder(t *testing.T) {
	k := lab.SharedKafka(t)
	c := configOf(k)
	c.PredictionsTopic = k.Topic(t, "predictions", 4)
	var log journal
	p := newBroker(t, c).Predictions(log.log)
	other := newBroker(t, c).Predictions(log.log) // another process
	partitions := map[string]map[int]bool{}
	for i := range 24 {
		key := fmt.Sprintf("model%d/5m", i%6)
		to := p
		if i >= 12 {
			to = other
		}
		if err := to.Send(within(t, 20*time.Second), key, fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	last := map[string]int{}
	for _, m := range k.Messages(t, c.PredictionsTopic, 4) {
		if partitions[m.Key] == nil {
			partitions[m.Key] = map[int]bool{}
			last[m.Key] = -1
		}
		partitions[m.Key][m.Partition] = true
		var i int
		if _, err := fmt.Sscan(m.Value, &i); err != nil || i <= last[m.Key] || m.Key != fmt.Sprintf("model%d/5m", i%6) {
			t.Errorf("%+v after %d, %v", m, last[m.Key], err)
		}
		last[m.Key] = i
	}
	used := map[int]bool{}
	for key, of := range partitions {
		if len(of) != 1 {
			t.Errorf("%s is in the partitions %v", key, of)
		}
		for id := range of {
			used[id] = true
		}
	}
	if len(partitions) != 6 || len(used) < 2 || len(log.all()) > 0 {
		t.Errorf("%d keys in %d partitions; the log says %v", len(partitions), len(used), log.all())
	}
	c.PredictionsTopic = "there-is-none"
	err := newBroker(t, c).Predictions(log.log).Send(within(t, 20*time.Second), "k", []byte("v"))
	if f := fault.Of(err); !errors.Is(err, fault.ErrRejected) || f.Remedy != "create it, or set PREDICTIONS_TOPIC to the one that is meant" {
		t.Errorf("an unknown topic: %v", err)
	}
}
