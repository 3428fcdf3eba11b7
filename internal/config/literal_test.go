package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// texts are variables of each kind, with a value that is right.
func texts() map[string]string {
	return map[string]string{
		"QUEUE_ID": "q", "SYMBOL": "AAA", "TYPE": "t", "TELEMETRY_PRODUCER_ID": "p", "MODEL_NAME": "m", "STORE_DIR": "out", "WORK_DIR": "/work",
		"DATA_DIR": "/data", "SYMBOLS": "AAA,BBB", "INTERVAL": "1h", "START": "2024-01-01", "LOOKBACK": "3d", "HORIZON": "1,6", "EPOCHS": "3",
		"LEARNING_RATE": "0.1", "MODEL_TYPE": "gcn", "DEVICE": "cpu", "CA_PATH": "/ca.pem", "KAFKA_BOOTSTRAP_SERVERS": "k:9092", "QUEUE_EVENTS_TOPIC": "e",
		"MINIO_ENDPOINT": "m:9000", "MINIO_BUCKET": "models", "MINIO_SECURE": "true", "STORE_TIMEOUT": "1m", "CACHE_DIR": "cache",
		"BINANCE_BASE_URL": "http://b", "ARANGO_URL": "http://a:8529", "ARANGO_DB": "db", "GRAPH_NAME": "g", "METRICS_ADDR": ":8080", "LOG_LEVEL": "info",
		"CHECKPOINT_EVERY": "5m", "KUBEFLOW_TRAINER_SERVER_CA_CERT": "/ca", "KUBEFLOW_TRAINER_SERVER_TOKEN": "/token", "GRAPH_SAVE": "g2",
		"MINIO_ACCESS_KEY_FILE": "/run/key", "KAFKA_PASSWORD_FILE": "/run/pw",
		"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "a,b", "SSL_CERT_FILE": "/ca", "CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "2",
	}
}

// about are the sentences that begin with the name of a variable.
func about(t *testing.T, name, value string) []string {
	t.Helper()
	return slices.DeleteFunc(rejected(t, append(without(environ(), name), name+"="+value)), func(s string) bool { return !strings.HasPrefix(s, name+" ") })
}

func TestQuotesAndWhatAShellWouldExpandAreRejectedInEveryVariable(t *testing.T) {
	for name, value := range texts() {
		for meant, c := range map[string]string{
			`"` + value + `"`: "in quotes", `'` + value + `'`: "in quotes", "“" + value + "”": "in quotes", "„" + value + "“": "in quotes",
			"«" + value + "»": "in quotes", "`" + value + "`": "in quotes", `"` + value: "in quotes", value + "’": "in quotes", "＂" + value + "＂": "in quotes",
			value + " # as before": "with a comment behind it", value + " #": "with a comment behind it",
			"~/" + value: "begins with ~", "~user/" + value: "begins with ~",
			"$HOME/" + value: "holds $HOME", "${HOME}" + value: "holds ${HOME}", value + "$RUN_1": "holds $RUN_1", "$(RUN)" + value: "holds $(RUN)",
			"%USERPROFILE%" + value: "holds %USERPROFILE%", value + "{{ .Values.x }}": "holds {{ .Values.x }}",
			"<id>": "the placeholder <id>", value + "-<your name>": "the placeholder <your name>", "<NAMESPACE>." + value: "the placeholder <NAMESPACE>", "<имя>": "the placeholder <имя>",
		} {
			got := about(t, name, meant)
			if len(got) == 0 || !strings.Contains(got[0], c) {
				t.Errorf("%s=%s: %q", name, meant, got)
			}
		}
	}
}

func TestAnAddressAndAPathOfWindowsAreNoFolder(t *testing.T) {
	for _, name := range []string{"STORE_DIR", "WORK_DIR", "DATA_DIR", "CACHE_DIR", "CA_PATH", "KAFKA_CA_PATH"} {
		for value, want := range map[string]string{
			"s3://models/x": "an address", "file:///data": "an address", "https://h/x": "an address", "gs:/b": "an address",
			`C:\data`: "a path of Windows", "d:/data": "a path of Windows", `\\server\share`: "a path of Windows",
		} {
			if got := about(t, name, value); len(got) == 0 || !strings.Contains(got[0], want) {
				t.Errorf("%s=%s: %q", name, value, got)
			}
		}
		for _, value := range []string{"a:b", "/data:ro", "x/C:", "c", "a#b", "run #3"} {
			if got := about(t, name, value); len(got) > 0 && name != "DATA_DIR" {
				t.Errorf("%s=%s: %q", name, value, got)
			}
		}
	}
}

func TestInvisibleCharactersAreRejectedInEveryVariable(t *testing.T) {
	for name, value := range texts() {
		for _, c := range []struct{ value, want string }{
			{value + "\u200b", "ends with a zero width space (U+200B)"},
			{"\ufeff" + value, "begins with a byte order mark (U+FEFF)"},
			{value + "\u00a0", "ends with a no-break space (U+00A0)"},
			{"\u202e" + value, "begins with the invisible mark of direction U+202E"},
			{value + "\u200f", "ends with the invisible mark of direction U+200F"},
			{value[:1] + "\u2060" + value[1:] + "x", "holds the invisible character U+2060"},
			{value + "\u00ad", "ends with the invisible character U+00AD"},
			{value + "\u3164", "ends with the invisible character U+3164"},
			{"\u2003" + value, "begins with the space U+2003, which is not the ordinary one"},
			{value + "\n", "ends with a newline"},
			{value + "\r\n", "ends with a carriage return and a newline"},
			{value + "\r", "ends with a carriage return"},
			{"\t" + value, "begins with a tab"},
			{"\x1b" + value, "begins with the control character U+001B"},
			{value + " ", "remove the space around it"},
		} {
			got := about(t, name, c.value)
			if len(got) == 0 || !strings.Contains(got[0], c.want) || len(got[0]) > 300 {
				t.Errorf("%s=%q: %q", name, c.value, got)
			}
		}
	}
}

func TestWhatIsMeantByAValueInQuotesIsCheckedToo(t *testing.T) {
	want := []string{`EPOCHS is "\"ten\"", in quotes: remove the quotes, which no shell takes off here`, `EPOCHS is "ten": set a whole number from 1`}
	if got := rejected(t, environ(`EPOCHS="ten"`)); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, set := range []string{`DATA_SOURCE="simulated"`, `MODEL_TYPE='gcn'`, "SYMBOLS=“BTCUSDT”,“ETHUSDT”", "INTERVAL=5m\n", "STORE_DIR= \"out\" "} {
		name, _, _ := strings.Cut(set, "=")
		if got := rejected(t, append(without(environ(), name), set)); slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, name+" is ") }) || len(got) == 0 {
			t.Errorf("%s: %q", set, got)
		}
	}
	c, err := Load(append(without(environ(), "QUEUE_ID"), `QUEUE_ID="q"`))
	if err == nil || c.IDs.QueueID != "q" {
		t.Errorf("the event of the rejected run is for %q, %v", c.IDs.QueueID, err)
	}
}

func TestNamesThatOnlyLookLikeThoseAreTaken(t *testing.T) {
	for _, set := range []string{
		"STORE_DIR=/srv/it's here", "STORE_DIR=out~1", "MODEL_NAME=a$", "MODEL_NAME=5$ and 6$", "MODEL_NAME=100%", "MODEL_NAME=a%b", "STORE_DIR=/a b/c",
		"MODEL_NAME=модель 1", "QUEUE_ID=日本", "HTTPS_PROXY=http://user:pa$word%40@proxy:3128", "BINANCE_BASE_URL=http://b/%d0%bf%d1%8f", "TYPE=é",
	} {
		name, _, _ := strings.Cut(set, "=")
		if got := rejected(t, append(without(environ(), name), set)); got != nil {
			t.Errorf("%s: %q", set, got)
		}
	}
}

func TestASecretWithWhatIsNotSeenIsRejectedAndNotShown(t *testing.T) {
	const canary = "canary-5b1"
	base := environ("KAFKA_BOOTSTRAP_SERVERS=k:9093", "KAFKA_USER=u", "MINIO_ENDPOINT=m:9000", "MINIO_BUCKET_NAME=models")
	secrets := []string{"KAFKA_PASSWORD", "KAFKA_PASSWORD_CONSUMER", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "BINANCE_API_KEY", "BINANCE_API_SECRET", "ARANGO_PASSWORD"}
	for _, name := range secrets {
		for _, c := range []struct{ value, want string }{
			{canary + "\n", "ends with a newline"},
			{canary + "\r\n", "ends with a carriage return and a newline"},
			{canary + "\n\n", "ends with a newline"},
			{"\n" + canary, "begins with a newline"},
			{canary[:3] + "\n" + canary, "holds a newline"},
			{canary[:3] + "\r" + canary, "holds a carriage return"},
			{canary + "\x00", "ends with the control character U+0000"},
			{canary + "\x7f", "ends with the control character U+007F"},
			{"\ufeff" + canary, "begins with a byte order mark (U+FEFF)"},
			{canary + "\u200b", "ends with a zero width space (U+200B)"},
			{canary + "\u00a0", "ends with a no-break space (U+00A0)"},
			{canary + "\xff", "is not UTF-8"},
		} {
			check := func(as string, set []string) {
				t.Helper()
				got := rejected(t, append(slices.Clone(base), set...))
				if !slices.Contains(got, as+" "+c.want+": remove it (printf and echo -n write a secret without a newline)") || strings.Contains(strings.Join(got, ""), canary) {
					t.Errorf("%s=%q: %q", as, c.value, got)
				}
			}
			if !strings.Contains(c.value, "\x00") { // no environment holds one
				check(name, []string{name + "=" + c.value})
			}
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(c.value+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(c.value, "\r\n") {
				check(name+"_FILE", []string{name + "_FILE=" + file})
			}
		}
	}
}

func TestASecretMayHoldAllThatIsSeen(t *testing.T) {
	for _, secret := range []string{`"in quotes"`, "'x'", "~tilde", "$HOME", "${A}", "%PATH%", " spaces ", "пароль", "a:b@c/d"} {
		c := load(t, "KAFKA_BOOTSTRAP_SERVERS=k:9093", "KAFKA_USER=u", "KAFKA_PASSWORD="+secret, "MINIO_ENDPOINT=m:9000", "MINIO_BUCKET_NAME=models",
			"MINIO_ACCESS_KEY="+secret, "MINIO_SECRET_KEY="+secret, "ARANGO_PASSWORD="+secret)
		if c.Kafka.Password.Reveal() != secret || c.Store.SecretKey.Reveal() != secret || c.Source.Arango.Password.Reveal() != secret {
			t.Errorf("%q was changed", secret)
		}
	}
}

func TestNamesOfOurOwnAreNoQueueID(t *testing.T) {
	for _, name := range []string{
		"latest.json", "Latest.JSON", "manifest.json", "checkpoints", "baselines", "events.jsonl", "model.pt", "weights.pt", "metadata.json", "metrics.json",
		"predictions.parquet", "dataset.pt", "graph.pt", "report.html", "predictions", "promotions", "trials", ".lock", ".latest.json.tmp", ".probe",
	} {
		got := about(t, "QUEUE_ID", name)
		if len(got) != 1 || !strings.Contains(got[0], "which cannot name a folder: set one that ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, name := range []string{"latest.json", "model.pt", ".hidden"} {
		if got := about(t, "MODEL_NAME", name); len(got) != 1 {
			t.Errorf("MODEL_NAME=%s: %q", name, got)
		}
	}
	for _, set := range []string{"QUEUE_ID=latest", "QUEUE_ID=predictions-1", "QUEUE_ID=model.pt.1", "MODEL_NAME=predictions", "MODEL_NAME=trials"} {
		name, value, _ := strings.Cut(set, "=")
		if got := about(t, name, value); got != nil {
			t.Errorf("%s: %q", set, got)
		}
	}
}
