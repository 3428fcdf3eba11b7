package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// variable describes one environment variable.
type variable struct {
	name    string
	meaning string
	accepts string   // what it must be set to, as the object of "set"; "" for any text
	values  []string // all there are, of an enumeration: they stand in for accepts
	unit    string   // of a number
	aliases []string // other names, which StreamForge's queue-manager injects

	required    bool
	secret      bool // is never shown, and may come from the file that NAME_FILE names
	address     bool // is a URL, in which a user and password have no place
	operational bool // does not affect the result: a run resumes whatever it is
}

// group is the variables of one topic.
type group struct {
	title string
	vars  []variable
}

const (
	fromOne = "a whole number from 1"
	share   = "a number above 0, below 1"
	instant = "a time such as 2024-06-01T00:00:00Z (RFC 3339)"
	span    = "a time (RFC 3339) or a date such as 2024-06-01 (UTC)"
)

// groups is the table of variables: all there are, in the order of the help.
var groups = []group{
	{title: "Run", vars: []variable{
		{name: "QUEUE_ID", required: true, meaning: "id of the pipeline run", accepts: "the pipeline run's id"},
		{name: "SYMBOL", required: true, meaning: "always one of the nodes; its metrics are reported separately", accepts: "a symbol such as BTCUSDT"},
		{name: "TYPE", operational: true, required: true, meaning: "type of this service in telemetry", accepts: "the type that telemetry carries, such as gnn_trainer"},
		{name: "TELEMETRY_PRODUCER_ID", operational: true, required: true, meaning: "id of this service in telemetry", accepts: "this service's id, such as gnn-trainer__abc"},
		{name: "MODEL_NAME", aliases: []string{"MODEL_OUTPUT"}, meaning: "first folder of the artefacts' path, MODEL_NAME/QUEUE_ID"},
		{name: "STORE_DIR", operational: true, meaning: "folder that artefacts go to; with MinIO, where they wait to be uploaded"},
		{name: "DATASET", operational: true, meaning: "snapshots that dataset.pt holds; newest:N: the N newest; test: those of the test split, of all folds; none: there is no dataset.pt; unset: all where the file stays below 200 MB, else the newest that do", accepts: "all, test, none or newest:N, such as newest:1000", unit: "snapshots"},
		{name: "WORK_DIR", operational: true, meaning: "parent of a relative STORE_DIR"},
		{name: "MESSAGE_LANG", operational: true, meaning: "language of telemetry messages", values: []string{"ru", "en"}},
		{name: "LOG_LEVEL", operational: true, meaning: "lowest level logged on stderr", values: []string{"trace", "debug", "info", "warn", "error"}},
		{name: "LOG_FORMAT", operational: true, meaning: "form of the log; auto: console on a terminal, else json", values: []string{"auto", "console", "json"}},
		{name: "EVENTS", operational: true, meaning: "whether events are JSON lines on stdout, beside Kafka where that is configured; auto: yes, unless stdout is a terminal or Kafka is configured", values: []string{"auto", "stdout", "none"}},
	}},
	{title: "Market", vars: []variable{
		{name: "DATA_SOURCE", meaning: "where the market comes from; auto: arango if ARANGO_URL and a collection are set, files if DATA_DIR is, else binance", values: []string{"auto", "binance", "arango", "files", "simulated", "pyg"}},
		{name: "DATA_DIR", meaning: "files: folder of SYMBOL.csv, .csv.gz, .zip or .parquet, or of files with a column of symbols; pyg: file that torch.save(data) wrote"},
		{name: "SYMBOLS", meaning: "the nodes, as A,B,C or top:N by quote volume; unset: all that the source has (binance: top:20; simulated: 20)"},
		{name: "EXCLUDE", meaning: "symbols that the source's own choice leaves out, where SYMBOLS is unset or top:N", accepts: "a list such as A,B,C"},
		{name: "INTERVAL", meaning: "length of a bar", accepts: "one of Binance's names, 1m to 1d"},
		{name: "START", meaning: "first open time; unset: that of the oldest bar", accepts: span, unit: "time"},
		{name: "END", meaning: "first open time after the range; unset: none", accepts: span, unit: "time"},
		{name: "LOOKBACK", aliases: []string{"TIME_RANGE"}, meaning: "length of the range before END; unset: everything (binance, simulated: 30d)", accepts: "a length such as 30d, 12h, 90m or 2w, or START:END", unit: "duration"},
	}},
	{title: "Graph and labels", vars: []variable{
		{name: "FEATURES", meaning: "columns of x; streamforge: 14 of candles, books and funding, as far as the market has them; market: 35 in units of volatility and relative to the other symbols; all: both; or a list of these, names of features, and numeric columns of the files, which enter as they are", accepts: "a list of names such as streamforge,my_column"},
		{name: "HORIZON", meaning: "bars that a target looks ahead; in a list the first decides early stopping", accepts: "a whole number from 1 to 1000000, or a list such as 1,6,12", unit: "bars"},
		{name: "TARGET", meaning: "prices that a return is measured between; open: the next bar's open and the one HORIZON bars later, which can be traded; close: this bar's close and a later one; mid: mid prices, where books were recorded", values: []string{"open", "close", "mid"}},
		{name: "TASK", meaning: "what is predicted; direction: down, flat or up; rank: the return in units of its volatility, beside the other nodes of the bar; return: the same by itself; node: classes of the nodes of one graph, with DATA_SOURCE=pyg", values: catalog.Tasks()},
		{name: "EDGES", meaning: "what joins the nodes, as a list of edge types; correlation: of their returns; partial: coefficients of the regression of each on all others, signed; leadlag: correlation with the source's return of the bar before, signed; static: EDGES_FILE", accepts: "a list of correlation, partial, leadlag and static, or none"},
		{name: "EDGES_FILE", meaning: "for EDGES=static: CSV file with the columns source, target and, where weights are not all 1, weight", accepts: "the path of a CSV file"},
		{name: "GRAPH_WINDOW", meaning: "bars of returns that a correlation spans", accepts: "a whole number from 3 to 1000000", unit: "bars"},
		{name: "MAX_GAP", meaning: "longest run of missing bars that a return is taken across; after a longer one a symbol is masked until its windows are full again", accepts: "a whole number from 0 to 24", unit: "bars"},
		{name: "EDGE_TOP_K", meaning: "sources of a node: those most correlated with it, or with the largest coefficients; partial edges join all where it is unset", accepts: fromOne, unit: "nodes"},
		{name: "EDGE_THRESHOLD", meaning: "for correlation, instead of EDGE_TOP_K: all nodes with at least this correlation are sources", accepts: "a number from -1 to 1", unit: "correlation"},
		{name: "EDGE_RETURNS", meaning: "returns that are correlated; excess: less the market's mean", values: []string{"raw", "excess"}},
		{name: "EDGE_RIDGE", meaning: "for partial: what is added to the diagonal of the correlation matrix before it is inverted; more shrinks the coefficients", accepts: "a number from 0.000001 to 1000"},
		{name: "EDGE_EVERY", meaning: "bars between two computations of the edges, at multiples of it since 1970; unset: 1 for correlation, those of a day for partial and leadlag", accepts: "a whole number from 1 to 1000000", unit: "bars"},
		{name: "TRAIN_END", meaning: "snapshots before it train", accepts: instant, unit: "time"},
		{name: "VALID_END", meaning: "snapshots from TRAIN_END to it validate, later ones test", accepts: instant, unit: "time"},
		{name: "TRAIN_FRACTION", meaning: "share of the snapshots that train, unless TRAIN_END is set", accepts: share, unit: "share of the snapshots"},
		{name: "VALID_FRACTION", meaning: "share of the snapshots that validate, unless VALID_END is set", accepts: share, unit: "share of the snapshots"},
		{name: "FOLDS", meaning: "test windows of a walk-forward: what follows TRAIN_FRACTION and VALID_FRACTION is cut into so many, and the model is trained anew before each", accepts: fmt.Sprintf("a whole number from 1 to %d", data.MaxFolds), unit: "folds"},
		{name: "FOLD_TRAIN", meaning: "with FOLDS: length of what trains and validates before a test window; unset: everything before it", accepts: "a length such as 60d, 12h, 90m or 2w", unit: "duration"},
		{name: "FOLD_WARM", meaning: "with FOLDS: whether a fold begins with the weights of the one before", accepts: "true or false"},
	}},
	{title: "Model", vars: []variable{
		{name: "MODEL_TYPE", meaning: "kind of graph layer", values: catalog.Types()},
		{name: "HIDDEN", meaning: "channels of a hidden layer", accepts: "a whole number from 1 to 4096", unit: "channels"},
		{name: "LAYERS", meaning: "graph layers", accepts: "a whole number from 1 to 64", unit: "layers"},
		{name: "HEADS", meaning: "attention heads of a layer, which share HIDDEN; read by MODEL_TYPE=" + catalog.OneOf(catalog.Readers("HEADS")), accepts: "a whole number from 1 to 64", unit: "heads"},
		{name: "DROPOUT", meaning: "probability that training drops a hidden value", accepts: "a number from 0, below 1", unit: "probability"},
		{name: "ENCODER", meaning: "network that reads each node's own past, so that x is [N, ENCODER_WINDOW, F]; tcn: temporal convolutions; gru: a recurrent network; mlp: a perceptron over all bars; mixer: perceptrons over the bars and the channels by turns", values: catalog.Encoders()},
		{name: "ENCODER_WINDOW", meaning: "bars that ENCODER reads, the newest included", accepts: "a whole number from 2 to 6561; with ENCODER=tcn a power of 3", unit: "bars"},
		{name: "NODE_EMBEDDING", meaning: "values of a vector that is learned of each symbol and is beside its features, so that the model knows its own symbols alone; 0: none", accepts: "a whole number from 0 to 256", unit: "values"},
		{name: "RESIDUAL", meaning: "whether a layer's input is added to its output, where both are as wide; read by MODEL_TYPE=" + catalog.OneOf(catalog.Readers("RESIDUAL")), accepts: "true or false"},
		{name: "NORM", meaning: "what follows a layer, before ReLU; layer: layer norm over a node's channels; read by MODEL_TYPE=" + catalog.OneOf(catalog.Readers("NORM")), values: catalog.Norms},
		{name: "JK", meaning: "jumping knowledge: what of the layers the head reads; last: the last one's output; cat: all side by side; max: the largest at each place; read by MODEL_TYPE=" + catalog.OneOf(catalog.Readers("JK")), values: catalog.Jumps},
		{name: "GCNII_ALPHA", meaning: "share of the initial features in each layer of MODEL_TYPE=gcnii", accepts: "a number from 0 to 1"},
		{name: "GCNII_THETA", meaning: "how much layer k of MODEL_TYPE=gcnii transforms: ln(1 + GCNII_THETA / k)", accepts: "a finite number from 0"},
	}},
	{title: "Training", vars: []variable{
		{name: "INIT_FROM", meaning: "weights that the training begins with: those of the result of another QUEUE_ID of MODEL_NAME, or a file with a / or the ending .pt that holds a state dict, such as a weights.pt; unset: they are drawn", accepts: "the QUEUE_ID of a finished run, or a path such as ./weights.pt"},
		{name: "ENSEMBLE", meaning: "networks of SEED, SEED+1 and so on that are trained side by side and stored as one model, whose outputs are averaged", accepts: "a whole number from 1 to 64", unit: "networks"},
		{name: "EPOCHS", meaning: "epochs at most", accepts: fromOne, unit: "epochs"},
		{name: "LEARNING_RATE", meaning: "step size of the optimiser", accepts: "a finite number above 0"},
		{name: "WEIGHT_DECAY", meaning: "weight decay of the optimiser", accepts: "a finite number from 0"},
		{name: "SCHEDULE", meaning: "how the learning rate goes, from LEARNING_RATE or up to it; one_cycle: up, and down to nearly 0; cosine: down to 0 along half a cosine; plateau: halved where validation stops improving", values: []string{ScheduleNone, ScheduleOneCycle, ScheduleCosine, SchedulePlateau}},
		{name: "WARMUP", meaning: "share of the steps in which the learning rate rises from a 25th of LEARNING_RATE, with SCHEDULE=one_cycle or cosine", accepts: "a number from 0, below 1", unit: "share of the steps"},
		{name: "SCHEDULE_PATIENCE", meaning: "epochs without improvement before SCHEDULE=plateau halves the learning rate", accepts: "a whole number from 0", unit: "epochs"},
		{name: "CLIP_NORM", meaning: "joint norm that the gradients of a step are scaled down to; 0: none", accepts: "a finite number from 0"},
		{name: "EMA", meaning: "decay of a moving average of the weights, which is validated and stored in their place; 0: none", accepts: "a number from 0, below 1"},
		{name: "LABEL_SMOOTHING", meaning: "share of a label that the training loss spreads over all classes", accepts: "a number from 0, below 1"},
		{name: "CLASS_WEIGHTS", meaning: "weights of the classes in the training loss; balanced: each class of the training split counts as much as the others", values: []string{ClassWeightsNone, ClassWeightsBalanced}},
		{name: "BATCH_SIZE", meaning: "snapshots of a step", accepts: fromOne, unit: "snapshots"},
		{name: "PATIENCE", meaning: "epochs without improvement before an early stop; 0: none", accepts: "a whole number from 0", unit: "epochs"},
		{name: "LOSS", meaning: "what training minimises; unset: the task's own. TASK=rank: huber, mse, or ic, minus the mean correlation over the bars; TASK=return: huber or mse", accepts: "huber, mse or ic"},
		{name: "SEED", meaning: "seed of everything random", accepts: "a whole number of 64 bits"},
		{name: "DEVICE", meaning: "device of the tensors; auto: CUDA if there is one", accepts: "auto, cpu, cuda or cuda:N"},
		{name: "BASELINES", aliases: []string{"BASELINE"}, meaning: "what the model is compared with: prior, the classes' shares; signals, forecasts without parameters, or their names; ridge, a regression on ranks; lightgbm, boosted trees on ranks; no_edges, the same network without edges; shuffled_edges, the same with other edges; mixer, with an ENCODER: ENCODER=mixer without a graph", accepts: "a list of prior, signals, ridge, lightgbm, no_edges, shuffled_edges, mixer and names of signals, or none"},
		{name: "SELECT", meaning: "which network is the result's model.pt; model: the one with edges; best: of that and no_edges the one with the better validation", values: []string{"model", "best"}},
		{name: "LIGHTGBM_LIB", operational: true, meaning: "file of LightGBM's C library, for the baseline lightgbm; unset: lib_lightgbm.so beside the program's libraries"},
	}},
	{title: "Search", vars: []variable{
		{name: "TUNE_TRIALS", operational: true, meaning: "gnn-trainer tune: configurations that are tried; the range of each searched variable is in TUNE_ and its name, such as TUNE_HIDDEN=16..128", accepts: "a whole number from 1 to 10000", unit: "configurations"},
	}},
	{title: "Prediction", vars: []variable{
		{name: "MODEL_QUEUE_ID", operational: true, meaning: "gnn-trainer predict: QUEUE_ID of the run whose model predicts; unset: the one that latest.json of MODEL_NAME names", accepts: "the QUEUE_ID of a finished run"},
		{name: "PREDICT", operational: true, meaning: "gnn-trainer predict: what is predicted; once: the newest closed bar, of every symbol; stream: it, and each that closes from then on", values: []string{PredictOnce, PredictStream}},
		{name: "PREDICTIONS_TOPIC", operational: true, meaning: "gnn-trainer predict: Kafka topic that gets a message for each bar, whose key is MODEL_NAME/INTERVAL; unset: none"},
		{name: "PREDICTIONS_STORE", operational: true, meaning: "gnn-trainer predict: whether predictions are kept in the store, in MODEL_NAME/predictions/DATE.parquet", accepts: "true or false"},
	}},
	{title: "Checkpoints", vars: []variable{
		{name: "CHECKPOINT_EVERY", operational: true, meaning: "epochs, or time, between checkpoints", accepts: "a whole number of epochs from 1, or a length of time such as 5m", unit: "epochs or duration"},
		{name: "RESUME", operational: true, meaning: "what a QUEUE_ID that ran before does; auto: resume from its checkpoint, or re-emit its terminal event; never: train anew", values: []string{"auto", "never"}},
	}},
	{title: "Kafka", vars: []variable{
		{name: "KAFKA_BOOTSTRAP_SERVERS", operational: true, meaning: "brokers, host:port, comma-separated; unset: events go where EVENTS says, and only signals stop a run"},
		{name: "KAFKA_USER", operational: true, aliases: []string{"KAFKA_USER_CONSUMER"}, meaning: "SCRAM-SHA-512 user, over TLS; unset: no authentication"},
		{name: "KAFKA_PASSWORD", operational: true, aliases: []string{"KAFKA_PASSWORD_CONSUMER"}, secret: true, meaning: "its password"},
		{name: "CA_PATH", operational: true, aliases: []string{"KAFKA_CA_PATH"}, meaning: "PEM file of authorities: alone trusted for Kafka, trusted beside the system's for MinIO and ArangoDB"},
		{name: "QUEUE_CONTROL_TOPIC", operational: true, meaning: "topic that stops come from"},
		{name: "QUEUE_EVENTS_TOPIC", operational: true, meaning: "topic that events go to"},
	}},
	{title: "MinIO", vars: []variable{
		{name: "MINIO_ENDPOINT", operational: true, meaning: "server, host:port; unset: artefacts go to STORE_DIR"},
		{name: "MINIO_ACCESS_KEY", operational: true, secret: true, meaning: "access key"},
		{name: "MINIO_SECRET_KEY", operational: true, secret: true, meaning: "secret key"},
		{name: "MINIO_BUCKET_NAME", operational: true, aliases: []string{"MINIO_BUCKET"}, meaning: "bucket that artefacts go to; created if it is missing"},
		{name: "MINIO_SECURE", operational: true, meaning: "whether to use TLS", accepts: "true or false"},
		{name: "STORE_TIMEOUT", operational: true, meaning: "how long MinIO may be unavailable before the run gives up", accepts: "a length of time such as 15m", unit: "duration"},
	}},
	{title: "Binance", vars: []variable{
		{name: "BINANCE_MARKET", meaning: "market that candles come from; usdm: perpetual futures with funding", values: []string{"spot", "usdm"}},
		{name: "BINANCE_BASE_URL", operational: true, address: true, meaning: "REST server of the spot market: a mirror, the testnet"},
		{name: "BINANCE_FUTURES_BASE_URL", operational: true, address: true, meaning: "REST server of the futures"},
		{name: "BINANCE_WS_URL", operational: true, address: true, meaning: "stream server of the market, for record; unset: Binance's"},
		{name: "BINANCE_API_KEY", operational: true, secret: true, meaning: "API key, sent if it is set; public data need none"},
		{name: "BINANCE_API_SECRET", operational: true, secret: true, meaning: "its secret; never used, since what is read is public"},
		{name: "CACHE_DIR", operational: true, meaning: "cache of what was fetched, one Parquet file per symbol and month; a relative one is in WORK_DIR"},
		{name: "RECORD_EVERY", operational: true, meaning: "record: time between two rows of a symbol's order book", accepts: "a length of time such as 1s", unit: "duration"},
	}},
	{title: "ArangoDB", vars: []variable{
		{name: "ARANGO_URL", operational: true, address: true, meaning: "server, http://host:8529, or the endpoints of a cluster, comma-separated"},
		{name: "ARANGO_DB", meaning: "database"},
		{name: "ARANGO_USER", operational: true, meaning: "user"},
		{name: "ARANGO_PASSWORD", operational: true, secret: true, meaning: "its password"},
		{name: "GRAPH_COLLECTION_NAME", aliases: []string{"GRAPH_COLLECTION", "GRAPH_NAME"}, meaning: "prepared graph: a named graph, or a collection of nodes and edges"},
		{name: "CANDLES_COLLECTION", meaning: "collections of candles, comma-separated, that the graph is built from"},
		{name: "ORDERBOOK_COLLECTION", meaning: "collections of order books, comma-separated"},
		{name: "FUNDING_COLLECTION", meaning: "collections of funding rates, comma-separated"},
		{name: "COLLECTION_INPUTS", meaning: "all of these in one list: its documents show what each holds"},
		{name: "GRAPH_WAIT", operational: true, meaning: "how long to wait for a graph or candles that are not there yet", accepts: "a length of time such as 10m, or 0", unit: "duration"},
		{name: "GRAPH_SAVE", operational: true, meaning: "named graph that the newest snapshot is written to; unset: none"},
	}},
	{title: "Observation", vars: []variable{
		{name: "METRICS_ADDR", operational: true, meaning: "host:port, or :port, that /metrics, /healthz and /readyz are served on; unset: nowhere"},
		{name: "METRICS_LINGER", operational: true, meaning: "how long a finished run with METRICS_ADDR waits for a scrape of its verdict, the first of which ends the wait", accepts: "a length of time such as 30s, or 0", unit: "duration"},
		{name: "KUBEFLOW_TRAINER_SERVER_URL", operational: true, address: true, meaning: "https address of the TrainJob's status, which Kubeflow Trainer sets: the progress is reported there"},
		{name: "KUBEFLOW_TRAINER_SERVER_CA_CERT", operational: true, meaning: "file of the authority that signed its certificate"},
		{name: "KUBEFLOW_TRAINER_SERVER_TOKEN", operational: true, meaning: "file of the token for it, read again for each report"},
	}},
}

// lookup is the variable of that name; there must be one.
func lookup(name string) variable {
	for _, g := range groups {
		if i := slices.IndexFunc(g.vars, func(v variable) bool { return v.name == name }); i >= 0 {
			return g.vars[i]
		}
	}
	panic("no such variable: " + name)
}

// want is what the variable must be set to, as the object of "set".
func (v variable) want() string {
	if n := len(v.values); n > 1 {
		return strings.Join(v.values[:n-1], ", ") + " or " + v.values[n-1]
	} else if n == 1 {
		return v.values[0]
	}
	return v.accepts
}

// wrong is the fault of a value that the variable, set as name, must not have.
func (v variable) wrong(name, value string) *fault.Error {
	return fault.Input("%s is %s", name, v.show(value)).At("%s", name).Fix("set %s", v.want())
}

// names are all under which it may be set.
func (v variable) names() []string { return append([]string{v.name}, v.aliases...) }

// show quotes a value for a message: shortened, without a secret.
func (v variable) show(value string) string {
	if v.secret {
		return "(secret)"
	}
	return shortQuote(withoutUser(value))
}

// withoutUser hides the user and password that an address may hold.
func withoutUser(value string) string {
	scheme, rest, address := strings.Cut(value, "://")
	if address {
		scheme += "://"
	} else {
		scheme, rest = "", value
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 || !address && !strings.Contains(rest[:at], ":") {
		return value
	}
	return scheme + "(secret)" + rest[at:]
}
