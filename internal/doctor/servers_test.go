package doctor_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	kafkago "github.com/segmentio/kafka-go"

	"github.com/streamforge/gnn-trainer/internal/doctor"
	"github.com/streamforge/gnn-trainer/test/arangodb"
	"github.com/streamforge/gnn-trainer/test/exchange"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// deadline is a little more than Kafka needs to tell that a topic is unknown.
const deadline = 6 * time.Second

// variables are an environment.
type variables map[string]string

// with are changed variables; an empty one is unset.
func (v variables) with(changes variables) variables {
	all := maps.Clone(v)
	maps.Copy(all, changes)
	return all
}

func (v variables) environ() []string {
	var list []string
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	return list
}

// base is the least of a run, on the simulated market.
func base(t *testing.T) variables {
	return variables{
		"QUEUE_ID": "q1", "SYMBOL": "BTCUSDT", "TYPE": "gnn_trainer", "TELEMETRY_PRODUCER_ID": "p1", "DATA_SOURCE": "simulated",
		"DEVICE": "cpu", "STORE_DIR": t.TempDir(), "SYMBOLS": "BTCUSDT,AUSDT", "LOOKBACK": "3d",
	}
}

// want is what one check is to come to.
type want struct {
	name   string
	status doctor.Status
	says   string // part of message and remedy
}

// expected is the report of one case: every check that is not named is ok, or
// skipped since its source is another one.
type expected struct {
	change variables
	checks []want
	code   int
}

// mustFind makes the checks, and fails where they come to something else.
func (e expected) mustFind(t *testing.T, vars variables, secrets []string) {
	t.Helper()
	vars = vars.with(e.change)
	r := doctor.Check(t.Context(), vars.environ(), "test", deadline)
	var text, object bytes.Buffer
	if err := r.WriteText(&text, doctor.Layout{Colours: true}); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&object); err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(text.String(), secret) || strings.Contains(object.String(), secret) {
			t.Errorf("it shows the secret %s:\n%s", secret, text.String())
		}
	}
	if r.ExitCode() != e.code {
		t.Errorf("exit code %d, want %d:\n%s", r.ExitCode(), e.code, text.String())
	}
	for _, c := range r.Checks {
		i := slices.IndexFunc(e.checks, func(w want) bool { return w.name == c.Name })
		switch {
		case i >= 0:
			if w := e.checks[i]; c.Status != w.status || !strings.Contains(c.Message+": "+c.Remedy, w.says) {
				t.Errorf("%s is %s and says %q, remedy %q; want %s and %q", c.Name, c.Status, c.Message, c.Remedy, w.status, w.says)
			}
		case c.Status != doctor.OK && c.Status != doctor.Skipped:
			t.Errorf("%s is %s: %s: %s", c.Name, c.Status, c.Message, c.Remedy)
		}
		if (c.Remedy == "") != (c.Status == doctor.OK || c.Status == doctor.Skipped) {
			t.Errorf("%s is %s, and its remedy is %q", c.Name, c.Status, c.Remedy)
		}
	}
	for _, w := range e.checks {
		if !slices.ContainsFunc(r.Checks, func(c doctor.Result) bool { return c.Name == w.name }) {
			t.Errorf("there is no check %s", w.name)
		}
	}
}

// made are the checks that must have been made for a run to be known to start.
func made(names ...string) []want {
	var all []want
	for _, name := range append([]string{"configuration", "libtorch", "device", "memory", "store-folder"}, names...) {
		all = append(all, want{name, doctor.OK, ""})
	}
	return all
}

func TestWhatIsBrokenInAClusterIsFoundAndTheRestIsOK(t *testing.T) {
	k := lab.StartKafka(t, lab.KafkaOptions{Strict: true})
	k.Allow(t, "queue-events", kafkago.ACLOperationTypeWrite)
	k.Allow(t, "queue-control", kafkago.ACLOperationTypeRead)
	k.Allow(t, "queue-nowhere", kafkago.ACLOperationTypeAll)
	m := lab.StartMinIO(t, lab.MinIOOptions{})
	theirs, err := minio.New(m.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(m.AccessKey, m.SecretKey, ""), Transport: &http.Transport{DisableKeepAlives: true},
	})
	if err == nil {
		err = theirs.MakeBucket(t.Context(), "models", minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}})
	banned := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Ban: time.Hour})
	banned.BanNow()
	ahead := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: time.Now().Add(time.Minute)})
	poor := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Limit: 24}) // a look weighs 21
	readAccess, readSecret := m.LimitedUser(t, lab.ReadOnly)
	nobody := fmt.Sprintf("localhost:%d", lab.FreePort(t))
	small := smallDisk(t)

	secrets := []string{k.Password, m.AccessKey, m.SecretKey, readAccess, readSecret, "canary"}
	vars := base(t).with(variables{
		"DATA_SOURCE": "binance", "BINANCE_BASE_URL": e.URL, "BINANCE_API_KEY": "canary-key", "BINANCE_API_SECRET": "canary-secret", "CACHE_DIR": t.TempDir(),
		"KAFKA_BOOTSTRAP_SERVERS": k.Addr, "KAFKA_USER": k.User, "KAFKA_PASSWORD": k.Password, "CA_PATH": k.CAPath,
		"MINIO_ENDPOINT": m.Addr, "MINIO_ACCESS_KEY": m.AccessKey, "MINIO_SECRET_KEY": m.SecretKey, "MINIO_BUCKET_NAME": "models",
	})
	cases := map[string]expected{
		"nothing": {checks: made("cache-folder", "kafka", "kafka-events", "kafka-control", "minio", "checkpoints", "binance", "bars", "clock")},
		"a variable": {
			change: variables{"EPOCHS": "many", "MODEL_TYPE": "gat"}, code: 2,
			checks: []want{{"configuration", doctor.Failed, `EPOCHS is "many": set a whole number from 1`}, {"minio", doctor.OK, ""}, {"kafka", doctor.OK, ""}},
		},
		"a secret's file": {
			change: variables{"KAFKA_PASSWORD": "", "KAFKA_PASSWORD_FILE": "/canary"}, code: 2,
			checks: []want{{"configuration", doctor.Failed, "reading the file of KAFKA_PASSWORD_FILE"}, {"kafka", doctor.Skipped, "its configuration is wrong"}, {"minio", doctor.OK, ""}},
		},

		"Kafka is down": {
			change: variables{"KAFKA_BOOTSTRAP_SERVERS": nobody}, code: 1,
			checks: []want{{"kafka", doctor.Failed, "connection refused: start the brokers"}, {"kafka-events", doctor.Skipped, "kafka failed"}, {"kafka-control", doctor.Skipped, ""}},
		},
		"Kafka's password": {
			change: variables{"KAFKA_PASSWORD": "canary-wrong"}, code: 2,
			checks: []want{{"kafka", doctor.Failed, "check KAFKA_USER and KAFKA_PASSWORD"}},
		},
		"Kafka's authority": {
			change: variables{"CA_PATH": k.OtherCAPath}, code: 2,
			checks: []want{{"kafka", doctor.Failed, "set CA_PATH to the PEM file of the one that signed it"}},
		},
		"a file without certificates": {
			change: variables{"CA_PATH": os.DevNull}, code: 2,
			checks: []want{{"kafka", doctor.Failed, "holds no certificate: set it to the PEM file"}},
		},
		"a topic": {
			change: variables{"QUEUE_EVENTS_TOPIC": "queue-nowhere"}, code: 2,
			checks: []want{{"kafka", doctor.Failed, "the brokers have no topic queue-nowhere: create it, or set QUEUE_EVENTS_TOPIC"}},
		},
		"the right to write": {
			change: variables{"QUEUE_EVENTS_TOPIC": "queue-control"}, code: 2,
			checks: []want{{"kafka", doctor.OK, ""}, {"kafka-control", doctor.OK, ""}, {"kafka-events", doctor.Failed, "give KAFKA_USER the right to write to queue-control"}},
		},
		"the right to read": {
			change: variables{"QUEUE_CONTROL_TOPIC": "queue-events"}, code: 2,
			checks: []want{{"kafka", doctor.OK, ""}, {"kafka-events", doctor.OK, ""}, {"kafka-control", doctor.Failed, "to read queue-events"}},
		},

		"MinIO is down": {
			change: variables{"MINIO_ENDPOINT": nobody}, code: 1,
			checks: []want{{"minio", doctor.Failed, "connection refused: start the server"}, {"checkpoints", doctor.Skipped, "minio failed"}, {"clock", doctor.OK, "Binance"}},
		},
		"MinIO's keys": {
			change: variables{"MINIO_ACCESS_KEY": "canary-access", "MINIO_SECRET_KEY": "canary-secret"}, code: 2,
			checks: []want{{"minio", doctor.Failed, "check MINIO_ACCESS_KEY and MINIO_SECRET_KEY"}},
		},
		"a user who may only read": {
			change: variables{"MINIO_ACCESS_KEY": readAccess, "MINIO_SECRET_KEY": readSecret}, code: 2,
			checks: []want{{"minio", doctor.Failed, "give it the right to put, get, list and delete in MINIO_BUCKET_NAME=models"}},
		},
		"a bucket": {
			change: variables{"MINIO_BUCKET_NAME": "other"}, code: 0,
			checks: []want{{"minio", doctor.Warning, "there is no bucket other yet: the run creates it"}, {"checkpoints", doctor.OK, "there is no bucket yet"}},
		},
		"TLS where there is none": {
			change: variables{"MINIO_SECURE": "true"}, code: 2,
			checks: []want{{"minio", doctor.Failed, "set MINIO_SECURE=false"}},
		},
		"an endpoint that holds a secret": {
			change: variables{"MINIO_ENDPOINT": "canary:canary@" + m.Addr}, code: 2,
			checks: []want{{"configuration", doctor.Failed, "MINIO_ENDPOINT is not an address: set host:port"}, {"minio", doctor.Skipped, "its configuration is wrong"}},
		},

		"too few bars": {
			change: variables{"LOOKBACK": "1h"}, code: 2,
			checks: []want{{"binance", doctor.OK, ""}, {"bars", doctor.Failed, "12 bars are too few"}},
		},
		"the exchange is down": {
			change: variables{"BINANCE_BASE_URL": "http://" + nobody}, code: 1,
			checks: []want{{"binance", doctor.Failed, "connection refused): wait until it answers"}, {"clock", doctor.OK, "MinIO"}},
		},
		"a ban": {
			change: variables{"BINANCE_BASE_URL": banned.URL, "CACHE_DIR": t.TempDir()}, code: 1,
			checks: []want{{"binance", doctor.Failed, "the exchange has banned this address (418), for "}},
		},
		"a symbol": {
			change: variables{"SYMBOLS": "BTCUSDT,CUSDT"}, code: 2,
			checks: []want{{"binance", doctor.Failed, "has no symbol CUSDT: correct SYMBOL or SYMBOLS"}},
		},
		"a budget that is nearly used": {
			change: variables{"BINANCE_BASE_URL": poor.URL},
			checks: []want{{"binance", doctor.Warning, "find what else uses the exchange from this address"}},
		},
		"the clock": {
			change: variables{"BINANCE_BASE_URL": ahead.URL},
			checks: []want{{"clock", doctor.Warning, "set the one that is wrong"}},
		},

		"a file in the place of STORE_DIR": {
			change: variables{"STORE_DIR": k.CAPath}, code: 2,
			checks: []want{{"store-folder", doctor.Failed, "set STORE_DIR to another folder"}},
		},
		"a file in the place of CACHE_DIR": {
			change: variables{"CACHE_DIR": k.CAPath}, code: 2,
			checks: []want{{"cache-folder", doctor.Failed, "set CACHE_DIR to another folder"}, {"binance", doctor.Failed, "set CACHE_DIR to a folder that can be written"}},
		},
		"a disk that is too small": {
			change: variables{"STORE_DIR": small, "LOOKBACK": "300d", "SYMBOLS": "BTCUSDT,AUSDT"}, code: 1,
			checks: []want{{"store-folder", doctor.Failed, "1 MiB are free for about"}},
		},
	}
	if small == "" {
		t.Log("no small disk can be made here")
		delete(cases, "a disk that is too small")
	}
	t.Run("broken", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.mustFind(t, vars, secrets)
			})
		}
	})
	t.Run("nothing is left", func(t *testing.T) {
		if left := k.Messages(t, "queue-events", 1); len(left) != 0 {
			t.Errorf("events: %v", left)
		}
		for object := range theirs.ListObjects(t.Context(), "models", minio.ListObjectsOptions{Recursive: true}) {
			t.Errorf("an object: %s", object.Key)
		}
		for _, dir := range []string{vars["STORE_DIR"], vars["CACHE_DIR"]} {
			if entries, err := os.ReadDir(dir); len(entries) != 0 || err != nil {
				t.Errorf("%s: %v, %v", dir, entries, err)
			}
		}
		if n := len(e.Pages()); n != 0 {
			t.Errorf("%d pages were fetched", n)
		}
	})
}

// smallDisk is a folder on a disk of a megabyte; empty where none can be made.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return ""
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestAnAuthorityOfMinIOThatIsNotTrustedIsFound(t *testing.T) {
	t.Parallel()
	m := lab.StartMinIO(t, lab.MinIOOptions{TLS: true})
	vars := base(t).with(variables{
		"MINIO_ENDPOINT": m.Addr, "MINIO_ACCESS_KEY": m.AccessKey, "MINIO_SECRET_KEY": m.SecretKey, "MINIO_BUCKET_NAME": "models", "MINIO_SECURE": "true", "CA_PATH": m.CAPath,
	})
	secrets := []string{m.AccessKey, m.SecretKey}
	expected{checks: []want{{"minio", doctor.Warning, "there is no bucket models yet"}, {"clock", doctor.OK, "MinIO"}}}.mustFind(t, vars, secrets)
	expected{
		change: variables{"CA_PATH": m.OtherCAPath}, code: 2,
		checks: []want{{"minio", doctor.Failed, "set CA_PATH to the PEM file of the one that signed it"}},
	}.mustFind(t, vars, secrets)
	expected{
		change: variables{"MINIO_SECURE": "false"}, code: 2,
		checks: []want{{"minio", doctor.Failed, "set MINIO_SECURE=true"}},
	}.mustFind(t, vars, secrets)
}

func TestWhatIsBrokenInADatabaseIsFound(t *testing.T) {
	t.Parallel()
	const password = "canary-arango"
	s := arangodb.Start(t, arangodb.Options{User: "trainer", Password: password, TLS: true})
	s.CreateDatabase("market")
	s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "g_e", From: []string{"g_v"}, To: []string{"g_v"}})
	for i := range 3 {
		s.Insert("market", "g_v", false, map[string]any{"_key": fmt.Sprint("n", i), "y": i})
		s.Insert("market", "g_e", true, map[string]any{"_from": fmt.Sprint("g_v/n", i), "_to": "g_v/n0"})
	}
	for i := range 3 {
		s.Insert("market", "few", false, map[string]any{"_key": fmt.Sprint("c", i), "symbol": "BTCUSDT", "open_time": 1717200000000 + 300_000*i, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1})
	}
	_, otherCA := lab.Certificate(t)
	vars := base(t).with(variables{
		"DATA_SOURCE": "arango", "ARANGO_URL": s.URL, "ARANGO_DB": "market", "ARANGO_USER": "trainer", "ARANGO_PASSWORD": password, "CA_PATH": s.CAPath,
		"GRAPH_COLLECTION_NAME": "g", "SYMBOLS": "", "LOOKBACK": "",
	})
	for name, c := range map[string]expected{
		"nothing": {checks: append(made("arangodb"), want{"arangodb", doctor.OK, "g_e (3), g_v (3)"})},
		"candles that may be too few": {
			change: variables{"GRAPH_COLLECTION_NAME": "", "CANDLES_COLLECTION": "few"},
			checks: []want{{"arangodb", doctor.OK, "few (3)"}, {"bars", doctor.Warning, "about 3 bars"}},
		},
		"a range that is too short": {
			change: variables{"GRAPH_COLLECTION_NAME": "", "CANDLES_COLLECTION": "few", "LOOKBACK": "1h"}, code: 2,
			checks: []want{{"arangodb", doctor.OK, "few (3)"}, {"bars", doctor.Failed, "3 bars are too few"}},
		},
		"a graph whatever its range": {change: variables{"LOOKBACK": "1h"}, checks: append(made("arangodb"), want{"bars", doctor.Skipped, "a prepared graph"})},
		"candles that are not there": {
			change: variables{"GRAPH_COLLECTION_NAME": "", "CANDLES_COLLECTION": "candles"}, code: 1,
			checks: []want{{"arangodb", doctor.Failed, "collection candles is not in ARANGO_DB=market: correct the name, or start what makes it: a run waits for it for GRAPH_WAIT=10m0s"}},
		},
		"a graph that may come": {
			change: variables{"GRAPH_COLLECTION_NAME": "late"}, code: 1,
			checks: []want{{"arangodb", doctor.Failed, "late is neither a named graph nor a collection in ARANGO_DB=market: correct the name, or start what makes it"}},
		},
		"a graph that is not waited for": {
			change: variables{"GRAPH_COLLECTION_NAME": "late", "GRAPH_WAIT": "0s"}, code: 2,
			checks: []want{{"arangodb", doctor.Failed, "late is neither a named graph nor a collection in ARANGO_DB=market: correct the name, or set GRAPH_WAIT to wait for it"}},
		},
		"the password": {
			change: variables{"ARANGO_PASSWORD": "canary-wrong"}, code: 2,
			checks: []want{{"arangodb", doctor.Failed, "rejects ARANGO_PASSWORD of ARANGO_USER=trainer: correct one of the two"}},
		},
		"the database": {
			change: variables{"ARANGO_DB": "markt"}, code: 2,
			checks: []want{{"arangodb", doctor.Failed, "create it, or set one that is there"}},
		},
		"the authority": {
			change: variables{"CA_PATH": otherCA}, code: 2,
			checks: []want{{"arangodb", doctor.Failed, "set CA_PATH to the PEM file of the one that signed it"}},
		},
		"the server is down": {
			change: variables{"ARANGO_URL": fmt.Sprintf("http://localhost:%d", lab.FreePort(t))}, code: 1,
			checks: []want{{"arangodb", doctor.Failed, "connection refused"}},
		},
		"a password in the address": {
			change: variables{"ARANGO_URL": "http://trainer:canary-url@localhost:8529"}, code: 2,
			checks: []want{{"configuration", doctor.Failed, "ARANGO_URL holds a user or password"}, {"arangodb", doctor.Skipped, ""}},
		},
		"a graph to be saved, of another source": {
			change: variables{"DATA_SOURCE": "simulated", "GRAPH_SAVE": "newest"},
			checks: append(made(), want{"arangodb", doctor.OK, "whether graph newest can be written is not tried"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.mustFind(t, vars, []string{"canary"})
		})
	}
}

// candlesOf is CSV of bars from 2024-06-01 on.
func candlesOf(bars int) string {
	var text strings.Builder
	text.WriteString("open_time,open,high,low,close,volume\n")
	for i := range bars {
		fmt.Fprintf(&text, "%d,1,1,1,1,1\n", 1717200000000+int64(i)*300_000)
	}
	return text.String()
}

func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhatIsBrokenOnThisMachineIsFound(t *testing.T) {
	t.Parallel()
	right := candlesOf(200)
	candles := folderOf(t, map[string]string{"BTCUSDT.csv": right, "AUSDT.csv": right})
	wrong := strings.Replace(right, "close", "clsoe", 1)
	oneWrong := folderOf(t, map[string]string{"BTCUSDT.csv": right, "AUSDT.csv": wrong})
	allWrong := map[string]string{"BTCUSDT.csv": "open_time,open,high,low,close,volume\n"}
	for i := range 12 {
		allWrong[fmt.Sprintf("A%02dUSDT.csv", i)] = wrong
	}
	manyWrong := folderOf(t, allWrong)
	headerOnly := folderOf(t, map[string]string{"BTCUSDT.csv": right, "AUSDT.csv": "open_time,open,high,low,close,volume\n"})
	fewBars := folderOf(t, map[string]string{"BTCUSDT.csv": candlesOf(36), "AUSDT.csv": candlesOf(36)})
	longFiles := folderOf(t, map[string]string{"BTCUSDT.csv": candlesOf(20_000), "AUSDT.csv": candlesOf(20_000)})
	taker := folderOf(t, map[string]string{"BTCUSDT.csv": right, "AUSDT.csv": strings.ReplaceAll(strings.Replace(right, "volume\n", "volume,taker_by_volume\n", 1), ",1\n", ",1,1\n")})
	beside := folderOf(t, map[string]string{"BTCUSDT.csv": right, "AUSDT.csv": right, "CUSDT.feather": "ARROW1"})
	files := variables{"DATA_SOURCE": "files", "DATA_DIR": candles, "LOOKBACK": ""}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	graph := variables{"DATA_SOURCE": "pyg", "DATA_DIR": filepath.Join(candles, "AUSDT.csv"), "SYMBOLS": "", "LOOKBACK": ""}
	for name, c := range map[string]expected{
		"nothing":                    {checks: made("bars", "checkpoints")},
		"nothing, of files":          {change: files, checks: append(made("files"), want{"files", doctor.OK, "has the files of the run's 2 symbols"})},
		"nothing, of a graph's file": {change: graph, checks: append(made("files"), want{"files", doctor.OK, "is a file of 1 MiB"})},
		"a file of candles":          {change: files.with(variables{"SYMBOLS": "BTCUSDT,CUSDT"}), code: 2, checks: []want{{"files", doctor.Failed, "has no file of CUSDT: add it"}}},
		"a misspelt column":          {change: files.with(variables{"DATA_DIR": oneWrong}), code: 2, checks: []want{{"files", doctor.Failed, `AUSDT.csv cannot be read: there is no column close among "open_time,open,high,low,clsoe,volume" (is clsoe meant?): add it, or correct the header`}, {"bars", doctor.Skipped, ""}}},
		"a misspelt column in many files": {change: files.with(variables{"DATA_DIR": manyWrong, "SYMBOLS": ""}), code: 2, checks: []want{
			{"files", doctor.Failed, "13 files cannot be read:\n"}, {"bars", doctor.Skipped, ""},
		}},
		"many files by name": {change: files.with(variables{"DATA_DIR": manyWrong, "SYMBOLS": ""}), code: 2, checks: []want{
			{"files", doctor.Failed, "\nand so are A03USDT.csv, A04USDT.csv, A05USDT.csv, A06USDT.csv, A07USDT.csv and 5 more: fix each of them"}, {"bars", doctor.Skipped, ""},
		}},
		"a header without candles": {change: files.with(variables{"DATA_DIR": headerOnly}), code: 2, checks: []want{{"files", doctor.Failed, "AUSDT.csv has a header and no candle: write its candles"}}},
		"another interval":         {change: files.with(variables{"INTERVAL": "1m"}), code: 2, checks: []want{{"files", doctor.Failed, "does not fit INTERVAL=1m, its bars are 5m apart: set INTERVAL=5m"}}},
		"an empty range":           {change: files.with(variables{"START": "2025-01-01"}), code: 2, checks: []want{{"files", doctor.Failed, "has no candle with START=2025-01-01"}}},
		"a column that is nearly an optional one": {change: files.with(variables{"DATA_DIR": taker}), checks: append(made("bars"),
			want{"files", doctor.Warning, "AUSDT.csv has a column taker_by_volume, which is not read: taker_buy_volume is"})},

		"a file that is not read": {change: files.with(variables{"DATA_DIR": beside}), checks: append(made("bars"),
			want{"files", doctor.Warning, "CUSDT.feather is not read, since candles are in .csv, .csv.gz, .zip or .parquet"})},

		"too few bars, of files": {change: files.with(variables{"DATA_DIR": fewBars}), code: 2, checks: []want{
			{"files", doctor.OK, ""},
			{"bars", doctor.Failed, "36 bars are too few: GRAPH_WINDOW=100 and HORIZON=1 need at least 109 (windows of 100, three splits, their gaps): load more (START, LOOKBACK) or lower GRAPH_WINDOW"},
		}},
		"too few bars, of a simulation":  {change: variables{"LOOKBACK": "1h"}, code: 2, checks: []want{{"bars", doctor.Failed, "12 bars are too few: GRAPH_WINDOW=100"}}},
		"one bar, of a simulation":       {change: variables{"LOOKBACK": "1m"}, code: 2, checks: []want{{"bars", doctor.Failed, "1 bars are too few"}, {"memory", doctor.OK, ""}}},
		"too few bars, of a range":       {change: files.with(variables{"DATA_DIR": longFiles, "LOOKBACK": "1h"}), code: 2, checks: []want{{"bars", doctor.Failed, "12 bars are too few"}}},
		"a window of long files":         {change: files.with(variables{"DATA_DIR": longFiles, "GRAPH_WINDOW": "20000"}), checks: []want{{"files", doctor.OK, ""}, {"bars", doctor.Warning, "about 20000 bars, and GRAPH_WINDOW=20000 and HORIZON=1 need at least 20009: load more (START, LOOKBACK)"}}},
		"a part that has nothing":        {change: variables{"LOOKBACK": "640m", "HORIZON": "5"}, checks: []want{{"bars", doctor.Warning, "128 bars, and GRAPH_WINDOW=100 and HORIZON=5 need at least 121; the valid split will be empty"}}},
		"a window that is no number":     {change: variables{"GRAPH_WINDOW": "1"}, code: 2, checks: []want{{"configuration", doctor.Failed, "GRAPH_WINDOW"}, {"bars", doctor.Skipped, "its configuration is wrong"}, {"checkpoints", doctor.Skipped, "the configuration, which they"}}},
		"a folder of candles":            {change: files.with(variables{"DATA_DIR": "/nowhere"}), code: 2, checks: []want{{"files", doctor.Failed, "set it to the folder of the candle files"}}},
		"a graph's file":                 {change: graph.with(variables{"DATA_DIR": "/nowhere"}), code: 2, checks: []want{{"files", doctor.Failed, "set it to the file that torch.save(data) wrote"}}},
		"the ids":                        {change: variables{"QUEUE_ID": "", "SYMBOL": ""}, code: 2, checks: []want{{"configuration", doctor.Failed, "QUEUE_ID is not set: set it to"}, {"store-folder", doctor.OK, ""}}},
		"more memory than anybody has":   {change: variables{"SYMBOLS": "top:100", "EDGE_TOP_K": "99", "LOOKBACK": "20000d", "DATASET": "all"}, code: 2, checks: []want{{"memory", doctor.Failed, "or fewer SYMBOLS, about 0.5 % of it"}, {"store-folder", doctor.Failed, "free some space"}}},
		"an address for metrics":         {change: variables{"METRICS_ADDR": "127.0.0.1:0"}, checks: append(made(), want{"metrics", doctor.OK, ""})},
		"a port that is taken":           {change: variables{"METRICS_ADDR": taken.Addr().String()}, checks: []want{{"metrics", doctor.Warning, "another process has the port"}}},
		"another machine's address":      {change: variables{"METRICS_ADDR": "192.0.2.1:8080"}, code: 2, checks: []want{{"metrics", doctor.Failed, "set an address of this machine"}}},
		"a misspelt name":                {change: variables{"EPOCS": "canary"}, checks: []want{{"configuration", doctor.Warning, "unknown variable EPOCS; did you mean EPOCHS?"}}},
		"a device that is not there":     {change: variables{"DEVICE": "cuda:9"}, code: 2, checks: []want{{"device", doctor.Failed, "DEVICE=cuda:9"}}},
		"a work folder that is a file":   {change: variables{"WORK_DIR": os.DevNull, "STORE_DIR": "out"}, code: 2, checks: []want{{"work-folder", doctor.Warning, ""}, {"store-folder", doctor.Failed, "set STORE_DIR to another folder"}}},
		"a store in a relative folder":   {change: variables{"WORK_DIR": t.TempDir(), "STORE_DIR": "out"}, checks: append(made(), want{"work-folder", doctor.OK, ""})},
		"a MinIO whose queue is no name": {change: variables{"QUEUE_ID": "a/b", "MINIO_ENDPOINT": "localhost:1", "MINIO_ACCESS_KEY": "canary", "MINIO_SECRET_KEY": "canary", "MINIO_BUCKET_NAME": "models"}, code: 2, checks: []want{{"configuration", doctor.Failed, "QUEUE_ID"}, {"minio", doctor.Skipped, "is not a valid name"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.mustFind(t, base(t), []string{"canary"})
		})
	}
}
