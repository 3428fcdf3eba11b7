package remedies

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// basis is the least that a run needs.
var basis = map[string]string{
	"QUEUE_ID": "q", "SYMBOL": "BTCUSDT", "TYPE": "gnn_trainer", "TELEMETRY_PRODUCER_ID": "p", "DATA_SOURCE": "simulated",
}

var servers = map[string]string{
	"KAFKA_BOOTSTRAP_SERVERS": "k:9093", "KAFKA_USER": "u", "KAFKA_PASSWORD": "p",
	"MINIO_ENDPOINT": "m:9000", "MINIO_ACCESS_KEY": "a", "MINIO_SECRET_KEY": "s", "MINIO_BUCKET_NAME": "models",
}

var arango = map[string]string{"DATA_SOURCE": "arango", "ARANGO_URL": "http://a:8529", "GRAPH_COLLECTION_NAME": "g"}

// examples are what a user knows to set where a remedy leaves that open.
var examples = map[string]string{
	"QUEUE_ID": "q1", "MODEL_NAME": "m1", "DATA_DIR": "/data", "MINIO_ACCESS_KEY": "a", "MINIO_SECRET_KEY": "s", "MINIO_BUCKET_NAME": "models",
	"MINIO_ENDPOINT": "minio:9000", "KAFKA_BOOTSTRAP_SERVERS": "kafka:9093", "METRICS_ADDR": ":8080", "QUEUE_EVENTS_TOPIC": "events", "QUEUE_CONTROL_TOPIC": "control",
	"KUBEFLOW_TRAINER_SERVER_URL": "https://k/status", "KUBEFLOW_TRAINER_SERVER_CA_CERT": "/ca", "KUBEFLOW_TRAINER_SERVER_TOKEN": "/token",
	"GRAPH_COLLECTION_NAME": "g", "GRAPH_SAVE": "g2", "SYMBOL": "BTCUSDT", "CANDLES_COLLECTION": "c", "FUNDING_COLLECTION": "f", "SYMBOLS": "BTCUSDT,ETHUSDT",
	"OMP_NUM_THREADS": "2", "HTTPS_PROXY": "http://proxy:3128", "INIT_FROM": "q2",
}

func set(w *world, name, value string) bool {
	if value == "" {
		delete(w.vars, name)
	} else {
		w.vars[name] = value
	}
	return true
}

// canonical is the variable that an alias or NAME_FILE sets, as examples knows it.
func example(name string) string {
	for _, v := range config.Variables() {
		for _, alias := range v.Aliases {
			if alias == name {
				name = v.Name
			}
		}
	}
	return examples[name]
}

// change applies f to a variable of the world.
func change(f func(string) string) func(*world, *fault.Error, []string) bool {
	return func(w *world, e *fault.Error, _ []string) bool {
		old := w.vars[e.Where]
		return old != "" && set(w, e.Where, f(old)) && w.vars[e.Where] != old
	}
}

func to(value string) func(*world, *fault.Error, []string) bool {
	return func(w *world, e *fault.Error, _ []string) bool { return set(w, e.Where, value) }
}

var reference = regexp.MustCompile(`\$\{[^}]*\}|\$\([^)]*\)|\$\w+|%\w+%|\{\{[^}]*\}\}|<[^>]*>`)

// byVariables follow the remedies of settings, the most special ones first.
var byVariables = []step{
	{regexp.MustCompile(`\(did you mean (\S+)\?\)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[1]) }},
	{regexp.MustCompile(`^remove the quotes`), change(func(s string) string { return strings.NewReplacer(`"`, "", "'", "", "“", "", "”", "").Replace(s) })},
	{regexp.MustCompile(`^remove it( \(|$)`), func(w *world, f *fault.Error, _ []string) bool {
		name := f.Where
		if path, ok := w.vars[name]; ok && strings.HasSuffix(name, "_FILE") {
			if content, err := os.ReadFile(path); err == nil {
				return os.WriteFile(path, []byte(seen(string(content))), 0o600) == nil
			}
		}
		return set(w, name, seen(w.vars[name]))
	}},
	{regexp.MustCompile(`^remove it, which docker's --env-file keeps$`), change(func(s string) string { return s[:strings.Index(s, " #")] })},
	{regexp.MustCompile(`^write (a folder|the path, where it is mounted)`), to("/data")},
	{regexp.MustCompile(`^remove the space around it$`), change(strings.TrimSpace)},
	{regexp.MustCompile(`^write it in UTF-8$`), change(func(s string) string { return strings.ToValidUTF8(s, "") })},
	{regexp.MustCompile(`^write the folder itself`), change(func(s string) string { return "/home/me" + strings.TrimPrefix(s, "~") })},
	{regexp.MustCompile(`^write the value that is meant`), change(func(s string) string { return reference.ReplaceAllString(s, "x") })},
	{regexp.MustCompile(`^leave them out of it$`), change(func(s string) string {
		scheme, rest, _ := strings.Cut(s, "://")
		return scheme + "://" + rest[strings.Index(rest, "@")+1:]
	})},
	{regexp.MustCompile(`^leave (\w+) out of it$`), func(w *world, f *fault.Error, g []string) bool {
		names := slices.DeleteFunc(strings.Split(w.vars[f.Where], ","), func(name string) bool { return name == g[1] })
		return set(w, f.Where, strings.Join(names, ","))
	}},
	{regexp.MustCompile(`^unset (it|one of them|LOSS)`), to("")},
	{regexp.MustCompile(`^set both or neither$`), func(w *world, f *fault.Error, _ []string) bool {
		name, _, _ := strings.Cut(f.What, " ") // "A is set, but B is not"
		return set(w, name, "")
	}},
	{regexp.MustCompile(`^set all three or none$`), func(w *world, _ *fault.Error, _ []string) bool {
		return set(w, "KUBEFLOW_TRAINER_SERVER_URL", "") && set(w, "KUBEFLOW_TRAINER_SERVER_TOKEN", "") && set(w, "KUBEFLOW_TRAINER_SERVER_CA_CERT", "")
	}},
	{regexp.MustCompile(`^set it, or unset MINIO_ENDPOINT$`), func(w *world, f *fault.Error, _ []string) bool { return set(w, f.Where, example(f.Where)) }},
	{regexp.MustCompile(`^set it to a file that holds the secret$`), func(w *world, f *fault.Error, _ []string) bool {
		path := filepath.Join(w.t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			w.t.Fatal(err)
		}
		return set(w, f.Where, path)
	}},
	{regexp.MustCompile(`^set ([A-Z_]+)=(\S+?),?( |$)`), func(w *world, _ *fault.Error, g []string) bool { return set(w, g[1], g[2]) }},
	{regexp.MustCompile(`such as ([^ ,]+?),?( \(| \w|$)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[1]) }},
	{regexp.MustCompile(`^write it as (\S+)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, strings.TrimSuffix(g[1], ",")) }},
	{regexp.MustCompile(`^write top:20, or a list$`), to("top:20")},
	{regexp.MustCompile(`^set (\w+) in its place$`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[1]) }},
	{regexp.MustCompile(`^set a list of ([a-z_]+)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[1]) }},
	{regexp.MustCompile(`^set a (number|share) (above|from) 0,? (and )?below 1`), to("0.3")},
	{regexp.MustCompile(`^set them to a sum below 1`), func(w *world, _ *fault.Error, _ []string) bool {
		return set(w, "TRAIN_FRACTION", "0.6") && set(w, "VALID_FRACTION", "0.2")
	}},
	{regexp.MustCompile(`^set a correlation from -1 to 1`), to("0.5")},
	{regexp.MustCompile(`^set a number of [a-z]+ from (\d+)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[1]) }},
	{regexp.MustCompile(`^set (a|some|one to five|one to \d+) (finite )?(whole )?(number|horizons)`), to("1")},
	{regexp.MustCompile(`^set at most \d+|^set (one to|1 to) `), to("1")},
	{regexp.MustCompile(`^set HIDDEN to a multiple of HEADS`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "HEADS", "1") }},
	{
		regexp.MustCompile(`^set host:port|^set one (that|of|in) |^set a topic's name|^set a name of|^set another name|^set one$|^set that of (the file|another run)|^set the https address|^write it as the database has it|^set it to `),
		func(w *world, f *fault.Error, _ []string) bool { return set(w, f.Where, example(f.Where)) },
	},
	{regexp.MustCompile(`^remove (one|the comma)|^set each horizon once`), change(func(s string) string {
		var kept []string
		for _, name := range strings.Split(s, ",") {
			if name = strings.TrimSuffix(strings.TrimSpace(name), "/"); name != "" && !contains(kept, name) {
				kept = append(kept, name)
			}
		}
		return strings.Join(kept, ",")
	})},
	{regexp.MustCompile(`^set ARANGO_USER and ARANGO_PASSWORD instead$|^write only scheme, host and port$`), to("http://a:8529")},
	{regexp.MustCompile(`^set (GRAPH_COLLECTION_NAME|the one) to a prepared graph`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "GRAPH_COLLECTION_NAME", "g") }},
	{regexp.MustCompile(`^set it too$`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "CANDLES_COLLECTION", "c") }},
	{regexp.MustCompile(`^set START to an earlier time`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "START", "2020-01-01") }},
	{regexp.MustCompile(`^set TRAIN_END to an earlier time`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "TRAIN_END", "2020-01-01T00:00:00Z") }},
	{regexp.MustCompile(`^remove it from (EXCLUDE|one of the two)`), func(w *world, _ *fault.Error, _ []string) bool { return set(w, "EXCLUDE", "") }},
	{regexp.MustCompile(`^name its nodes, or unset it$`), to("")},
	{regexp.MustCompile(`^set (it to )?(\w[\w.]*)(,| or |$)`), func(w *world, f *fault.Error, g []string) bool { return set(w, f.Where, g[2]) }},
}

func seen(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}

func contains(list []string, name string) bool {
	for _, one := range list {
		if one == name {
			return true
		}
	}
	return false
}

// records is what `gnn-trainer record` does with its variables.
func records(w *world) error {
	_, err := config.LoadRecord(environ(w))
	return err
}

// loads is what the program does with its variables.
func loads(w *world) error {
	_, err := config.Load(environ(w))
	return err
}

func environ(w *world) (environ []string) {
	for name, value := range w.vars {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// wrongSettings are bad configurations: settings on top of a basis.
func wrongSettings(t *testing.T) []map[string]string {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long := strings.Repeat("x", 400)
	counting := ""
	for i := range 300 {
		counting += strconv.Itoa(i+1) + ","
	}
	var all []map[string]string
	add := func(of map[string]string, pairs ...string) {
		m := map[string]string{}
		for _, from := range []map[string]string{basis, of} {
			for name, value := range from {
				m[name] = value
			}
		}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			set(&world{vars: m}, name, value)
		}
		all = append(all, m)
	}
	for _, pair := range []string{
		"QUEUE_ID=", "SYMBOL=", "TYPE=", "TELEMETRY_PRODUCER_ID=",
		"EPOCHS=0", "EPOCHS=ten", "EPOCHS=99999999999", "EPOCHS=" + long, "LEARNING_RATE=NaN", "LEARNING_RATE=1e999", "WEIGHT_DECAY=-1", "BATCH_SIZE=0", "PATIENCE=-1",
		"HIDDEN=0", "LAYERS=65", "DROPOUT=1", "SEED=1e3", "DEVICE=gpu", "BASELINE=yes", "MESSAGE_LANG=fr", "LOG_LEVEL=fatal", "LOG_LEVEL=wran", "LOG_FORMAT=xml",
		"DATA_SOURCE=csv", "DATA_SOURCE=Binance", "MODEL_TYPE=GCN", "MODEL_TYPE=" + long, "HEADS=2", "TRAIN_END=2024-06-01", "EDGE_THRESHOLD=high", "EDGE_THRESHOLD=2",
		"FEATURES=rsi_15", "FEATURES=sentiment", "FEATURES=rsi_14,,close", "FEATURES=" + long, "HORIZON=0", "HORIZON=x", "HORIZON=1,1", "HORIZON=" + strings.TrimSuffix(counting, ","),
		"GRAPH_WINDOW=1", "MAX_GAP=-1", "EDGE_TOP_K=0", "EDGE_RETURNS=log", "TASK=price", "TARGET=vwap", "TRAIN_FRACTION=0", "VALID_FRACTION=1", "TRAIN_FRACTION=0.9", "FOLDS=0", "FOLDS=101", "FOLDS=few", "FOLD_TRAIN=60", "FOLD_TRAIN=3d", "FOLD_WARM=yes",
		"TRAIN_END=2024-06-01T00:00:00Z", "INTERVAL=7m", "INTERVAL=5T", "INTERVAL=" + long, "START=yesterday", "END=tomorrow", "LOOKBACK=long", "TIME_RANGE=2024-06-02:yesterday", "TIME_RANGE=a:b:c",
		"SYMBOLS=A,A", "SYMBOLS=A,,B", "SYMBOLS=.A", "SYMBOLS=top:x", "SYMBOLS=A/B,C", "SYMBOLS=" + long + "/", "SYMBOL=B/C", "SYMBOL=.b", "EXCLUDE=A/B", "EXCLUDE=BTCUSDT",
		"MODEL_NAME=a/b", "MODEL_OUTPUT=..", "MODEL_NAME=" + long, "MODEL_NAME=.m", "QUEUE_ID=latest.json", "QUEUE_ID=.lock", "QUEUE_ID=a\\b",
		"STORE_DIR=\"out\"", "STORE_DIR='out'", "STORE_DIR=~/out", "STORE_DIR=$HOME/out", "STORE_DIR=${HOME}", "STORE_DIR=%HOME%/out", "STORE_DIR=out ", "STORE_DIR=out # here", "STORE_DIR=s3://b/x", "CACHE_DIR=https://x", `WORK_DIR=C:\work`, "STORE_DIR=a\tb", "STORE_DIR=\xff",
		"STORE_DIR=" + strings.Repeat("\u200b", 300), "QUEUE_ID=\ufeffq", "SYMBOL=BTC\u00a0USDT", "EPOCHS=\"ten\"", "QUEUE_ID=<id>", "STORE_DIR=/out/<your name>", "OMP_NUM_THREADS=\"2\"", "HTTPS_PROXY='http://p:1'",
		"ENCODER=lstm", "ENCODER_WINDOW=9", "LOSS=mae", "INIT_FROM=.a", "INIT_FROM=q", "KAFKA_USER=u", "MINIO_BUCKET=models", "MINIO_ACCESS_KEY=a", "MINIO_SECURE=maybe", "STORE_TIMEOUT=soon", "METRICS_ADDR=8080", "METRICS_ADDR=" + long, "METRICS_LINGER=soon", "METRICS_LINGER=-1s",
		"KUBEFLOW_TRAINER_SERVER_TOKEN=/t", "KUBEFLOW_TRAINER_SERVER_URL=https://u:p@a/b", "ARANGO_URL=http://u:p@a:8529", "GRAPH_WAIT=soon", "RECORD_EVERY=often", "CHECKPOINT_EVERY=0",
		"DATA_DIR=/data", "DATASET=newest", "DATASET=newest:0", "DATASET=train", "DATASET=" + long, "EVENTS=file", "RESUME=always", "BINANCE_MARKET=margin", "KAFKA_PASSWORD_FILE=" + file("empty", "\n"),
	} {
		add(nil, pair)
	}
	add(nil, "MODEL_NAME=a", "MODEL_OUTPUT=b")
	add(nil, "EDGE_TOP_K=5", "EDGE_THRESHOLD=0.5")
	add(nil, "TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z", "VALID_FRACTION=0.1", "TRAIN_FRACTION=0.6")
	add(nil, "TRAIN_END=2024-01-03T00:00:00Z", "VALID_END=2024-01-02T00:00:00Z")
	add(nil, "FOLDS=2", "TRAIN_END=2024-01-02T00:00:00Z", "VALID_END=2024-01-03T00:00:00Z")
	add(nil, "FOLDS=2", "FOLD_TRAIN=15m")
	add(nil, "FOLDS=2", "FOLD_WARM=warm")
	add(nil, "NODE_EMBEDDING=257")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "NODE_EMBEDDING=8")
	add(nil, "BASELINES=mixer")
	add(nil, "BASELINES=mixer", "MODEL_TYPE=gcnii")
	add(nil, "BASELINES=ridge,mixer", "DATA_SOURCE=pyg", "DATA_DIR=g.pt")
	add(nil, "SELECT=twin")
	add(nil, "SELECT=best", "BASELINES=ridge")
	add(nil, "SELECT=best", "EDGES=none")
	add(nil, "START=2024-01-01", "END=2024-02-01", "LOOKBACK=30d")
	add(nil, "START=2024-01-01", "TIME_RANGE=2024-06-01:2024-06-02")
	add(nil, "START=2024-02-01", "END=2024-01-01")
	add(nil, "SYMBOLS=BTCUSDT,AUSDT", "EXCLUDE=AUSDT")
	add(nil, "MODEL_TYPE=gatv2", "HEADS=65")
	add(nil, "MODEL_TYPE=gatv2", "HEADS=3")
	add(nil, "DATA_SOURCE=pyg")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "FOLDS=3")
	add(nil, "DATA_SOURCE=files")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "SYMBOLS=top:3")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "ENCODER=gru")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "TASK=node", "MODEL_TYPE=peer")
	add(nil, "TASK=node")
	add(nil, "TASK=rank", "LOSS=mae")
	add(nil, "ENCODER=tcn", "ENCODER_WINDOW=28")
	add(nil, "ENCODER=gru", "ENCODER_WINDOW=7000")
	add(nil, "DATA_SOURCE=pyg", "DATA_DIR=g.pt", "INTERVAL=5m", "EDGE_TOP_K=3")
	add(nil, "DATA_SOURCE=binance", "BINANCE_BASE_URL=ftp://x", "RECORD_EVERY=1ms")
	for _, pair := range []string{
		"KAFKA_BOOTSTRAP_SERVERS=k", "KAFKA_BOOTSTRAP_SERVERS=k:9093, l:1", "KAFKA_PASSWORD=", "KAFKA_USER=", "KAFKA_PASSWORD=p\n", "QUEUE_EVENTS_TOPIC=a/b", "QUEUE_CONTROL_TOPIC=" + long,
		"MINIO_ENDPOINT=http://m:9000", "MINIO_ENDPOINT=a/b", "MINIO_ACCESS_KEY=", "MINIO_SECRET_KEY=", "MINIO_BUCKET_NAME=", "MINIO_BUCKET_NAME=Models", "MINIO_BUCKET_NAME=" + long,
		"STORE_TIMEOUT=-1s", "MINIO_SECRET_KEY=s\r\n", "KAFKA_PASSWORD_FILE=" + file("both", "p"), "KAFKA_PASSWORD_CONSUMER=other", "KAFKA_USER_CONSUMER=other",
	} {
		add(servers, pair)
	}
	add(servers, "MINIO_SECRET_KEY=", "MINIO_SECRET_KEY_FILE="+file("newlines", "s\n\n"))
	add(servers, "MINIO_SECRET_KEY=", "MINIO_SECRET_KEY_FILE=/nowhere")
	kubeflow := map[string]string{"KUBEFLOW_TRAINER_SERVER_URL": "https://k/s", "KUBEFLOW_TRAINER_SERVER_CA_CERT": "/ca", "KUBEFLOW_TRAINER_SERVER_TOKEN": "/t"}
	for _, pair := range []string{"KUBEFLOW_TRAINER_SERVER_URL=http://k", "KUBEFLOW_TRAINER_SERVER_URL=http://" + long, "KUBEFLOW_TRAINER_SERVER_TOKEN=t"} {
		add(kubeflow, pair)
	}
	for _, pair := range []string{
		"ARANGO_URL=", "ARANGO_URL=arangodb:8529", "ARANGO_URL=http://a:8529/_db/x", "ARANGO_URL=http://a,http://a/", "ARANGO_URL=http://a:8529,http://u:p@b:8529", "ARANGO_DB=a/b", "GRAPH_WAIT=-1s",
		"GRAPH_COLLECTION_NAME=a,b", "GRAPH_COLLECTION_NAME=" + long, "GRAPH_COLLECTION_NAME=", "GRAPH_SAVE=9 lives", "GRAPH_SAVE=g", "GRAPH_SAVE=" + long,
		"CANDLES_COLLECTION=a,,b", "FUNDING_COLLECTION=a/b", "COLLECTION_INPUTS=a,b,a", "EDGE_TOP_K=4", "TARGET=close", "DATA_DIR=/d",
	} {
		add(arango, pair)
	}
	add(arango, "GRAPH_COLLECTION_NAME=", "ORDERBOOK_COLLECTION=b")
	return all
}

func TestTheRemedyOfAWrongSettingIsOne(t *testing.T) {
	var whats []string
	for _, settings := range wrongSettings(t) {
		name := ""
		for variable, value := range settings {
			if basis[variable] != value && servers[variable] != value && arango[variable] != value {
				name += shortName(variable + "=" + value + " ")
			}
		}
		for variable := range basis {
			if settings[variable] == "" {
				name += variable + "= "
			}
		}
		t.Run(name, func(t *testing.T) {
			one := trial{name: name, prepare: func(*world) {}, check: loads, steps: byVariables}
			whats = append(whats, one.try(t, &world{vars: settings})...)
		})
	}
	record := trial{name: "record", prepare: func(*world) {}, check: records, steps: byVariables}
	whats = append(whats, record.try(t, &world{vars: map[string]string{"SYMBOL": "BTCUSDT", "RECORD_EVERY": "0s"}})...)
	mustCover(t, whats)
}

func shortName(s string) string { return s[:min(len(s), 60)] }
