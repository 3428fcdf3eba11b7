package config

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/kubeflow"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// environ is the least that a run needs, with further settings.
func environ(more ...string) []string {
	return append([]string{
		"QUEUE_ID=gnn-train-btcusdt-20240801-abc", "SYMBOL=BTCUSDT", "TYPE=gnn_trainer", "TELEMETRY_PRODUCER_ID=gnn-trainer__abc",
		"DATA_SOURCE=simulated", "PATH=/bin", "HOME=/",
	}, more...)
}

// without removes settings.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(environ, func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(names, name)
	})
}

func load(t *testing.T, more ...string) Config {
	t.Helper()
	c, err := Load(environ(more...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rejected is the sentences of Load's error, each of them a fault of kind input
// whose place is a variable.
func rejected(t *testing.T, environ []string) []string {
	t.Helper()
	_, err := Load(environ)
	var faults fault.List
	faults.Add(err)
	var sentences []string
	for _, one := range faults {
		f := fault.Of(one)
		if f.Kind != fault.ErrInput || f.What == "" {
			t.Errorf("%q is of kind %s", one, f.Kind)
		}
		sentences = append(sentences, f.Error())
	}
	return sentences
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	want := map[string]string{
		"QUEUE_ID": "gnn-train-btcusdt-20240801-abc", "SYMBOL": "BTCUSDT", "TYPE": "gnn_trainer", "TELEMETRY_PRODUCER_ID": "gnn-trainer__abc",
		"MODEL_NAME": "market_gnn_v1", "STORE_DIR": "out", "MESSAGE_LANG": "ru", "LOG_LEVEL": "info", "LOG_FORMAT": "auto", "EVENTS": "auto",
		"DATA_SOURCE": "simulated", "INTERVAL": "5m",
		"HORIZON": "1", "TARGET": "open", "TASK": "direction", "FEATURES": "streamforge", "EDGES": "correlation", "GRAPH_WINDOW": "100", "EDGE_TOP_K": "10", "EDGE_RETURNS": "raw", "MAX_GAP": "7",
		"TRAIN_FRACTION": "0.6", "VALID_FRACTION": "0.2",
		"MODEL_TYPE": "gcn", "HIDDEN": "64", "LAYERS": "2", "DROPOUT": "0.1", "RESIDUAL": "false", "NORM": "none", "JK": "last", "ENCODER": "none", "ENSEMBLE": "1", "NODE_EMBEDDING": "0",
		"EPOCHS": "100", "LEARNING_RATE": "0.001", "WEIGHT_DECAY": "0", "SCHEDULE": "none", "CLIP_NORM": "1", "EMA": "0", "LABEL_SMOOTHING": "0", "CLASS_WEIGHTS": "none", "BATCH_SIZE": "32", "PATIENCE": "10", "SEED": "42",
		"DEVICE": "auto", "SELECT": "model", "BASELINES": "prior,reversal_1,deviation_3,deviation_12,deviation_48,range_position,momentum_24,low_volatility,ridge,lightgbm,no_edges", "RESUME": "auto", "CHECKPOINT_EVERY": "10", "WORK_DIR": ".",
	}
	if got := load(t).Public(); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestEverySettingReachesItsPart(t *testing.T) {
	c := load(t, "MODEL_NAME=m2", "STORE_DIR=/srv/models", "MESSAGE_LANG=en", "LOG_LEVEL=trace", "LOG_FORMAT=json",
		"SYMBOLS=top:8", "INTERVAL=1h", "START=2024-01-01", "END=2024-03-01T00:00:00Z",
		"HORIZON=3,1", "TARGET=mid", "GRAPH_WINDOW=50", "EDGE_THRESHOLD=0", "EDGE_RETURNS=excess",
		"TRAIN_END=2024-02-01T00:00:00Z", "VALID_END=2024-02-15T12:00:00+03:00",
		"MODEL_TYPE=gatv2", "HIDDEN=128", "LAYERS=3", "HEADS=8", "DROPOUT=0", "ENCODER=gru", "ENCODER_WINDOW=9", "ENSEMBLE=3", "NODE_EMBEDDING=16", "INIT_FROM=./weights.pt", "EPOCHS=7", "LEARNING_RATE=1e-2", "WEIGHT_DECAY=5e-4", "SCHEDULE=plateau", "SCHEDULE_PATIENCE=2", "CLIP_NORM=0", "EMA=0.99", "LABEL_SMOOTHING=0.1", "CLASS_WEIGHTS=balanced", "BATCH_SIZE=16",
		"PATIENCE=0", "SEED=-7", "DEVICE=cuda:1", "BASELINE=none", "LIGHTGBM_LIB=/lib_lightgbm.so", "RESUME=never", "CHECKPOINT_EVERY=5m", "WORK_DIR=/work",
		"KAFKA_BOOTSTRAP_SERVERS=k:9093", "KAFKA_USER_CONSUMER=u", "KAFKA_PASSWORD=canary", "KAFKA_CA_PATH=/ca.pem",
		"MINIO_ENDPOINT=m:9000", "MINIO_ACCESS_KEY=canary", "MINIO_SECRET_KEY=canary", "MINIO_BUCKET=models", "STORE_TIMEOUT=1m",
		"METRICS_ADDR=:8080", "METRICS_LINGER=30s", "KUBEFLOW_TRAINER_SERVER_URL=https://k/s", "KUBEFLOW_TRAINER_SERVER_CA_CERT=/ca.crt", "KUBEFLOW_TRAINER_SERVER_TOKEN=/token")
	if c.Metrics.Addr != ":8080" || c.Metrics.Linger != 30*time.Second || c.Kubeflow != (kubeflow.Config{URL: "https://k/s", CACert: "/ca.crt", Token: "/token"}) {
		t.Errorf("%+v %+v", c.Metrics, c.Kubeflow)
	}
	if c.IDs.Symbol != "BTCUSDT" || c.Source.Symbol != "BTCUSDT" || c.Train.Seed != -7 || c.Source.Seed != -7 {
		t.Errorf("SYMBOL or SEED differ between parts: %+v", c)
	}
	if c.Kafka.Lang != kafka.English || c.Store.Dir != "/srv/models" || c.Data.EdgeThreshold == nil || *c.Data.EdgeThreshold != 0 {
		t.Errorf("%+v", c)
	}
	if want := time.Date(2024, 2, 15, 9, 0, 0, 0, time.UTC); !c.Data.ValidEnd.Equal(want) {
		t.Errorf("VALID_END is %v", c.Data.ValidEnd)
	}
	train := Train{
		Epochs: 7, LearningRate: 0.01, WeightDecay: 5e-4, InitFrom: "./weights.pt", Schedule: "plateau", Warmup: 0.15, SchedulePatience: 2, EMA: 0.99, LabelSmoothing: 0.1, ClassWeights: "balanced", BatchSize: 16, Patience: 0, Seed: -7,
		Device: "cuda:1", Resume: "never", BaselinesGiven: true, LightGBM: "/lib_lightgbm.so", Select: "model", CheckpointEvery: checkpoint.Every{Time: 5 * time.Minute},
	}
	if !reflect.DeepEqual(c.Train, train) || c.Model != (Model{Type: "gatv2", Hidden: 128, Layers: 3, Heads: 8, Norm: "none", Jump: "last", Alpha: 0.1, Theta: 0.5, Encoder: "gru", Window: 9, Members: 3, NodeEmbedding: 16}) || c.Log != (Log{"trace", "json"}) {
		t.Errorf("%+v %+v %+v", c.Train, c.Model, c.Log)
	}
	public := c.Public()
	for name, want := range map[string]string{
		"EDGE_THRESHOLD": "0", "HORIZON": "3,1", "TARGET": "mid", "VALID_END": "2024-02-15T12:00:00+03:00", "DROPOUT": "0", "PATIENCE": "0",
		"KAFKA_BOOTSTRAP_SERVERS": "k:9093", "KAFKA_USER": "u", "CA_PATH": "/ca.pem", "MINIO_BUCKET_NAME": "models", "STORE_TIMEOUT": "1m0s", "CHECKPOINT_EVERY": "5m0s", "BASELINES": "none",
	} {
		if public[name] != want {
			t.Errorf("%s is published as %q", name, public[name])
		}
	}
	for _, idle := range []string{"EDGE_TOP_K", "TRAIN_FRACTION", "VALID_FRACTION", "DATA_DIR", "LOOKBACK", "KAFKA_PASSWORD", "MINIO_SECRET_KEY", "MINIO_ACCESS_KEY"} {
		if value, there := public[idle]; there {
			t.Errorf("%s has no effect and is published as %q", idle, value)
		}
	}
}

// What Load publishes, set again, is the same configuration.
func TestPublishedValuesAreSettings(t *testing.T) {
	first := load(t, "LOOKBACK=3d", "LEARNING_RATE=0.00025", "EDGE_THRESHOLD=0.3", "TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z").Public()
	var again []string
	for name, value := range first {
		again = append(again, name+"="+value)
	}
	c, err := Load(again)
	if err != nil {
		t.Fatal(err)
	}
	if second := c.Public(); !maps.Equal(first, second) {
		t.Errorf("%v became %v", first, second)
	}
}

func TestAWrongValueIsToldInOneSentenceWithTheWayOut(t *testing.T) {
	for _, c := range []struct {
		set  string
		want string
	}{
		{"EPOCHS=0", `EPOCHS is "0": set a whole number from 1`},
		{"EPOCHS=-1", `EPOCHS is "-1": set a whole number from 1`},
		{"EPOCHS=ten", `EPOCHS is "ten": set a whole number from 1`},
		{"EPOCHS=1.5", `EPOCHS is "1.5": set a whole number from 1`},
		{"EPOCHS=99999999999", `EPOCHS is "99999999999", which is too large: set a whole number from 1`},
		{"LEARNING_RATE=0", `LEARNING_RATE is "0": set a finite number above 0`},
		{"LEARNING_RATE=-0.1", `LEARNING_RATE is "-0.1": set a finite number above 0`},
		{"LEARNING_RATE=NaN", `LEARNING_RATE is "NaN": set a finite number above 0`},
		{"LEARNING_RATE=+Inf", `LEARNING_RATE is "+Inf": set a finite number above 0`},
		{"LEARNING_RATE=1e999", `LEARNING_RATE is "1e999", which is too large: set a finite number above 0`},
		{"LEARNING_RATE=0,001", `LEARNING_RATE is "0,001": set a finite number above 0`},
		{"WEIGHT_DECAY=-1", `WEIGHT_DECAY is "-1": set a finite number from 0`},
		{"WEIGHT_DECAY=inf", `WEIGHT_DECAY is "inf": set a finite number from 0`},
		{"BATCH_SIZE=0", `BATCH_SIZE is "0": set a whole number from 1`},
		{"PATIENCE=-1", `PATIENCE is "-1": set a whole number from 0`},
		{"HIDDEN=0", `HIDDEN is "0": set a whole number from 1 to 4096`},
		{"HIDDEN=4097", `HIDDEN is "4097": set a whole number from 1 to 4096`},
		{"LAYERS=65", `LAYERS is "65": set a whole number from 1 to 64`},
		{"NORM=batch", `NORM is "batch": set none or layer`},
		{"JK=lstm", `JK is "lstm": set last, cat or max (did you mean last?)`},
		{"RESIDUAL=yes", `RESIDUAL is "yes": set true or false`},
		{"LAYERS=0", `LAYERS is "0": set a whole number from 1 to 64`},
		{"DROPOUT=1", `DROPOUT is "1": set a number from 0, below 1`},
		{"DROPOUT=-0.1", `DROPOUT is "-0.1": set a number from 0, below 1`},
		{"DROPOUT=NaN", `DROPOUT is "NaN": set a number from 0, below 1`},
		{"SEED=1e3", `SEED is "1e3": set a whole number of 64 bits`},
		{"DEVICE=gpu", `DEVICE is "gpu": set auto, cpu, cuda or cuda:N`},
		{"DEVICE=cuda:", `DEVICE is "cuda:": set auto, cpu, cuda or cuda:N`},
		{"DEVICE=CUDA", `DEVICE is "CUDA": set auto, cpu, cuda or cuda:N`},
		{"BASELINE=yes", `BASELINE names "yes": set a list of prior, signals, ridge, lightgbm, no_edges, shuffled_edges, mixer, reversal_1, deviation_3, deviation_12, deviation_48, range_position, momentum_24, low_volatility, or none`},
		{"FEATURES=streamforge,rsi_15", `FEATURES names "rsi_15", which is no feature, and DATA_SOURCE=simulated has no columns of your own: set rsi_14 in its place`},
		{"FEATURES=rsi_14,", `FEATURES is "rsi_14,", in which a name is empty: set a list of names such as streamforge,my_column`},
		{"BASELINES=ridge,no_edge", `BASELINES names "no_edge": set no_edges in its place`},
		{"BASELINES=none,ridge", `BASELINES names "none": set a list of prior, signals, ridge, lightgbm, no_edges, shuffled_edges, mixer, reversal_1, deviation_3, deviation_12, deviation_48, range_position, momentum_24, low_volatility, or none`},
		{"MESSAGE_LANG=fr", `MESSAGE_LANG is "fr": set ru or en`},
		{"LOG_LEVEL=fatal", `LOG_LEVEL is "fatal": set trace, debug, info, warn or error`},
		{"LOG_FORMAT=xml", `LOG_FORMAT is "xml": set auto, console or json`},
		{"DATA_SOURCE=csv", `DATA_SOURCE is "csv": set auto, binance, arango, files, simulated or pyg`},
		{"MODEL_TYPE=GCN", `MODEL_TYPE is "GCN": set ` + catalog.OneOf(catalog.Types()) + ` (did you mean gcn?)`},
		{"NODE_EMBEDDING=-1", `NODE_EMBEDDING is "-1": set a whole number from 0 to 256`},
		{"HEADS=2", `HEADS is set, but MODEL_TYPE=gcn does not read it: unset it`},
		{"TRAIN_END=2024-06-01", `TRAIN_END is "2024-06-01": set a time such as 2024-06-01T00:00:00Z (RFC 3339)`},
		{"EDGE_THRESHOLD=high", `EDGE_THRESHOLD is "high": set a number from -1 to 1`},
		{"HORIZON=0", `HORIZON is 0: set a number of bars from 1 to 1000000`},
		{"HORIZON=x", `HORIZON is "x": set a whole number from 1 to 1000000, or a list such as 1,6,12`},
		{"MODEL_NAME=a/b", `MODEL_NAME is "a/b", which cannot name a folder: set one that is one step of a path, without '/'`},
		{"MODEL_OUTPUT=..", `MODEL_OUTPUT is "..", which cannot name a folder: set one that is not a folder's own name or its parent's`},
		{"MODEL_NAME= m", `MODEL_NAME is " m": remove the space around it`},
		{"STORE_DIR=a\tb", `STORE_DIR is "a\tb", which holds a tab: remove it`},
		{"STORE_DIR=\xff", `STORE_DIR is "\xff", which is not UTF-8: write it in UTF-8`},

		{"MODEL_TYPE=gat", `MODEL_TYPE is "gat": set ` + catalog.OneOf(catalog.Types())},
		{"TASK=nodal", `TASK is "nodal": set direction, rank, return or node (did you mean node?)`},
		{"TASK=node", `TASK=node learns the classes of one graph's nodes, and DATA_SOURCE=simulated has markets: set DATA_SOURCE=pyg and DATA_DIR, or TASK=direction`},
		{"LOG_LEVEL=wran", `LOG_LEVEL is "wran": set trace, debug, info, warn or error (did you mean warn?)`},
		{"DATA_SOURCE=Binance", `DATA_SOURCE is "Binance": set auto, binance, arango, files, simulated or pyg (did you mean binance?)`},
		{"ENCODER=lstm", `ENCODER is "lstm": set none, tcn, gru, mlp or mixer`},
		{"ENCODER_WINDOW=27", `ENCODER_WINDOW is set, but ENCODER=none reads the newest bar alone: set ENCODER=tcn, or unset it`},
		{"LOSS=ic", `LOSS is "ic", and TASK=direction has one loss alone: unset LOSS`},
		{"KAFKA_BOOTSTRAP_SERVERS=b", `address 1 of KAFKA_BOOTSTRAP_SERVERS is not host:port: set host:port, several with commas and no spaces between`},
		{"KAFKA_BOOTSTRAP_SERVERS=b:9093,c:0", `address 2 of KAFKA_BOOTSTRAP_SERVERS is not host:port: set host:port, several with commas and no spaces between`},
		{"KAFKA_USER=u", `KAFKA_USER is set, but KAFKA_BOOTSTRAP_SERVERS is not: set both or neither`},
		{"MINIO_BUCKET=models", `MINIO_BUCKET is set, but MINIO_ENDPOINT is not: set both or neither`},
		{"MINIO_SECURE=maybe", `MINIO_SECURE is "maybe": set true or false`},
		{"STORE_TIMEOUT=soon", `STORE_TIMEOUT is "soon": set a length of time such as 15m`},
		{"METRICS_ADDR=8080", `METRICS_ADDR is "8080": set host:port, such as :8080, or unset it`},
		{"METRICS_LINGER=-1s", `METRICS_LINGER is -1s: set a length of time such as 30s, or 0`},
		{"METRICS_LINGER=soon", `METRICS_LINGER is "soon": set a length of time such as 30s, or 0`},
		{"KUBEFLOW_TRAINER_SERVER_TOKEN=/t", `KUBEFLOW_TRAINER_SERVER_TOKEN is set, but KUBEFLOW_TRAINER_SERVER_URL is not: set both or neither`},
		{"KUBEFLOW_TRAINER_SERVER_URL=https://u:p@a/b", `KUBEFLOW_TRAINER_SERVER_URL holds a user or password, which an address would show in logs: leave them out of it`},
		{"ARANGO_URL=http://u:p@a:8529", `ARANGO_URL holds a user or password, which an address would show in logs: leave them out of it`},
		{"GRAPH_WAIT=soon", `GRAPH_WAIT is "soon": set a length of time such as 10m, or 0`},
		{"RECORD_EVERY=often", `RECORD_EVERY is "often": set a length of time such as 1s`},
		{"CHECKPOINT_EVERY=0", `CHECKPOINT_EVERY is "0": set a whole number of epochs from 1, or a length of time such as 5m`},
	} {
		name, _, _ := strings.Cut(c.set, "=")
		if got := rejected(t, append(without(environ(), name), c.set)); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s:\n got %q\nwant %q", c.set, got, c.want)
		}
	}
}

// The other packages word their own sentences: each must name its variable.
func TestWhatOtherPackagesRefuseIsToldByItsVariable(t *testing.T) {
	for set, names := range map[string][]string{
		"HORIZON=0":                       {"HORIZON"},
		"GRAPH_WINDOW=1":                  {"GRAPH_WINDOW"},
		"EDGE_TOP_K=0":                    {"EDGE_TOP_K"},
		"EDGE_THRESHOLD=2":                {"EDGE_THRESHOLD"},
		"EDGE_RETURNS=log":                {"EDGE_RETURNS"},
		"TASK=price":                      {"TASK"},
		"TRAIN_FRACTION=0":                {"TRAIN_FRACTION"},
		"TRAIN_FRACTION=0.9":              {"TRAIN_FRACTION", "VALID_FRACTION"},
		"TRAIN_END=2024-06-01T00:00:00Z":  {"TRAIN_END", "VALID_END"},
		"INTERVAL=7m":                     {"INTERVAL"},
		"START=yesterday":                 {"START"},
		"LOOKBACK=long":                   {"LOOKBACK"},
		"TIME_RANGE=2024-06-02:yesterday": {"TIME_RANGE"},
		"SYMBOLS=A,A":                     {"SYMBOLS"},
		"SYMBOL=B/C":                      {"SYMBOL"},
	} {
		name, _, _ := strings.Cut(set, "=")
		got := rejected(t, append(without(environ(), name), set))
		if len(got) != 1 || strings.Contains(got[0], "bad input") {
			t.Errorf("%s: %q", set, got)
			continue
		}
		for _, name := range names {
			if !strings.Contains(got[0], name) {
				t.Errorf("%s: %q does not name %s", set, got, name)
			}
		}
	}
}

func TestSettingsThatWouldHaveNoEffectAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		set  []string
		want []string // name of each sentence's variable and a part of it
	}{
		{[]string{"EDGE_TOP_K=5", "EDGE_THRESHOLD=0.5"}, []string{"EDGE_TOP_K is set, but EDGE_THRESHOLD"}},
		{[]string{"EDGE_TOP_K=10", "EDGE_THRESHOLD=0.5"}, []string{"EDGE_TOP_K is set, but EDGE_THRESHOLD"}}, // the default, but set
		{[]string{"EDGE_TOP_K=5", "EDGE_THRESHOLD=high"}, []string{`EDGE_THRESHOLD is "high"`}},              // no threshold, so no conflict
		{[]string{"FOLD_TRAIN=3d"}, []string{"FOLD_TRAIN is set, but FOLDS=1 is one split"}},
		{[]string{"FOLD_WARM=true", "FOLDS=1"}, []string{"FOLD_WARM is set, but FOLDS=1 is one split"}},
		{[]string{"FOLDS=3", "FOLD_TRAIN=3d", "FOLD_WARM=true"}, nil},
		{[]string{"FOLDS=2", "TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z"}, []string{"FOLDS=2 cuts the snapshots by TRAIN_FRACTION"}},
		{[]string{"FOLDS=1", "TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z"}, nil},
		{[]string{"TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z", "TRAIN_FRACTION=0.6"}, []string{"TRAIN_FRACTION is set, but TRAIN_END"}},
		{
			[]string{"TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z", "VALID_FRACTION=0.6", "TRAIN_FRACTION=0.1"},
			[]string{"TRAIN_FRACTION is set, but TRAIN_END", "VALID_FRACTION is set, but TRAIN_END"},
		},
		{[]string{"START=2024-01-01", "END=2024-02-01", "LOOKBACK=30d"}, []string{"LOOKBACK"}},
		{[]string{"START=2024-01-01", "TIME_RANGE=2024-06-01:2024-06-02"}, []string{"TIME_RANGE"}},
		{[]string{"DATA_DIR=" + dir}, []string{"DATA_DIR is set, but DATA_SOURCE=simulated"}},
		{
			[]string{"DATA_SOURCE=pyg", "DATA_DIR=g.pt", "TIME_RANGE=2024-06-01:2024-06-02", "EDGE_TOP_K=3"},
			[]string{"EDGE_TOP_K is set, but DATA_SOURCE=pyg", "TIME_RANGE is set, but DATA_SOURCE=pyg"},
		},
		{[]string{"DATA_SOURCE=pyg", "DATA_DIR=g.pt", "SYMBOLS=top:3"}, []string{"SYMBOLS=top:3"}},
		{[]string{"DATA_SOURCE=pyg"}, []string{"DATA_SOURCE=pyg needs DATA_DIR"}},
		{[]string{"DATA_SOURCE=files"}, []string{"DATA_SOURCE=files needs DATA_DIR"}},
	} {
		got := rejected(t, environ(c.set...))
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.Contains(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("%v:\n got %q\nwant %q", c.set, got, c.want)
		}
	}
}

func TestAutoIsTheSourceThatTheOtherSettingsPointTo(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
		ok   bool
	}{
		{[]string{"DATA_DIR=candles"}, "files", true},
		{[]string{"DATA_DIR=candles", "DATA_SOURCE=auto"}, "files", true},
		{[]string{"DATA_SOURCE=simulated"}, "simulated", true},
		{[]string{"DATA_DIR=g.pt", "DATA_SOURCE=pyg"}, "pyg", true},
		{nil, "binance", true},
		{[]string{"DATA_SOURCE=auto"}, "binance", true},
		{[]string{"ARANGO_URL=http://a:8529"}, "binance", true},
		{[]string{"ARANGO_URL=http://a:8529", "GRAPH_NAME=g"}, "arango", true},
		{[]string{"ARANGO_URL=http://a:8529", "CANDLES_COLLECTION=c"}, "arango", true},
		{[]string{"ARANGO_URL=http://a:8529", "COLLECTION_INPUTS=a,b"}, "arango", true},
		{[]string{"ARANGO_URL=http://a:8529", "GRAPH_NAME=g", "DATA_DIR=candles"}, "arango", false}, // reads no files
		{[]string{"ARANGO_URL=http://a:8529", "DATA_DIR=candles"}, "files", true},
	} {
		cfg, err := Load(append(without(environ(), "DATA_SOURCE"), c.set...))
		if cfg.Source.Source != c.want || (err == nil) != c.ok {
			t.Errorf("%v: %s, %v", c.set, cfg.Source.Source, err)
		}
	}
}

func TestHeadsAreCheckedWhereTheModelReadsThem(t *testing.T) {
	for heads, want := range map[string][]string{
		"8":  nil,
		"65": {`HEADS is "65": set a whole number from 1 to 64`},
		"3":  {"HIDDEN=64 is no multiple of HEADS=3: set HIDDEN to a multiple of HEADS, or HEADS to a divisor of HIDDEN"},
	} {
		if got := rejected(t, environ("MODEL_TYPE=gatv2", "HEADS="+heads)); !slices.Equal(got, want) {
			t.Errorf("HEADS=%s: got %q, want %q", heads, got, want)
		}
	}
}

func TestAPreparedGraphHasItsEdges(t *testing.T) {
	base := append(without(environ(), "DATA_SOURCE"), "ARANGO_URL=http://a:8529", "GRAPH_NAME=g")
	if got, want := rejected(t, append(base, "EDGE_TOP_K=4")), "EDGE_TOP_K is set, but GRAPH_COLLECTION_NAME is a graph that has its edges: unset one of them"; !slices.Equal(got, []string{want}) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := rejected(t, append(base, "EDGE_TOP_K=4", "CANDLES_COLLECTION=c")); got != nil {
		t.Errorf("with candles: %q", got)
	}
}

func TestAllThatIsWrongIsToldAtOnceAndTheIDsSurvive(t *testing.T) {
	c, err := Load(environ("EPOCHS=0", "HIDDEN=x", "SEED=x", "ENCODER=e", "MODEL_TYPE=gat", "HORIZON=0", "KAFKA_BOOTSTRAP_SERVERS=k:1", "KAFKA_USER=u"))
	want := []string{
		"MODEL_TYPE", "ENCODER", "SEED", "HIDDEN", "EPOCHS", "HORIZON", "KAFKA_USER is set, but KAFKA_PASSWORD is not",
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d sentences, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("sentence %d is %q, want that of %s", i, line, want[i])
		}
	}
	if want := (kafka.IDs{QueueID: "gnn-train-btcusdt-20240801-abc", Symbol: "BTCUSDT", Type: "gnn_trainer", Producer: "gnn-trainer__abc"}); c.IDs != want || !c.IDs.Known() {
		t.Errorf("the ids are %+v", c.IDs)
	}
	if c.Train.Seed != 42 || c.Source.Seed != 42 || c.Model.Hidden != 64 || c.Kafka.Lang != kafka.Russian {
		t.Errorf("no defaults for what could not be read: %+v", c)
	}
}

func TestAFaultNamesTheVariableAsItIsSet(t *testing.T) {
	for set, want := range map[string]string{
		"BASELINE=yes":     `BASELINE names "yes"`,
		"GRAPH_NAME=a,b":   "GRAPH_NAME=a,b names several graphs",
		"MINIO_BUCKET=A":   `MINIO_BUCKET is "A"`,
		"MODEL_OUTPUT=a/b": `MODEL_OUTPUT is "a/b"`,
		"TIME_RANGE=a:b:c": `TIME_RANGE="a:b:c" is no range`,
	} {
		name, _, _ := strings.Cut(set, "=")
		more := []string{set}
		switch name {
		case "GRAPH_NAME":
			more = append(more, "DATA_SOURCE=arango", "ARANGO_URL=http://a:8529")
		case "MINIO_BUCKET":
			more = append(more, "MINIO_ENDPOINT=m:9000", "MINIO_ACCESS_KEY=a", "MINIO_SECRET_KEY=s")
		}
		if got := rejected(t, append(without(environ(), "DATA_SOURCE"), append([]string{"DATA_SOURCE=simulated"}, more...)...)); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %q, want %q", set, got, want)
		}
	}
}

func TestEveryMissingIDIsTold(t *testing.T) {
	ids := []string{"QUEUE_ID", "SYMBOL", "TYPE", "TELEMETRY_PRODUCER_ID"}
	got := rejected(t, append(without(environ(), ids...), "TYPE=")) // empty is unset
	if len(got) != len(ids) {
		t.Fatalf("told %q", got)
	}
	for i, id := range ids {
		if !strings.HasPrefix(got[i], id+" is not set: set it to ") {
			t.Errorf("%s: %q", id, got[i])
		}
		c, _ := Load(without(environ(), id))
		if c.IDs.Known() {
			t.Errorf("without %s the ids count as known", id)
		}
	}
}

func TestAnAliasSetsItsVariableAndMustNotContradictIt(t *testing.T) {
	if c := load(t, "MODEL_OUTPUT=m9", "MODEL_NAME="); c.Store.ModelName != "m9" {
		t.Errorf("MODEL_OUTPUT gives %q", c.Store.ModelName)
	}
	if c := load(t, "MODEL_OUTPUT=m9", "MODEL_NAME=m9"); c.Store.ModelName != "m9" {
		t.Errorf("both give %q", c.Store.ModelName)
	}
	if c := load(t, "TIME_RANGE=2024-06-01:2024-06-02"); c.Source.Lookback != "2024-06-01:2024-06-02" {
		t.Errorf("TIME_RANGE gives %q", c.Source.Lookback)
	}
	if got, want := rejected(t, environ("MODEL_NAME=a", "MODEL_OUTPUT=b")), `MODEL_NAME is "a" and its other name MODEL_OUTPUT is "b": unset one of them`; !slices.Equal(got, []string{want}) {
		t.Errorf("got %q", got)
	}
	// every alias of the contract, whichever version serves it
	for alias, name := range map[string]string{
		"KAFKA_USER_CONSUMER": "KAFKA_USER", "KAFKA_PASSWORD_CONSUMER": "KAFKA_PASSWORD", "KAFKA_CA_PATH": "CA_PATH",
		"GRAPH_COLLECTION": "GRAPH_COLLECTION_NAME", "GRAPH_NAME": "GRAPH_COLLECTION_NAME", "MINIO_BUCKET": "MINIO_BUCKET_NAME",
	} {
		got := rejected(t, environ(alias+"=a", name+"=b"))
		if !slices.ContainsFunc(got, func(s string) bool {
			return strings.Contains(s, alias) && strings.Contains(s, name) && strings.Contains(s, "unset one of them")
		}) {
			t.Errorf("%s against %s: %q", alias, name, got)
		}
	}
}

func TestASecretComesFromAFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for content, want := range map[string]string{"s3cret\n": "s3cret", "s3cret\r\n": "s3cret", " a b \n": " a b ", "x": "x"} {
		c, _ := Load(environ("KAFKA_PASSWORD_FILE="+file("pw", content), "MINIO_SECRET_KEY_FILE="+file("sk", content)))
		if c.Kafka.Password.Reveal() != want || c.Store.SecretKey.Reveal() != want {
			t.Errorf("%q gives %q and %q", content, c.Kafka.Password.Reveal(), c.Store.SecretKey.Reveal())
		}
	}
	link := filepath.Join(dir, "link") // as Kubernetes mounts secrets
	if err := os.Symlink(file("target", "linked\n"), link); err != nil {
		t.Fatal(err)
	}
	if c, _ := Load(environ("KAFKA_PASSWORD_CONSUMER_FILE=" + link)); c.Kafka.Password.Reveal() != "linked" {
		t.Errorf("a link gives %q", c.Kafka.Password.Reveal())
	}

	for _, secret := range []string{"KAFKA_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "BINANCE_API_KEY", "BINANCE_API_SECRET", "ARANGO_PASSWORD"} {
		for name, c := range map[string]struct {
			set  []string
			want string
		}{
			"both":      {[]string{secret + "=same", secret + "_FILE=" + file("f", "same")}, secret + " and " + secret + "_FILE are both set: unset one of them"},
			"absent":    {[]string{secret + "_FILE=" + filepath.Join(dir, "absent")}, "reading the file of " + secret + "_FILE: no such file or directory: set it to a file that holds the secret"},
			"a folder":  {[]string{secret + "_FILE=" + dir}, "reading the file of " + secret + "_FILE: it is not a regular file: set it to a file that holds the secret"},
			"endless":   {[]string{secret + "_FILE=/dev/zero"}, "reading the file of " + secret + "_FILE: it is not a regular file: set it to a file that holds the secret"},
			"empty":     {[]string{secret + "_FILE=" + file("e", "\n")}, "reading the file of " + secret + "_FILE: it is empty: set it to a file that holds the secret"},
			"too large": {[]string{secret + "_FILE=" + file("l", strings.Repeat("x", maxSecret+1))}, "reading the file of " + secret + "_FILE: it has more than 65536 bytes: set it to a file that holds the secret"},
		} {
			if got := rejected(t, environ(c.set...)); !slices.Contains(got, c.want) {
				t.Errorf("%s, %s: %q", secret, name, got)
			}
		}
	}
}

func TestOnlyWhatDecidesAboutTheResultIsASetting(t *testing.T) {
	cluster := []string{
		"KAFKA_BOOTSTRAP_SERVERS=k:9093", "KAFKA_USER=u", "KAFKA_PASSWORD=p", "MINIO_ENDPOINT=m:9000", "MINIO_ACCESS_KEY=a", "MINIO_SECRET_KEY=s",
		"MINIO_BUCKET_NAME=models", "STORE_DIR=/elsewhere", "LOG_LEVEL=debug", "MESSAGE_LANG=en", "RESUME=never", "CHECKPOINT_EVERY=1", "DATASET=none", "WORK_DIR=/work",
	}
	alone, inCluster := load(t), load(t, cluster...)
	if !maps.Equal(alone.Settings(), inCluster.Settings()) {
		t.Errorf("%v\n%v", alone.Settings(), inCluster.Settings())
	}
	for _, c := range []Config{alone, inCluster} {
		if !maps.Equal(Deciding(c.Public()), c.Settings()) {
			t.Errorf("%v\n%v", Deciding(c.Public()), c.Settings())
		}
	}
	for _, other := range []string{"HIDDEN=32", "SEED=1", "LEARNING_RATE=1", "EPOCHS=3", "HORIZON=2", "BASELINE=none", "SYMBOLS=top:3"} {
		if maps.Equal(alone.Settings(), load(t, other).Settings()) {
			t.Errorf("%s makes no difference", other)
		}
	}
}

func TestTheBestOfOneNetworkIsNoChoice(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"BASELINES=ridge", "SELECT=best chooses between the network and no_edges, which BASELINES does not name: set SELECT=model, or add no_edges to BASELINES"},
		{"BASELINES=none", "SELECT=best chooses between the network and no_edges, which BASELINES does not name: set SELECT=model, or add no_edges to BASELINES"},
		{"EDGES=none", "SELECT=best chooses between the network and no_edges, and EDGES=none makes both the same: set SELECT=model, or EDGES=correlation"},
		{"MODEL_TYPE=none", "SELECT=best chooses between the network and no_edges, and MODEL_TYPE=none reads no edges: set SELECT=model, or MODEL_TYPE=gcn"},
	} {
		if got := rejected(t, append(environ(), "SELECT=best", c.set)); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s:\n got %q\nwant %q", c.set, got, c.want)
		}
	}
	if c := load(t, "SELECT=best"); c.Train.Select != SelectBest || c.Trainings() != 2 {
		t.Errorf("%+v", c.Train)
	}
	if c := load(t, "BASELINES=no_edges,shuffled_edges"); c.Trainings() != 3 {
		t.Errorf("%d trainings", c.Trainings())
	}
}

func TestOneGraphHasNoEmbeddingOfItsNodes(t *testing.T) {
	got := rejected(t, environ("DATA_SOURCE=pyg", "DATA_DIR=g.pt", "TASK=node", "NODE_EMBEDDING=4"))
	want := "NODE_EMBEDDING learns a vector of each symbol from all its bars, and DATA_SOURCE=pyg reads a graph without time, whose tested nodes are not trained on: set NODE_EMBEDDING=0"
	if !slices.Equal(got, []string{want}) {
		t.Errorf("got %q", got)
	}
	if n := load(t, "NODE_EMBEDDING=4").Network(); n.NodeEmbedding != 4 {
		t.Errorf("%+v", n)
	}
}

func TestTheBaselineMixerNeedsAnEncoder(t *testing.T) {
	const why = "BASELINES names mixer, a network over the bars of ENCODER_WINDOW, and ENCODER=none reads the newest bar alone: "
	for _, c := range []struct{ set, want string }{
		{"MODEL_TYPE=gcn", why + "set ENCODER=tcn, or leave mixer out of it"},
		{"MODEL_TYPE=gcnii", why + "leave mixer out of it"},
	} {
		if got := rejected(t, environ("BASELINES=ridge,mixer", c.set)); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s:\n got %q\nwant %q", c.set, got, c.want)
		}
	}
	for set, want := range map[string]int{"ENCODER=tcn": 2, "ENCODER=mixer": 2, "ENCODER=mixer MODEL_TYPE=none": 1} {
		c := load(t, append([]string{"BASELINES=mixer"}, strings.Fields(set)...)...)
		if n := c.WithMixer().Network(); c.Trainings() != want || n.Type != "none" || n.Encoder != "mixer" || n.Window != 27 {
			t.Errorf("%s: %d trainings, %+v", set, c.Trainings(), n)
		}
	}
	if slices.Contains(load(t).Train.Baselines, BaselineMixer) {
		t.Error("it is in the default list")
	}
}

func TestTheVariablesOfGCNIIAreCheckedAndReachIt(t *testing.T) {
	for set, want := range map[string]string{
		"GCNII_ALPHA=2":   `GCNII_ALPHA is "2": set a number from 0 to 1`,
		"GCNII_THETA=-1":  `GCNII_THETA is "-1": set a finite number from 0`,
		"GCNII_THETA=Inf": `GCNII_THETA is "Inf": set a finite number from 0`,
	} {
		if got := rejected(t, environ("MODEL_TYPE=gcnii", set)); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q", set, got)
		}
	}
	if got := rejected(t, environ("GCNII_ALPHA=0.2")); len(got) != 1 || !strings.Contains(got[0], "MODEL_TYPE=gcn does not read it") {
		t.Errorf("got %q", got)
	}
	if got := rejected(t, environ("MODEL_TYPE=gcnii", "ENCODER=tcn")); len(got) != 1 || !strings.Contains(got[0], "MODEL_TYPE=gcnii has no encoder: set ENCODER=none") {
		t.Errorf("got %q", got)
	}
	if got := rejected(t, environ("NORM=layer", "ENCODER=tcn")); len(got) != 1 || !strings.Contains(got[0], "NORM is set, but the network of ENCODER=tcn has") {
		t.Errorf("got %q", got)
	}
	c := load(t, "MODEL_TYPE=gcnii", "GCNII_ALPHA=0.2", "GCNII_THETA=1.5").Model.Network()
	if c.Alpha != 0.2 || c.Theta != 1.5 {
		t.Errorf("%+v", c)
	}
}
