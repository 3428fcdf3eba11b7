package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data/source"
)

func TestAPredictionNeedsAModelAndASourceOnly(t *testing.T) {
	c, err := LoadPredict([]string{"DATA_SOURCE=files", "DATA_DIR=/d", "MODEL_QUEUE_ID=q7", "MODEL_OUTPUT=m1", "DEVICE=cpu", "EPOCHS=none of its business"})
	if err != nil || c.Predict.Model != "q7" || c.Predict.Mode != PredictOnce || c.Store.ModelName != "m1" || c.Train.Device != "cpu" || c.Source.Source != source.Files || c.Source.Interval != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err = LoadPredict([]string{"PREDICTIONS_TOPIC=p"}); err == nil || err.Error() != "PREDICTIONS_TOPIC is set, but KAFKA_BOOTSTRAP_SERVERS is not: set both or neither" {
		t.Error(err)
	}
	if c, err = LoadPredict([]string{"INTERVAL=15m"}); err != nil || c.Source.Interval != "15m" || c.Source.Source != source.Binance {
		t.Errorf("%+v, %v", c.Source, err)
	}
}

func TestAPredictionIsToldAllThatIsWrong(t *testing.T) {
	_, err := LoadPredict([]string{"KAFKA_BOOTSTRAP_SERVERS=k:9092", "SYMBOL=BTCUSDT", "DATA_SOURCE=pyg", "PREDICT=stram", "DEVICE=gpu", "INTERVAL=5", "MODEL_QUEUE_ID=a/b", "MINIO_ENDPOINT=m:9000"})
	if err == nil {
		t.Fatal("it is taken")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"QUEUE_ID is not set: set it to the pipeline run's id",
		"DATA_SOURCE=pyg is one graph without time, which has no newest bar: set binance, arango, files or simulated",
		`PREDICT is "stram": set once or stream (did you mean stream?)`,
		`DEVICE is "gpu": set auto, cpu, cuda or cuda:N`,
		`MODEL_QUEUE_ID is "a/b", which cannot name a folder: set one that is one step of a path, without '/'`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not among %q", want, lines)
		}
	}
	if !strings.Contains(err.Error(), "MINIO_BUCKET_NAME") {
		t.Errorf("the bucket is not missed: %v", err)
	}
}

func TestAStreamNeedsBarsToCome(t *testing.T) {
	for _, c := range []struct {
		vars []string
		want string
	}{
		{[]string{"PREDICT=stream", "DATA_SOURCE=simulated"}, "DATA_SOURCE=simulated is a market that has ended, and PREDICT=stream predicts the bars to come: set PREDICT=once, or another DATA_SOURCE"},
		{[]string{"PREDICT=stream", "END=2024-06-01"}, "END is set, and PREDICT=stream predicts the bars to come: unset END, or set PREDICT=once"},
	} {
		if _, err := LoadPredict(c.vars); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v", c.vars, err)
		}
	}
	if c, err := LoadPredict([]string{"PREDICT=stream", "LOOKBACK=30d"}); err != nil || c.Predict.Mode != PredictStream {
		t.Errorf("%+v, %v", c.Predict, err)
	}
}

// Runs of a pipeline may have the variables of a prediction set.
func TestATrainingDoesNotReadThePredictionsVariables(t *testing.T) {
	c, err := Load(environ("MODEL_QUEUE_ID=q7", "PREDICT=once", "PREDICTIONS_TOPIC=p", "PREDICTIONS_STORE=false"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"MODEL_QUEUE_ID", "PREDICT", "PREDICTIONS_TOPIC", "PREDICTIONS_STORE"} {
		if _, there := c.Public()[name]; there {
			t.Errorf("%s is in the manifest", name)
		}
	}
}
