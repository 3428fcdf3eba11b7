package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/store"
)

// predictedRow is a row of predictions.parquet, and of what predict writes.
type predictedRow struct {
	OpenTime     int64    `parquet:"open_time" json:"open_time"`
	Symbol       string   `parquet:"symbol" json:"symbol"`
	Split        string   `parquet:"split" json:"split"`
	Horizon      int64    `parquet:"horizon" json:"horizon"`
	Label        *int64   `parquet:"label,optional" json:"label"`
	Return       *float64 `parquet:"return,optional" json:"return"`
	Score        float64  `parquet:"score" json:"score"`
	PDown        *float64 `parquet:"p_down,optional" json:"p_down"`
	PFlat        *float64 `parquet:"p_flat,optional" json:"p_flat"`
	PUp          *float64 `parquet:"p_up,optional" json:"p_up"`
	Fold         int64    `parquet:"fold" json:"fold"`
	ModelQueueID string   `parquet:"-" json:"model_queue_id"`
}

// numbers are what the model says in a row.
func (r predictedRow) numbers() string {
	text, _ := json.Marshal([]any{r.OpenTime, r.Symbol, r.Horizon, r.Score, r.PDown, r.PFlat, r.PUp}) // every bit
	return string(text)
}

// predict runs the program's predict, or what it does without words.
func predict(t *testing.T, vars map[string]string, words ...string) (code int, rows []predictedRow, stdout, stderr string) {
	t.Helper()
	needBinary(t)
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), plainBinary, words...)
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = &out, &log
	_ = cmd.Run()
	for line := range strings.Lines(out.String()) {
		var row predictedRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q is no prediction: %v", line, err)
		}
		rows = append(rows, row)
	}
	return cmd.ProcessState.ExitCode(), rows, out.String(), log.String()
}

// trainingsPredictions is what a training predicted of the bars that it tests or cannot
// judge yet, by the model that it stored: their open times, numbers, and the fold of
// that model.
func trainingsPredictions(t *testing.T, result string) (times []int64, numbers map[int64][]string, fold int64) {
	t.Helper()
	rows, err := parquet.ReadFile[predictedRow](filepath.Join(result, "predictions.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		fold = max(fold, row.Fold)
	}
	numbers = map[int64][]string{}
	for _, row := range rows {
		if row.Fold == fold && (row.Split == "test" || row.Split == "live") {
			times = append(times, row.OpenTime)
			numbers[row.OpenTime] = append(numbers[row.OpenTime], row.numbers())
		}
	}
	slices.Sort(times)
	return slices.Compact(times), numbers, fold
}

// numbersOf are the numbers of rows.
func numbersOf(rows []predictedRow) (all []string) {
	for _, row := range rows {
		all = append(all, row.numbers())
	}
	return all
}

// endOf is the END that makes the bar of 5 minutes that opens at a time the newest.
func endOf(openTime int64) string {
	return time.UnixMilli(openTime + five).UTC().Format(time.RFC3339)
}

// simulatedFolder is a simulated market as files, with gaps.
func simulatedFolder(t *testing.T, symbols, bars int) string {
	t.Helper()
	return folderOf(t, symbols, bars, func(time.Time) bool { return true })
}

// folderOf is that of a market that is open at some times.
func folderOf(t *testing.T, symbols, bars int, open func(time.Time) bool) string {
	t.Helper()
	m, _, err := source.Load(t.Context(), source.Config{
		Source: source.Simulated, Symbol: "BTCUSDT", Symbols: fmt.Sprintf("top:%d", symbols), Interval: "5m", Lookback: fmt.Sprintf("%dm", 5*bars), Seed: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, symbol := range m.Symbols {
		var b strings.Builder
		fmt.Fprintln(&b, "open_time,open,high,low,close,volume")
		for at := range m.Bars {
			if !open(time.UnixMilli(m.OpenTime(at)).UTC()) || !m.Present(i, at) || i == 2 && at%701 < 3 || i == 3 && at%1201 < 30 {
				continue
			}
			fmt.Fprintf(&b, "%d,%v,%v,%v,%v,%v\n", m.OpenTime(at), m.Open[i][at], m.High[i][at], m.Low[i][at], m.Close[i][at], m.Volume[i][at])
		}
		if err := os.WriteFile(filepath.Join(dir, symbol+".csv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The shadow check: what is predicted of a bar from the few bars that the recipe
// needs is what the training predicted of it among all.
func TestABarIsPredictedWithTheBitsOfTheTrainingsPredictions(t *testing.T) {
	t.Parallel()
	few, many := simulatedFolder(t, 9, 1700), simulatedFolder(t, 8, 4600)
	weekdays := folderOf(t, 6, 3400, func(at time.Time) bool { return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday })
	for name, c := range map[string]struct {
		dir  string
		vars map[string]string
	}{
		"gcn":                   {few, nil},
		"two threads, horizons": {few, map[string]string{"BATCH_SIZE": "512", "HORIZON": "1,6", "EDGE_EVERY": "36"}},
		"folds":                 {few, map[string]string{"FOLDS": "2", "MODEL_TYPE": "sage", "EDGE_THRESHOLD": "0.2"}},
		"gatv2 with encoder":    {few, map[string]string{"MODEL_TYPE": "gatv2", "ENCODER": "gru", "ENCODER_WINDOW": "12", "EDGE_RETURNS": "excess"}},
		"without edges":         {few, map[string]string{"EDGES": "none", "MODEL_TYPE": "attention", "NODE_EMBEDDING": "4"}},
		"closing hours":         {weekdays, map[string]string{"EDGES": "leadlag", "MODEL_TYPE": "gatv2"}},
		"TASK=rank":             {many, map[string]string{"TASK": "rank"}},
	} {
		t.Run(name, func(t *testing.T) {
			vars, result := environment(t, map[string]string{"DATA_SOURCE": "files", "DATA_DIR": c.dir, "SYMBOLS": "", "LOOKBACK": "", "EPOCHS": "1", "BASELINES": "none"})
			maps.Copy(vars, c.vars)
			run(t, vars).mustEnd(t, "finished", 0)
			times, want, last := trainingsPredictions(t, result)
			metadata, err := os.ReadFile(filepath.Join(result, "metadata.json"))
			if err != nil || strings.Contains(string(metadata), `"sessions": true`) != (name == "closing hours") {
				t.Fatalf("%v, and the model's market has closing hours or not:\n%s", err, metadata)
			}
			// Of the training's variables those count that say where the model and the
			// candles are.
			from := map[string]string{"STORE_DIR": vars["STORE_DIR"], "DATA_SOURCE": "files", "DATA_DIR": c.dir, "HIDDEN": "no business of it", "LOOKBACK": "1d"}
			for k, at := range []int64{times[len(times)/3], times[len(times)/2], times[len(times)-40], times[len(times)-1]} {
				if from["END"] = endOf(at); k == 3 {
					delete(from, "END")
				}
				code, rows, _, log := predict(t, from, "predict")
				if code != 0 || len(rows) == 0 {
					t.Fatalf("exit code %d:\n%s", code, log)
				}
				for _, row := range rows {
					if row.Split != "live" || row.Label != nil || row.Return != nil || row.ModelQueueID != "q1" || row.Fold != last || (last > 0) != (vars["FOLDS"] != "") {
						t.Errorf("%+v", row)
					}
				}
				if got := numbersOf(rows); !slices.Equal(got, want[at]) {
					t.Errorf("the bar %d is predicted as\n%s\nand the training has\n%s", at, strings.Join(got, "\n"), strings.Join(want[at], "\n"))
				}
				if strings.Contains(log, "the last digits may differ") {
					t.Errorf("too few bars were read:\n%s", log)
				}
			}
		})
	}
}

func TestAPredictionLeavesTheStoreAsItWas(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"EPOCHS": "1", "BASELINES": "none"})
	run(t, vars).mustEnd(t, "finished", 0)
	listing := func() (all []string) {
		err := filepath.WalkDir(vars["STORE_DIR"], func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			all = append(all, fmt.Sprint(path, info.Size(), info.ModTime()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := listing()
	// As StreamForge starts it: no word, the ids of the pipeline, and a lock that
	// another training of the QUEUE_ID may hold.
	held, err := store.NewFolder(store.Config{Dir: vars["STORE_DIR"], ModelName: "market_gnn_v1"}, "q1")
	if err == nil {
		err = held.Open(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	vars["TYPE"], vars["TELEMETRY_PRODUCER_ID"], vars["PREDICTIONS_STORE"] = "realtime_gnn_infer_v1", "infer__q1", "false"
	code, rows, first, log := predict(t, vars)
	if code != 0 || len(rows) != 12 {
		t.Fatalf("exit code %d, %d rows:\n%s", code, len(rows), log)
	}
	for _, want := range []string{`"status":"started"`, `"message":"Prediction started"`, `"status":"finished"`, `"model_queue_id":"q1"`, `"predicted":12`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s on stderr:\n%s", want, log)
		}
	}
	if _, _, second, _ := predict(t, vars, "predict"); second != first {
		t.Error("the same bar is predicted with other bytes")
	}
	if after := listing(); !slices.Equal(before, after) {
		t.Errorf("the store had\n%v\nand has\n%v", before, after)
	}
	vars["MODEL_QUEUE_ID"] = "q1"
	if err := os.Remove(filepath.Join(filepath.Dir(result), "latest.json")); err != nil {
		t.Fatal(err)
	}
	if _, _, named, log := predict(t, vars); named != first {
		t.Errorf("the model that is named predicts otherwise:\n%s", log)
	}
}

func TestAPredictionThatCannotBeMadeIsRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"EPOCHS": "1", "BASELINES": "none", "LOOKBACK": "3d"})
	run(t, vars).mustEnd(t, "finished", 0)
	for _, name := range []string{"QUEUE_ID", "TYPE", "TELEMETRY_PRODUCER_ID", "SYMBOL"} {
		delete(vars, name)
	}
	candles := simulatedFolder(t, 12, 600)
	short := simulatedFolder(t, 12, 90)
	for want, changes := range map[string]map[string]string{
		"INTERVAL=15m, and the model of q1 was trained on bars of 5m: set INTERVAL=5m, or unset it": {"INTERVAL": "15m"},
		"SYMBOL=SHIBUSDT is none of the 12 nodes of the model of q1":                                {"SYMBOL": "SHIBUSDT"},
		"MODEL_NAME=other has no finished run in ":                                                  {"MODEL_NAME": "other"},
		"the run q7 has no result in ":                                                              {"MODEL_QUEUE_ID": "q7"},
		"the model reads the feature spread, and no symbol has best_bid or best_ask":                {"DATA_SOURCE": "files", "DATA_DIR": candles},
		"90 bars up to 2024-01-01T07:25:00Z are too few: the model's recipe needs 101":              {"DATA_SOURCE": "files", "DATA_DIR": short},
		"DATA_SOURCE=pyg is one graph without time":                                                 {"DATA_SOURCE": "pyg"},
		`PREDICT is \"twice\": set once`:                                                            {"PREDICT": "twice"},
		"QUEUE_ID is not set":                                                                       {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
	} {
		all := maps.Clone(vars)
		maps.Copy(all, changes)
		if all["DATA_SOURCE"] == "files" {
			delete(all, "SYMBOLS")
		}
		code, rows, _, log := predict(t, all, "predict")
		if code != 2 || len(rows) > 0 || !strings.Contains(log, want) {
			t.Errorf("%v: exit code %d, want %s:\n%s", changes, code, want, log)
		}
	}
	for _, name := range []string{"weights.pt", "metadata.json", "model.pt", "manifest.json"} {
		path := filepath.Join(result, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		torn := slices.Clone(whole)
		torn[len(torn)/2] ^= 1
		if name == "manifest.json" {
			torn = whole[:len(whole)/2]
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		code, rows, _, log := predict(t, vars, "predict")
		if code != 2 || len(rows) > 0 || !strings.Contains(log, "the result of q1 is damaged: ") || !strings.Contains(log, name) {
			t.Errorf("%s is damaged: exit code %d:\n%s", name, code, log)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, _, log := predict(t, vars, "predict"); code != 0 {
		t.Errorf("exit code %d:\n%s", code, log)
	}
}

// A bar is in the file of its day once, whatever comes again.
func TestPredictionsAreKeptByTheDayAndEachBarOnce(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"EPOCHS": "1", "BASELINES": "none", "DATA_SOURCE": "files", "DATA_DIR": simulatedFolder(t, 9, 900), "SYMBOLS": "", "LOOKBACK": ""})
	run(t, vars).mustEnd(t, "finished", 0)
	times, want, _ := trainingsPredictions(t, result)
	newest := times[len(times)-1]
	dir := filepath.Join(vars["STORE_DIR"], "market_gnn_v1", "predictions")
	var g sync.WaitGroup
	for _, at := range []int64{newest, newest - 3*five, newest, newest - 288*five, newest - 2*five} { // side by side
		from := maps.Clone(vars)
		from["END"] = endOf(at)
		g.Go(func() {
			if code, _, _, log := predict(t, from, "predict"); code != 0 {
				t.Errorf("exit code %d:\n%s", code, log)
			}
		})
	}
	g.Wait()
	kept := map[int64][]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		rows, err := parquet.ReadFile[struct {
			predictedRow
			Model string `parquet:"model_queue_id"`
		}](path)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			kept[row.OpenTime] = append(kept[row.OpenTime], row.numbers())
			if day := time.UnixMilli(row.OpenTime).UTC().Format(time.DateOnly); filepath.Base(path) != day+".parquet" || row.Model != "q1" || i > 0 && row.OpenTime < rows[i-1].OpenTime {
				t.Errorf("%s has %+v", path, row)
			}
		}
	}
	if len(files) != 2 || len(kept) != 4 {
		t.Errorf("%v have %d bars", files, len(kept))
	}
	for at, numbers := range kept {
		if want[at] != nil && !slices.Equal(numbers, want[at]) {
			t.Errorf("the bar %d has other numbers than the training's", at)
		}
	}
	before, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	if code, rows, _, _ := predict(t, vars, "predict"); code != 0 || len(rows) == 0 {
		t.Errorf("exit code %d, %d rows", code, len(rows))
	}
	if after, err := os.ReadFile(files[1]); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a bar that is there changes the file: %v", err)
	}
	if err := os.WriteFile(files[1], before[:len(before)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, _, log := predict(t, vars, "predict"); code != 2 || !strings.Contains(log, "reading the predictions of earlier bars") || !strings.Contains(log, "move that file away") {
		t.Errorf("half a file: exit code %d:\n%s", code, log)
	}
}
