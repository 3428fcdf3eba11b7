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
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/store"
)

// The values of DATA_SOURCE beside those of package source.
const (
	auto = "auto"
	// PyG is one graph in a file, which package pyg reads.
	PyG = "pyg"
)

// resolveSource makes auto what it stands for.
func (c *Config) resolveSource(s settings) {
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

// check reports values outside their range and settings that contradict each
// other.
func (c *Config) check(s settings, faults *fault.List) {
	m, t := c.Model, c.Train
	for _, r := range []struct {
		name string
		ok   bool
	}{
		{"HIDDEN", m.Hidden >= 1 && m.Hidden <= 4096},
		{"LAYERS", m.Layers >= 1 && m.Layers <= 64},
		{"NODE_EMBEDDING", m.NodeEmbedding >= 0 && m.NodeEmbedding <= 256},
		{"HEADS", m.Heads >= 1 && m.Heads <= 64},
		{"DROPOUT", m.Dropout >= 0 && m.Dropout < 1},
		{"ENSEMBLE", m.Members >= 1 && m.Members <= 64},
		{"NORM", slices.Contains(catalog.Norms, m.Norm)},
		{"JK", slices.Contains(catalog.Jumps, m.Jump)},
		{"GCNII_ALPHA", m.Alpha >= 0 && m.Alpha <= 1},
		{"GCNII_THETA", m.Theta >= 0 && !math.IsInf(m.Theta, 0)},
		{"EPOCHS", t.Epochs >= 1},
		{"LEARNING_RATE", t.LearningRate > 0 && !math.IsInf(t.LearningRate, 0)},
		{"WEIGHT_DECAY", t.WeightDecay >= 0 && !math.IsInf(t.WeightDecay, 0)},
		{"WARMUP", t.Warmup >= 0 && t.Warmup < 1},
		{"SCHEDULE_PATIENCE", t.SchedulePatience >= 0},
		{"CLIP_NORM", t.ClipNorm >= 0 && !math.IsInf(t.ClipNorm, 0)},
		{"EMA", t.EMA >= 0 && t.EMA < 1},
		{"LABEL_SMOOTHING", t.LabelSmoothing >= 0 && t.LabelSmoothing < 1},
		{"BATCH_SIZE", t.BatchSize >= 1},
		{"PATIENCE", t.Patience >= 0},
		{"TUNE_TRIALS", c.Tune.Trials >= 1 && c.Tune.Trials <= maxTrials},
		{"DEVICE", device.MatchString(t.Device)},
		{"FOLDS", c.Data.Count != 0}, // others are in data
	} {
		if !r.ok {
			faults.Add(lookup(r.name).wrong(s.as[r.name], s.values[r.name]))
		}
	}
	if model, known := catalog.Lookup(m.Type); known && model.Check != nil && m.Hidden >= 1 && m.Heads >= 1 && m.Heads <= 64 {
		faults.Add(model.Check(m.Network()))
	}
	faults.Add(m.Network().CheckEncoder())
	if t.Loss != "" {
		faults.Add(catalog.CheckLoss(c.Data.Task, t.Loss))
	}
	if c.Data.Task == data.TaskNode && c.Source.Source != PyG {
		faults.Add(fault.Input("TASK=node learns the classes of one graph's nodes, and DATA_SOURCE=%s has markets", c.Source.Source).At("TASK").Fix("set DATA_SOURCE=pyg and DATA_DIR, or TASK=direction"))
	}
	if c.Data.Task == data.TaskNode && m.Type == "peer" {
		faults.Add(fault.Input("MODEL_TYPE=peer is of markets, and TASK=node of other graphs").At("MODEL_TYPE").Fix("set %s", catalog.OneOf(slices.DeleteFunc(catalog.Types(), func(t string) bool { return t == m.Type }))))
	}
	if c.Source.Source == PyG && m.Network().Encoded() {
		faults.Add(fault.Input("ENCODER=%s reads past bars, and DATA_SOURCE=pyg reads a graph without time", m.Encoder).At("ENCODER").Fix("set ENCODER=none"))
	}
	if c.Source.Source == PyG && m.NodeEmbedding > 0 {
		faults.Add(fault.Input("NODE_EMBEDDING learns a vector of each symbol from all its bars, and DATA_SOURCE=pyg reads a graph without time, whose tested nodes are not trained on").At("NODE_EMBEDDING").Fix("set NODE_EMBEDDING=0"))
	}
	for _, step := range []struct { // of the artefacts' path
		name  string
		check func(string) error
	}{{"MODEL_NAME", store.CheckModel}, {"QUEUE_ID", store.CheckRun}} {
		if err := step.check(s.values[step.name]); err != nil && s.has(step.name) {
			as := s.as[step.name]
			faults.Add(fault.Input("%s is %s, which cannot name a folder", as, shortQuote(s.values[step.name])).At("%s", as).Fix("set one %v", err))
		}
	}
	if c.Source.Source == PyG {
		if c.Source.Dir == "" {
			faults.Add(fault.Input("DATA_SOURCE=pyg needs DATA_DIR").At("DATA_DIR").Fix("set it to the file that torch.save(data) wrote"))
		}
		if strings.HasPrefix(c.Source.Symbols, "top:") {
			faults.Add(fault.Input("SYMBOLS=%.80s asks for volumes, which the graph of DATA_SOURCE=pyg lacks", c.Source.Symbols).At("SYMBOLS").
				Fix("name its nodes, or unset it"))
		}
	}
	if from := t.InitFrom; from != "" && !c.InitFromFile() {
		if err := store.CheckRun(from); err != nil {
			faults.Add(fault.Input("INIT_FROM is %s, which is neither a QUEUE_ID nor a path", shortQuote(from)).At("INIT_FROM").Fix("set the QUEUE_ID of a finished run, or a path such as ./weights.pt"))
		} else if from == c.IDs.QueueID {
			faults.Add(fault.Input("INIT_FROM is this run's own QUEUE_ID").At("INIT_FROM").Fix("set that of another run; an interrupted run resumes by itself"))
		}
	}
	t.Baselines.problems(faults)
	if t.Baselines.Has(BaselineMixer) && !m.Network().Encoded() {
		f := fault.Input("BASELINES names mixer, a network over the bars of ENCODER_WINDOW, and ENCODER=none reads the newest bar alone").At("BASELINES").Fix("leave mixer out of it")
		if model, _ := catalog.Lookup(m.Type); !model.Unencoded && c.Source.Source != PyG {
			f = f.Fix("set ENCODER=tcn, or leave mixer out of it")
		}
		faults.Add(f)
	}
	if t.Select == SelectBest && !c.TrainsTwin() {
		f := fault.Input("SELECT=best chooses between the network and no_edges, which BASELINES does not name").At("SELECT").Fix("set SELECT=model, or add no_edges to BASELINES")
		if t.Baselines.Has(BaselineNoEdges) {
			same, edges := "EDGES=none makes both the same", "EDGES=correlation"
			if model, _ := catalog.Lookup(m.Type); model.EdgeFree {
				same, edges = "MODEL_TYPE="+m.Type+" reads no edges", "MODEL_TYPE=gcn"
			}
			f = fault.Input("SELECT=best chooses between the network and no_edges, and %s", same).At("SELECT").Fix("set SELECT=model, or %s", edges)
		}
		faults.Add(f)
	}
	c.checkFeatures(faults)
	c.checkEdges(s, faults)
	addAll(faults, c.Source.Validate())
	addAll(faults, c.Data.Validate())
	if interval, err := source.ParseInterval(c.Source.Interval); err == nil {
		addAll(faults, c.Data.CheckFoldTrain(interval))
	}
	if c.Source.Source != source.Arango && c.Source.Arango.Save != "" {
		addAll(faults, c.Source.Arango.Validate())
	}
	if c.Kafka.BootstrapServers != "" {
		addAll(faults, c.Kafka.Validate())
	}
	if c.Store.Endpoint != "" {
		addAll(faults, c.Store.Validate())
	}
	addAll(faults, c.Metrics.Validate())
	if c.Kubeflow.URL != "" {
		addAll(faults, c.Kubeflow.Validate())
	}
	ineffective := c.ineffective()
	for _, name := range slices.Sorted(maps.Keys(ineffective)) {
		if why := ineffective[name]; s.has(name) && why != harmless {
			faults.Add(fault.Input("%s is set, but %s", s.as[name], why.text).At("%s", s.as[name]).Fix("%s", why.remedy))
		}
	}
}

// checkFeatures rejects a column that FEATURES names of a source without columns
// of a user's own. Those of files are looked for where these are read.
func (c *Config) checkFeatures(faults *fault.List) {
	if c.Source.Source == source.Files {
		return
	}
	for _, name := range c.Data.Features.Columns() {
		if name != "" { // that is reported by itself
			faults.Add(data.UnknownFeature(name, ", and DATA_SOURCE="+c.Source.Source+" has no columns of your own", data.FeatureNames()))
		}
	}
}

// reason is why a variable has no effect, and what to do about it.
type reason struct{ text, remedy string }

// harmless is the reason of a variable without effect that a pipeline sets for
// all its services alike: it is not reported.
var harmless = reason{}

// duplicates is the reason of one that another variable replaces.
func duplicates(text string) reason { return reason{text, "unset one of them"} }

// lacks is the reason of one that needs another variable.
func lacks(name string) reason { return reason{name + " is not", "set both or neither"} }

// ineffective are the variables that have no effect beside the others, and why.
func (c *Config) ineffective() map[string]reason {
	why := map[string]reason{}
	c.ineffectiveEdges(why)
	if !c.Data.TrainEnd.IsZero() || !c.Data.ValidEnd.IsZero() {
		why["TRAIN_FRACTION"] = duplicates("TRAIN_END and VALID_END already split the snapshots")
		why["VALID_FRACTION"] = why["TRAIN_FRACTION"]
	}
	if c.Data.Count <= 1 {
		why["FOLD_TRAIN"] = reason{"FOLDS=1 is one split", "set FOLDS=3, or unset it"}
		why["FOLD_WARM"] = why["FOLD_TRAIN"]
		why["FOLDS"] = harmless // what a version without folds did
	}
	if c.Train.Schedule != ScheduleOneCycle && c.Train.Schedule != ScheduleCosine {
		why["WARMUP"] = reason{fmt.Sprintf("SCHEDULE=%s has no warm-up", c.Train.Schedule), "set SCHEDULE=one_cycle or cosine, or unset it"}
	}
	if c.Train.Schedule != SchedulePlateau {
		why["SCHEDULE_PATIENCE"] = reason{fmt.Sprintf("SCHEDULE=%s does not wait for epochs", c.Train.Schedule), "set SCHEDULE=plateau, or unset it"}
	}
	if task := c.Data.Task; task == "rank" || task == "return" {
		for _, name := range []string{"LABEL_SMOOTHING", "CLASS_WEIGHTS"} {
			why[name] = reason{fmt.Sprintf("TASK=%s predicts no classes", task), "unset it"}
		}
	}
	if c.Kafka.BootstrapServers == "" {
		why["KAFKA_USER"] = lacks("KAFKA_BOOTSTRAP_SERVERS")
		why["KAFKA_PASSWORD"] = why["KAFKA_USER"]
		why["QUEUE_CONTROL_TOPIC"], why["QUEUE_EVENTS_TOPIC"] = harmless, harmless
	}
	if c.Store.Endpoint == "" {
		for _, name := range []string{"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET_NAME"} {
			why[name] = lacks("MINIO_ENDPOINT")
		}
		why["MINIO_SECURE"], why["STORE_TIMEOUT"] = harmless, harmless
	}
	if c.Metrics.Addr == "" {
		why["METRICS_LINGER"] = harmless
	}
	if c.Kubeflow.URL == "" {
		for _, name := range []string{"KUBEFLOW_TRAINER_SERVER_CA_CERT", "KUBEFLOW_TRAINER_SERVER_TOKEN"} {
			why[name] = lacks("KUBEFLOW_TRAINER_SERVER_URL")
		}
	}
	if c.Source.Source != source.Binance {
		for _, name := range []string{"BINANCE_MARKET", "BINANCE_BASE_URL", "BINANCE_FUTURES_BASE_URL", "BINANCE_WS_URL", "BINANCE_API_KEY", "BINANCE_API_SECRET", "CACHE_DIR"} {
			why[name] = harmless
		}
	}
	for _, name := range []string{"RECORD_EVERY", "TUNE_TRIALS", "PREDICT", "MODEL_QUEUE_ID", "PREDICTIONS_TOPIC", "PREDICTIONS_STORE"} { // of other commands
		why[name] = harmless
	}
	if !c.Train.Baselines.Has("lightgbm") {
		why["LIGHTGBM_LIB"] = harmless
	}
	if model, known := catalog.Lookup(c.Model.Type); known {
		for _, name := range model.Ineffective() {
			why[name] = reason{fmt.Sprintf("MODEL_TYPE=%s does not read it", model.Type), "unset it"}
		}
	}
	if c.Model.Network().Encoded() {
		for _, name := range []string{"RESIDUAL", "NORM", "JK"} {
			why[name] = reason{fmt.Sprintf("the network of ENCODER=%s has residuals and a norm of its own", c.Model.Encoder), "unset it, or set ENCODER=none"}
		}
	} else {
		why["ENCODER_WINDOW"] = reason{"ENCODER=none reads the newest bar alone", "set ENCODER=tcn, or unset it"}
	}
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
		why["DATA_DIR"] = reason{fmt.Sprintf("DATA_SOURCE=%s reads no files", c.Source.Source), "unset it"}
	case PyG:
		why["EXCLUDE"] = reason{"DATA_SOURCE=pyg reads one graph with all its nodes", "unset it"}
		why["FEATURES"] = reason{"DATA_SOURCE=pyg reads a graph that has its features", "unset it"}
		for _, name := range []string{"INTERVAL", "START", "END", "LOOKBACK", "HORIZON", "TARGET", "TRAIN_END", "VALID_END", "FOLDS", "FOLD_TRAIN", "FOLD_WARM"} {
			why[name] = reason{"DATA_SOURCE=pyg reads a graph without time", "unset it"}
		}
		for _, name := range edgeVariables {
			why[name] = reason{"DATA_SOURCE=pyg reads a graph that has its edges", "unset it"}
		}
	}
	if a := c.Source.Arango; c.Source.Source == source.Arango && a.Graph != "" && a.Candles == "" {
		for _, name := range edgeVariables {
			why[name] = duplicates("GRAPH_COLLECTION_NAME is a graph that has its edges")
		}
		why["FEATURES"] = duplicates("GRAPH_COLLECTION_NAME is a graph that has its features")
		why["TARGET"] = duplicates("GRAPH_COLLECTION_NAME is a graph that has its labels, or one price a moment")
		for _, name := range []string{"ORDERBOOK_COLLECTION", "FUNDING_COLLECTION", "COLLECTION_INPUTS"} {
			why[name] = harmless // of the pipeline's other services
		}
	}
	return why
}
