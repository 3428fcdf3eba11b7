package kafka

import (
	"context"
	"net"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// answer is a broker that says the same to every fetch.
type answer struct{ partition fetch.ResponsePartition }

func (a answer) RoundTrip(context.Context, net.Addr, kafka.Request) (kafka.Response, error) {
	return &fetch.Response{Topics: []fetch.ResponseTopic{{Partitions: []fetch.ResponsePartition{a.partition}}}}, nil
}

// The mark that ends a transaction has an offset and is no record, nor is what
// was compacted away. The broker gives either again and again, at once.
func TestWhatHoldsNoMessageIsPassedAndReadOnce(t *testing.T) {
	for name, c := range map[string]struct {
		end   int64
		holds []int64 // offsets
		next  int64
	}{
		"nothing new":                     {5, nil, 5},
		"a mark":                          {6, nil, 6},
		"a batch whose rest is gone":      {9, []int64{3, 4}, 6},
		"messages":                        {9, []int64{5, 6}, 7},
		"messages of a batch begun above": {9, []int64{4, 5}, 6},
	} {
		var records []kafka.Record
		for _, offset := range c.holds {
			records = append(records, kafka.Record{Offset: offset, Value: kafka.NewBytes([]byte("{}"))})
		}
		client := &kafka.Client{Addr: kafka.TCP("broker:1"), Transport: answer{fetch.ResponsePartition{
			HighWatermark: c.end, RecordSet: protocol.RecordSet{Records: kafka.NewRecordReader(records...)},
		}}}
		next, err := new(watch).fetch(t.Context(), client, 0, 5)
		if err != nil || next != c.next {
			t.Errorf("%s: after offset 5 comes %d, %v; want %d", name, next, err, c.next)
		}
	}
}
