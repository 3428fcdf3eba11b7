package config

import (
	"fmt"
	"slices"
	"strings"
)

// variable describes one environment variable.
type variable struct {
	name    string
	meaning string
	want    string   // what it must be set to, as the object of "set"; "" for any text
	aliases []string // other names, which StreamForge's queue-manager injects

	required bool
	secret   bool // is never shown, and may come from the file that NAME_FILE names
	address  bool // is a URL, in which a user and password have no place
	aside    bool // does not decide about the result: a run resumes whatever it is
}

// group is the variables of one topic.
type group struct {
	title string
	vars  []variable

	// later is what happens without the topic, which a later version will know;
	// "" for those of this version. Setting a variable of a later topic is an
	// error, since it would have no effect.
	later string
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
		{name: "QUEUE_ID", required: true, meaning: "id of the pipeline run", want: "the pipeline run's id"},
		{name: "SYMBOL", required: true, meaning: "always one of the nodes; its metrics are shown apart", want: "a symbol such as BTCUSDT"},
		{name: "TYPE", aside: true, required: true, meaning: "type of this service in telemetry", want: "the type that telemetry carries, such as gnn_trainer"},
		{name: "TELEMETRY_PRODUCER_ID", aside: true, required: true, meaning: "id of this service in telemetry", want: "this service's id, such as gnn-trainer__abc"},
		{name: "MODEL_NAME", aliases: []string{"MODEL_OUTPUT"}, meaning: "first folder of the artefacts' path, MODEL_NAME/QUEUE_ID"},
		{name: "STORE_DIR", aside: true, meaning: "folder that artefacts go to; with MinIO, where they wait to be uploaded"},
		{name: "WORK_DIR", aside: true, meaning: "folder that a relative STORE_DIR lies in"},
		{name: "MESSAGE_LANG", aside: true, meaning: "language of telemetry messages", want: "ru or en"},
		{name: "LOG_LEVEL", aside: true, meaning: "least level logged on stderr", want: "trace, debug, info, warn or error"},
		{name: "LOG_FORMAT", aside: true, meaning: "form of the log; auto: console on a terminal, else json", want: "auto, console or json"},
	}},
	{title: "Market", vars: []variable{
		{name: "DATA_SOURCE", meaning: "where the market comes from; auto: arango where ARANGO_URL and a collection are set, files where DATA_DIR is, else binance", want: "auto, binance, arango, files, simulated or pyg"},
		{name: "DATA_DIR", meaning: "files: folder of SYMBOL.csv or SYMBOL.parquet; pyg: file that torch.save(data) wrote"},
		{name: "SYMBOLS", meaning: "the nodes, as A,B,C or top:N by quote volume; unset: all that the source has (binance: top:20; simulated: 20)"},
		{name: "INTERVAL", meaning: "length of a bar", want: "one of Binance's names, 1m to 1d"},
		{name: "START", meaning: "first open time; unset: that of the oldest bar", want: span},
		{name: "END", meaning: "first open time after the range; unset: none", want: span},
		{name: "LOOKBACK", aliases: []string{"TIME_RANGE"}, meaning: "length of the range before END; unset: everything (binance, simulated: 30d)", want: "a length such as 30d, 12h, 90m or 2w, or START:END"},
	}},
	{title: "Graph and labels", vars: []variable{
		{name: "HORIZON", meaning: "bars that a label looks ahead", want: "a whole number from 1 to 1000000"},
		{name: "TASK", meaning: "what is predicted; direction: down, flat or up", want: "direction"},
		{name: "GRAPH_WINDOW", meaning: "bars of returns that edges are correlations of", want: "a whole number from 3 to 1000000"},
		{name: "EDGE_TOP_K", meaning: "neighbours of a node: those most correlated", want: fromOne},
		{name: "EDGE_THRESHOLD", meaning: "in place of EDGE_TOP_K: neighbours are all with at least this correlation", want: "a number from -1 to 1"},
		{name: "EDGE_RETURNS", meaning: "returns that are correlated; excess: less the market's mean", want: "raw or excess"},
		{name: "TRAIN_END", meaning: "snapshots before it train", want: instant},
		{name: "VALID_END", meaning: "snapshots from TRAIN_END to it validate, later ones test", want: instant},
		{name: "TRAIN_FRACTION", meaning: "share of the snapshots that train, where TRAIN_END does not say", want: share},
		{name: "VALID_FRACTION", meaning: "share of the snapshots that validate, where VALID_END does not say", want: share},
	}},
	{title: "Model", vars: []variable{
		{name: "MODEL_TYPE", meaning: "kind of graph layer", want: "gcn"},
		{name: "HIDDEN", meaning: "channels of a hidden layer", want: "a whole number from 1 to 4096"},
		{name: "LAYERS", meaning: "graph layers", want: "a whole number from 1 to 16"},
		{name: "DROPOUT", meaning: "probability that training drops a hidden value", want: "a number from 0, below 1"},
	}},
	{title: "Training", vars: []variable{
		{name: "EPOCHS", meaning: "epochs at most", want: fromOne},
		{name: "LEARNING_RATE", meaning: "step size of the optimiser", want: "a finite number above 0"},
		{name: "WEIGHT_DECAY", meaning: "weight decay of the optimiser", want: "a finite number from 0"},
		{name: "BATCH_SIZE", meaning: "snapshots of a step", want: fromOne},
		{name: "PATIENCE", meaning: "epochs without improvement before an early stop; 0: none", want: "a whole number from 0"},
		{name: "SEED", meaning: "seed of everything random", want: "a whole number of 64 bits"},
		{name: "DEVICE", meaning: "where tensors live; auto: CUDA where there is one", want: "auto, cpu, cuda or cuda:N"},
		{name: "BASELINE", meaning: "what is trained beside the model; no_edges: the same network without edges", want: "no_edges or none"},
	}},
	{title: "Checkpoints", vars: []variable{
		{name: "CHECKPOINT_EVERY", aside: true, meaning: "epochs, or time, between checkpoints", want: "a whole number of epochs from 1, or a length of time such as 5m"},
		{name: "RESUME", aside: true, meaning: "what a QUEUE_ID that ran before does; auto: go on from its checkpoint, or tell its end again; never: train anew", want: "auto or never"},
	}},
	{title: "Kafka", vars: []variable{
		{name: "KAFKA_BOOTSTRAP_SERVERS", aside: true, meaning: "brokers, host:port, comma-separated; unset: events are JSON lines on stdout, and no stop is listened for"},
		{name: "KAFKA_USER", aside: true, aliases: []string{"KAFKA_USER_CONSUMER"}, meaning: "SCRAM-SHA-512 user, over TLS; unset: no authentication"},
		{name: "KAFKA_PASSWORD", aside: true, aliases: []string{"KAFKA_PASSWORD_CONSUMER"}, secret: true, meaning: "its password"},
		{name: "CA_PATH", aside: true, aliases: []string{"KAFKA_CA_PATH"}, meaning: "PEM file of authorities: alone trusted for Kafka, trusted beside the system's for MinIO and ArangoDB"},
		{name: "QUEUE_CONTROL_TOPIC", aside: true, meaning: "topic that stops come from"},
		{name: "QUEUE_EVENTS_TOPIC", aside: true, meaning: "topic that events go to"},
	}},
	{title: "MinIO", vars: []variable{
		{name: "MINIO_ENDPOINT", aside: true, meaning: "server, host:port; unset: artefacts go to STORE_DIR"},
		{name: "MINIO_ACCESS_KEY", aside: true, secret: true, meaning: "access key"},
		{name: "MINIO_SECRET_KEY", aside: true, secret: true, meaning: "secret key"},
		{name: "MINIO_BUCKET_NAME", aside: true, aliases: []string{"MINIO_BUCKET"}, meaning: "bucket that artefacts go to; made where it is missing"},
		{name: "MINIO_SECURE", aside: true, meaning: "whether to use TLS", want: "true or false"},
		{name: "STORE_TIMEOUT", aside: true, meaning: "how long MinIO may be out of reach before the run gives up", want: "a length of time such as 15m"},
	}},
	{title: "Binance", vars: []variable{
		{name: "BINANCE_MARKET", meaning: "market that candles come from; usdm: perpetual futures with funding", want: "spot or usdm"},
		{name: "BINANCE_BASE_URL", aside: true, address: true, meaning: "REST server of the spot market: a mirror, the testnet"},
		{name: "BINANCE_FUTURES_BASE_URL", aside: true, address: true, meaning: "REST server of the futures"},
		{name: "BINANCE_WS_URL", aside: true, address: true, meaning: "stream server of the market, for record; unset: Binance's"},
		{name: "BINANCE_API_KEY", aside: true, secret: true, meaning: "API key, sent where it is set; public data need none"},
		{name: "BINANCE_API_SECRET", aside: true, secret: true, meaning: "its secret; never used, since what is read is public"},
		{name: "CACHE_DIR", aside: true, meaning: "folder of what was fetched, Parquet files of a symbol and month; a relative one lies in WORK_DIR"},
		{name: "RECORD_EVERY", aside: true, meaning: "record: time between two rows of a symbol's order book", want: "a length of time such as 1s"},
	}},
	{title: "ArangoDB", vars: []variable{
		{name: "ARANGO_URL", aside: true, address: true, meaning: "server, http://host:8529, or the endpoints of a cluster, comma-separated"},
		{name: "ARANGO_DB", meaning: "database"},
		{name: "ARANGO_USER", aside: true, meaning: "user"},
		{name: "ARANGO_PASSWORD", aside: true, secret: true, meaning: "its password"},
		{name: "GRAPH_COLLECTION_NAME", aliases: []string{"GRAPH_COLLECTION", "GRAPH_NAME"}, meaning: "prepared graph: a named graph, or a collection of nodes and edges"},
		{name: "CANDLES_COLLECTION", meaning: "collections of candles, comma-separated, that the graph is built from"},
		{name: "ORDERBOOK_COLLECTION", meaning: "collections of order books, comma-separated"},
		{name: "FUNDING_COLLECTION", meaning: "collections of funding rates, comma-separated"},
		{name: "COLLECTION_INPUTS", meaning: "all of these in one list: what each holds is told by its documents"},
		{name: "GRAPH_WAIT", aside: true, meaning: "how long to wait for a graph or candles that are not there yet", want: "a length of time such as 10m, or 0"},
		{name: "GRAPH_SAVE", aside: true, meaning: "named graph that the newest snapshot is written to; unset: none"},
	}},
	{title: "Observation", vars: []variable{
		{name: "METRICS_ADDR", aside: true, meaning: "host:port, or :port, that /metrics, /healthz and /readyz are served on; unset: nowhere"},
		{name: "KUBEFLOW_TRAINER_SERVER_URL", aside: true, address: true, meaning: "https address of the TrainJob's status, which Kubeflow Trainer sets: the progress is told there"},
		{name: "KUBEFLOW_TRAINER_SERVER_CA_CERT", aside: true, meaning: "file of the authority that signed its certificate"},
		{name: "KUBEFLOW_TRAINER_SERVER_TOKEN", aside: true, meaning: "file of the token for it, read anew for each report"},
	}},
	{title: "Temporal encoding", later: "features go straight into the graph layers", vars: []variable{
		{name: "ENCODER", meaning: "network that reads each node's own past"},
	}},
}

// laterValues are values of this version's variables that a later one will
// know.
var laterValues = map[string][]string{
	"TASK":       {"node"},
	"MODEL_TYPE": {"gat", "sage"},
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

// names are all under which it may be set.
func (v variable) names() []string { return append([]string{v.name}, v.aliases...) }

// show quotes a value for a message: shortened, without a secret.
func (v variable) show(value string) string {
	if v.secret {
		return "(secret)"
	}
	return fmt.Sprintf("%.80q", withoutUser(value))
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
