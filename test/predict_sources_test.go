package test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/parquet-go/parquet-go"

	"github.com/streamforge/gnn-trainer/test/exchange"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestABarOfTheExchangeIsPredictedFromAsFewCandlesAsTheRecipeNeeds(t *testing.T) {
	t.Parallel()
	for _, market := range []string{"spot", "usdm"} {
		t.Run(market, func(t *testing.T) {
			e := exchange.Start(t, exchange.Options{Symbols: usdt(12), Most: 100})
			vars, result := environment(t, ofExchange(e, market, t.TempDir()))
			vars["EPOCHS"], vars["BASELINES"] = "1", "none"
			run(t, vars).mustEnd(t, "finished", 0)
			times, want, _ := trainingsPredictions(t, result)
			before := e.Pages()
			vars["CACHE_DIR"], vars["SYMBOLS"], vars["LOOKBACK"] = t.TempDir(), "top:3", "" // the nodes are the model's
			vars["END"] = endOf(times[len(times)-1])
			maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
			code, rows, _, log := predict(t, vars, "predict")
			if code != 0 || !slices.Equal(numbersOf(rows), want[times[len(times)-1]]) {
				t.Fatalf("exit code %d, %d rows that differ from the training's:\n%s", code, len(rows), log)
			}
			pages, fetched := e.Pages(), 0
			for page, n := range pages {
				fetched += n - before[page]
			}
			// 356 bars of 8 symbols, in pages of 100, of two months at most.
			if fetched < 8*4 || fetched > 8*6 {
				t.Errorf("%d pages were fetched", fetched)
			}
			delete(vars, "END")
			asked := e.Now()
			code, rows, _, log = predict(t, vars, "predict")
			if code != 0 || len(rows) != 8 {
				t.Fatalf("exit code %d, %d rows:\n%s", code, len(rows), log)
			}
			// The newest bar had closed, and is no older than it has to be.
			closed := time.UnixMilli(rows[0].OpenTime + five)
			if now := e.Now(); closed.After(now) || asked.Sub(closed) > 5*time.Minute+10*time.Second {
				t.Errorf("the bar that closed at %v was predicted at %v", closed, now)
			}
		})
	}
}

func TestABarOfTheDatabaseIsPredicted(t *testing.T) {
	t.Parallel()
	s, vars, result := database(t, map[string]string{"EPOCHS": "1"})
	vars["CANDLES_COLLECTION"] = strings.Join(candles(s), ",")
	vars["ORDERBOOK_COLLECTION"], vars["FUNDING_COLLECTION"] = "orderbook", "funding"
	run(t, vars).mustEnd(t, "finished", 0)
	times, want, _ := trainingsPredictions(t, result)
	code, rows, _, log := predict(t, vars, "predict")
	if code != 0 || !slices.Equal(numbersOf(rows), want[times[len(times)-1]]) {
		t.Fatalf("exit code %d, %d rows that differ from the training's:\n%s", code, len(rows), log)
	}
	vars["CANDLES_COLLECTION"], vars["GRAPH_COLLECTION_NAME"] = "", "prepared"
	delete(vars, "CANDLES_COLLECTION")
	if code, _, _, log := predict(t, vars, "predict"); code != 2 || !strings.Contains(log, "GRAPH_COLLECTION_NAME is a prepared graph, of which no newer bar can be built") {
		t.Errorf("exit code %d:\n%s", code, log)
	}
}

func TestAModelInABucketPredictsAndKafkaIsTold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	vars := c.vars(map[string]string{"EPOCHS": "1", "BASELINES": "none"})
	if e := run(t, vars); e.code != 0 {
		t.Fatalf("exit code %d:\n%s", e.code, e.stderr)
	}
	trained := len(c.events("q1"))
	vars["TYPE"], vars["TELEMETRY_PRODUCER_ID"], vars["STORE_DIR"] = "realtime_gnn_infer", "infer__q1", t.TempDir() // another machine
	vars["PREDICTIONS_TOPIC"] = lab.SharedKafka(t).Topic(t, "predictions", 3)
	code, rows, first, log := predict(t, vars)
	if code != 0 || len(rows) != 12 {
		t.Fatalf("exit code %d, %d rows:\n%s", code, len(rows), log)
	}
	if code, _, second, log := predict(t, vars); code != 0 || second != first {
		t.Errorf("the same bar again: exit code %d:\n%s", code, log)
	}
	messages := c.kafka.Messages(t, vars["PREDICTIONS_TOPIC"], 3)
	if len(messages) != 2 || messages[0].Value != messages[1].Value || messages[0].Partition != messages[1].Partition || messages[0].Key != "market_gnn_v1/5m" {
		t.Fatalf("the topic has %+v", messages)
	}
	if want := `"predictions":[` + strings.Join(strings.Fields(first), ",") + `]}`; !strings.HasSuffix(messages[0].Value, want) ||
		!strings.HasPrefix(messages[0].Value, `{"model_name":"market_gnn_v1","model_queue_id":"q1","interval":"5m","open_time":1704585300000,"close_time":1704585600000,`) {
		t.Errorf("the message is %s", messages[0].Value)
	}
	kept := client(t, c, "market_gnn_v1/predictions/2024-01-06.parquet")
	stored, err := parquet.Read[predictedRow](bytes.NewReader(kept), int64(len(kept)))
	if err != nil || !slices.Equal(numbersOf(stored), numbersOf(rows)) {
		t.Errorf("the bucket keeps %d rows, %v", len(stored), err)
	}
	if left, err := filepath.Glob(filepath.Join(vars["STORE_DIR"], "*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	events := c.events("q1")[trained:]
	last := events[len(events)-1]
	var of struct{ Type, Producer string }
	if err := json.Unmarshal([]byte(last.raw), &of); err != nil || events[0].Status != "started" || last.Status != "finished" || of.Type != "realtime_gnn_infer" || of.Producer != "infer__q1" {
		t.Errorf("the events are %+v", events)
	}
	if !strings.HasPrefix(last.ModelPath, "s3://"+c.bucket+"/market_gnn_v1/q1/") || strings.Contains(log, `"status"`) {
		t.Errorf("the model is %s:\n%s", last.ModelPath, log)
	}
	vars["MODEL_NAME"] = "other"
	if code, _, _, log := predict(t, vars); code != 2 || !strings.Contains(log, "MODEL_NAME=other has no finished run in the bucket "+c.bucket) {
		t.Errorf("exit code %d:\n%s", code, log)
	}
	if last := c.events("q1"); last[len(last)-1].Status != "error" {
		t.Errorf("the last event is %+v", last[len(last)-1])
	}
}

// client reads an object of the bucket.
func client(t *testing.T, c *cluster, key string) []byte {
	t.Helper()
	m, err := minio.New(c.minio.Addr, &minio.Options{Creds: credentials.NewStaticV4(c.minio.AccessKey, c.minio.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	object, err := m.GetObject(t.Context(), c.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(object)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
