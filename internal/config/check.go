package config

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/store"
)

// The values of DATA_SOURCE beside those of package source.
const (
	auto = "auto"
	// PyG is one graph in a file, which package pyg reads.
	PyG = "pyg"
)

// resolveSource makes auto what it stands for.
func (c *Config) resolveSource(s settings, p *problems) {
	if c.Source.Source != auto {
		return
	}
	switch {
	case s.has("ARANGO_URL") && c.Source.Arango.Reads():
		c.Source.Source = source.Arango
	case c.Source.Dir != "":
		c.Source.Source = source.Files
	default:
		c.Source.Source = source.Binance
	}
}

var device = regexp.MustCompile(`^(auto|cpu|cuda(:\d{1,3})?)$`)

// check tells of values outside their range and of settings that contradict
// each other.
func (c *Config) check(s settings, p *problems) {
	m, t := c.Model, c.Train
	for _, r := range []struct {
		name string
		ok   bool
	}{
		{"DATA_SOURCE", slices.Contains([]string{source.Files, source.Simulated, source.Binance, source.Arango, PyG}, c.Source.Source)},
		{"MODEL_TYPE", m.Type == "gcn"},
		{"HIDDEN", m.Hidden >= 1 && m.Hidden <= 4096},
		{"LAYERS", m.Layers >= 1 && m.Layers <= 16},
		{"DROPOUT", m.Dropout >= 0 && m.Dropout < 1},
		{"EPOCHS", t.Epochs >= 1},
		{"LEARNING_RATE", t.LearningRate > 0 && !math.IsInf(t.LearningRate, 0)},
		{"WEIGHT_DECAY", t.WeightDecay >= 0 && !math.IsInf(t.WeightDecay, 0)},
		{"BATCH_SIZE", t.BatchSize >= 1},
		{"PATIENCE", t.Patience >= 0},
		{"DEVICE", device.MatchString(t.Device)},
		{"RESUME", t.Resume == ResumeAuto || t.Resume == ResumeNever},
		{"BASELINE", t.Baseline == BaselineNoEdges || t.Baseline == BaselineNone},
	} {
		if !r.ok {
			p.wrong(lookup(r.name), s.values[r.name])
		}
	}
	c.checkLog(s, p)
	for _, name := range []string{"MODEL_NAME", "QUEUE_ID"} { // steps of the artefacts' path
		if err := store.CheckName(s.values[name]); err != nil && s.has(name) {
			p.add("%s is %.80q, which cannot name a folder: %w", s.as[name], s.values[name], err)
		}
	}
	if c.Source.Source == PyG {
		if c.Source.Dir == "" {
			p.add("DATA_SOURCE=pyg needs DATA_DIR: set it to the file that torch.save(data) wrote")
		}
		if strings.HasPrefix(c.Source.Symbols, "top:") {
			p.add("SYMBOLS=%.80s asks for volumes, which the graph of DATA_SOURCE=pyg lacks: name its nodes, or unset it", c.Source.Symbols)
		}
	}
	p.addAll(c.Source.Validate())
	p.addAll(c.Data.Validate())
	if c.Source.Source != source.Arango && c.Source.Arango.Save != "" {
		p.addAll(c.Source.Arango.Validate())
	}
	if c.Kafka.BootstrapServers != "" {
		p.addAll(c.Kafka.Validate())
	}
	if c.Store.Endpoint != "" {
		p.addAll(c.Store.Validate())
	}
	if c.Metrics.Addr != "" {
		p.addAll(c.Metrics.Validate())
	}
	if c.Kubeflow.URL != "" {
		p.addAll(c.Kubeflow.Validate())
	}

	unread := c.unread()
	for _, name := range slices.Sorted(maps.Keys(unread)) {
		if why := unread[name]; s.has(name) && why != harmless {
			mend := "unset one of them"
			if strings.HasPrefix(why, "DATA_SOURCE") {
				mend = "unset it"
			}
			if strings.HasSuffix(why, "is not") {
				mend = "set both or neither"
			}
			p.add("%s is set, but %s: %s", s.as[name], why, mend)
		}
	}
}

// checkLog tells of wrong settings of the log.
func (c *Config) checkLog(s settings, p *problems) {
	if !slices.Contains([]string{"trace", "debug", "info", "warn", "error"}, c.Log.Level) {
		p.wrong(lookup("LOG_LEVEL"), s.values["LOG_LEVEL"])
	}
	if !slices.Contains([]string{"auto", "console", "json"}, c.Log.Format) {
		p.wrong(lookup("LOG_FORMAT"), s.values["LOG_FORMAT"])
	}
}

// addAll adds each of the errors that a package's Validate has joined, without
// the kind they share.
func (p *problems) addAll(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		p.add("%s", strings.ReplaceAll(strings.TrimSuffix(line, "\n"), data.ErrInput.Error()+": ", ""))
	}
}

// harmless is the reason of a variable without effect that a pipeline sets for
// all its services alike: it is not told of.
const harmless = ""

// unread are the variables that have no effect beside the others, and why.
func (c *Config) unread() map[string]string {
	why := map[string]string{}
	if c.Data.EdgeThreshold != nil {
		why["EDGE_TOP_K"] = "EDGE_THRESHOLD already says who is a neighbour"
	}
	if !c.Data.TrainEnd.IsZero() || !c.Data.ValidEnd.IsZero() {
		why["TRAIN_FRACTION"] = "TRAIN_END and VALID_END already divide the snapshots"
		why["VALID_FRACTION"] = why["TRAIN_FRACTION"]
	}
	if c.Kafka.BootstrapServers == "" {
		why["KAFKA_USER"] = "KAFKA_BOOTSTRAP_SERVERS is not"
		why["KAFKA_PASSWORD"] = why["KAFKA_USER"]
		why["QUEUE_CONTROL_TOPIC"], why["QUEUE_EVENTS_TOPIC"] = harmless, harmless
	}
	if c.Store.Endpoint == "" {
		for _, name := range []string{"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET_NAME"} {
			why[name] = "MINIO_ENDPOINT is not"
		}
		why["MINIO_SECURE"], why["STORE_TIMEOUT"] = harmless, harmless
	}
	if c.Kubeflow.URL == "" {
		for _, name := range []string{"KUBEFLOW_TRAINER_SERVER_CA_CERT", "KUBEFLOW_TRAINER_SERVER_TOKEN"} {
			why[name] = "KUBEFLOW_TRAINER_SERVER_URL is not"
		}
	}
	if c.Source.Source != source.Binance {
		for _, name := range []string{"BINANCE_MARKET", "BINANCE_BASE_URL", "BINANCE_FUTURES_BASE_URL", "BINANCE_WS_URL", "BINANCE_API_KEY", "BINANCE_API_SECRET", "CACHE_DIR"} {
			why[name] = harmless
		}
	}
	why["RECORD_EVERY"] = harmless
	if c.Source.Source != source.Arango {
		for _, name := range []string{"GRAPH_COLLECTION_NAME", "CANDLES_COLLECTION", "ORDERBOOK_COLLECTION", "FUNDING_COLLECTION", "COLLECTION_INPUTS", "GRAPH_WAIT"} {
			why[name] = harmless
		}
		if c.Source.Arango.Save == "" {
			for _, name := range []string{"ARANGO_URL", "ARANGO_DB", "ARANGO_USER", "ARANGO_PASSWORD"} {
				why[name] = harmless
			}
		}
	}
	switch c.Source.Source {
	case source.Simulated, source.Binance, source.Arango:
		why["DATA_DIR"] = fmt.Sprintf("DATA_SOURCE=%s reads no files", c.Source.Source)
	case PyG:
		for _, name := range []string{"INTERVAL", "START", "END", "LOOKBACK", "HORIZON", "TRAIN_END", "VALID_END"} {
			why[name] = "DATA_SOURCE=pyg reads a graph without time"
		}
		for _, name := range []string{"GRAPH_WINDOW", "EDGE_TOP_K", "EDGE_THRESHOLD", "EDGE_RETURNS"} {
			why[name] = "DATA_SOURCE=pyg reads a graph that has its edges"
		}
	}
	if a := c.Source.Arango; c.Source.Source == source.Arango && a.Graph != "" && a.Candles == "" {
		for _, name := range []string{"GRAPH_WINDOW", "EDGE_TOP_K", "EDGE_THRESHOLD", "EDGE_RETURNS"} {
			why[name] = "GRAPH_COLLECTION_NAME is a graph that has its edges"
		}
		for _, name := range []string{"ORDERBOOK_COLLECTION", "FUNDING_COLLECTION", "COLLECTION_INPUTS"} {
			why[name] = harmless // of the pipeline's other services
		}
	}
	return why
}
