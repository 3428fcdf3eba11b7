package config

import (
	"strings"
	"testing"
)

// mustSuggest fails unless name, set to anything, is one warning with that
// suggestion.
func mustSuggest(t *testing.T, name, meant string) {
	t.Helper()
	lines := Misspelt([]string{"PATH=/bin", name + "=canary"})
	if len(lines) != 1 || lines[0] != "unknown variable "+name+"; did you mean "+meant+"?" {
		t.Errorf("%s: %q, want %s", name, lines, meant)
	}
	if strings.Contains(strings.Join(lines, ""), "canary") {
		t.Errorf("%s: the value is lines: %q", name, lines)
	}
}

func TestANameThatIsNearlyAVariableIsTold(t *testing.T) {
	for name, meant := range map[string]string{
		"EPOCS": "EPOCHS", "EPOHCS": "EPOCHS", "EPOCH": "EPOCHS", "LEARNIG_RATE": "LEARNING_RATE", "LEARNINGRATE": "LEARNING_RATE",
		"MINIO_BUCKETNAME": "MINIO_BUCKET_NAME", "SYMBOLES": "SYMBOLS", "LAYER": "LAYERS", "learning_rate": "LEARNING_RATE",
		"KAFKA_PASSWORD_FILES": "KAFKA_PASSWORD_FILE", "Device": "DEVICE", "GRAPH_WINDOWS": "GRAPH_WINDOW",
		"HEAD": "HEADS", "head": "HEADS", "HEDS": "HEADS", "EADS": "HEADS", "EDGE": "EDGES", "EDGS": "EDGES", "GNN_HEAD": "HEADS", "GNN_EPOCS": "EPOCHS", "GNN_TRAINER_BATCHSIZE": "BATCH_SIZE", "TARGETS": "TARGET",
		"seed": "SEED", "edge-top-k": "EDGE_TOP_K", "edge.threshold": "EDGE_THRESHOLD", "EDGE-TOP-K": "EDGE_TOP_K",
		"GNN_EPOCHS": "EPOCHS", "GNN_TRAINER_BATCH_SIZE": "BATCH_SIZE", "GNN_LR": "LEARNING_RATE", "TRAINER_DEVICE": "DEVICE",
	} {
		mustSuggest(t, name, meant)
	}
}

func TestANameOfAnotherProgramForTheSameIsTold(t *testing.T) {
	for name, meant := range map[string]string{
		"EXCLUDED": "EXCLUDE", "BATCH": "BATCH_SIZE", "LR": "LEARNING_RATE", "lr": "LEARNING_RATE", "GPU": "DEVICE", "LOG": "LOG_LEVEL",
		"DEVICE_TYPE": "DEVICE", "MODEL": "MODEL_TYPE", "SEEDS": "SEED", "MARKET": "BINANCE_MARKET", "NUM_EPOCHS": "EPOCHS", "RANDOM_SEED": "SEED", "TIMEFRAME": "INTERVAL", "PAIR_WHITELIST": "SYMBOLS",
		"HIDDEN_CHANNELS": "HIDDEN", "NUM_LAYERS": "LAYERS", "VAL_SPLIT": "VALID_FRACTION", "OUTPUT_DIR": "STORE_DIR", "KAFKA_BROKERS": "KAFKA_BOOTSTRAP_SERVERS",
		"MINIO_URL": "MINIO_ENDPOINT", "ARANGO_DATABASE": "ARANGO_DB", "NUM_WORKERS": "OMP_NUM_THREADS", "WINDOW_SIZE": "GRAPH_WINDOW", "TOP_K": "EDGE_TOP_K", "SINCE": "START", "UNTIL": "END",
	} {
		mustSuggest(t, name, meant)
	}
	known := knownNames()
	known["OMP_NUM_THREADS"] = true
	for synonym, name := range synonyms {
		right := !known[synonym]
		for one := range strings.SplitSeq(name, " or ") {
			right = right && known[one]
		}
		if !right {
			t.Errorf("%s = %s: the one must be no variable, the other one", synonym, name)
		}
	}
}

func TestANameWithTheFirstWordOfAVariableIsTold(t *testing.T) {
	for name, meant := range map[string]string{
		"EDGE_WEIGHTING": "EDGE_RETURNS, EDGE_RIDGE or EDGE_EVERY", "TRAIN_UNTIL": "TRAIN_END or TRAIN_FRACTION", "QUEUE_NAME": "QUEUE_ID, QUEUE_EVENTS_TOPIC or QUEUE_CONTROL_TOPIC",
		"BATCH_COUNT": "BATCH_SIZE", "EPOCH_LENGTH": "EPOCHS", "MINIO_VERIFY": "MINIO_SECURE, MINIO_ENDPOINT or MINIO_SECRET_KEY", "CHECKPOINT_DIR": "CHECKPOINT_EVERY",
		"LEARNING_SCHEDULE": "LEARNING_RATE", "DROPOUT_LAST": "DROPOUT", "SYMBOL_FILTER": "SYMBOL or SYMBOLS",
	} {
		mustSuggest(t, name, meant)
	}
}

func TestVariablesAndAnOrdinaryEnvironmentAreNotTaken(t *testing.T) {
	var environ []string
	for _, name := range strings.Fields(`
		PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_ALL TERM PWD OLDPWD SHLVL HOSTNAME EDITOR PAGER DISPLAY MAIL TMPDIR TZ TIME_STYLE COLUMNS LINES
		HISTSIZE HISTFILE LS_COLORS SSH_CONNECTION XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS COLORTERM NO_COLOR INVOCATION_ID JOURNAL_STREAM
		KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP_ADDR MINIO_SERVICE_HOST MINIO_PORT KAFKA_PORT MINIO_SERVICE_PORT
		MINIO_PORT_9000_TCP_ADDR GRAPH_SERVICE_SERVICE_HOST GRAPH_SERVICE_PORT TRAIN_PORT_80_TCP EDGE_SERVICE_PORT_HTTP METRICS_PORT QUEUE_MANAGER_SERVICE_HOST
		QUEUE_MANAGER_PORT_8080_TCP_PROTO DATA_SERVICE_HOST STORE_PORT_5432_UDP MODEL_SERVICE_PORT_GRPC LOG_PORT
		ARANGO_PORT KAFKA_SERVICE_PORT_TCP LD_LIBRARY_PATH OMP_NUM_THREADS OMP_WAIT_POLICY GOMP_SPINCOUNT MKL_NUM_THREADS OMP_PROC_BIND
		CUDA_VISIBLE_DEVICES CUDA_HOME CUDA_LAUNCH_BLOCKING NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES PYTORCH_CUDA_ALLOC_CONF NCCL_DEBUG
		SSL_CERT_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY GODEBUG GOMAXPROCS GOMEMLIMIT MALLOC_ARENA_MAX CONDA_PREFIX
		GOPATH GOROOT GOPROXY PYTHONPATH PYTHON VIRTUAL_ENV CI DEBUG VERSION COMMIT SERVICE PLAYER STORE TYPES LABELS STAR STAT TART ENDS EN SEE SHED HEAP READ GNN_HOME GNN_VERSION TARGET_ARCH TARGET_OS
		POD_NAME POD_NAMESPACE NODE_NAME K8S_NAMESPACE K8S_CONFIG JOB_NAME KAFKA_GROUP_ID KAFKA_HEAP_OPTS KAFKA_CFG_NODE_ID MINIO_ROOT_USER MINIO_ROOT_PASSWORD
		ARANGO_ROOT_PASSWORD KUBEFLOW_NAMESPACE TASK_ID type end start`) {
		environ = append(environ, name+"=x")
	}
	for name := range knownNames() {
		environ = append(environ, name+"=x")
	}
	if lines := Misspelt(append(environ, "EPOCS=", "")); len(lines) > 0 {
		t.Errorf("%q", lines)
	}
}
