package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/store"
)

// realCandles are ten pairs against BTC, where a developer has them.
const realCandles = "../../shared/market/5m"

func TestARunOnTheSimulatedMarketIsReadByPyTorchAndPyG(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, nil)
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if path := e.last(t).ModelPath; path != "file://"+result+"/model.pt" {
		t.Errorf("model_path is %q", path)
	}
	consume(t, result)
}

func TestARunOnRealCandlesIsReadByPyTorchAndPyG(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(realCandles); err != nil {
		t.Skip("the real candles are not here")
	}
	vars, result := environment(t, map[string]string{
		"SYMBOL": "ETHBTC", "DATA_SOURCE": "files", "DATA_DIR": realCandles, "SYMBOLS": "", "LOOKBACK": "", "EPOCHS": "20",
	})
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if !strings.Contains(e.stderr, `"features":"spread, order_book_imbalance, funding_rate, taker_imbalance"`) {
		t.Error("the log does not say in one line which features are left out")
	}
	measured := consume(t, result)
	if measured["test_auc_without_edges"] == nil {
		t.Fatal("metrics.json does not report the network without edges")
	}
	// These ten pairs are better off without edges, as results.md says.
	if !strings.Contains(e.stderr, "The graph does harm") || !strings.Contains(e.stderr, "nearly every node is joined with every other") {
		t.Errorf("the log does not warn of the edges: %v", measured)
	}
}

func TestAPyGGraphIsTrainedOnAndItsModelLoads(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"SYMBOLS": "", "LOOKBACK": "", "DATA_SOURCE": "pyg"})
	file := filepath.Join(t.TempDir(), "data.pt")
	vars["DATA_DIR"] = file
	script := `
import sys, torch
from torch_geometric.data import Data
torch.manual_seed(0)
n = 300
edges = torch.randint(0, n, (2, 2000))
x = torch.randn(n, 8)
y = (x[:, 0] > 0.5).long() + (x[:, 0] > -0.5).long()
mask = torch.rand(n)
torch.save(Data(x=x, edge_index=edges, edge_weight=torch.rand(2000), y=y,
                train_mask=mask < 0.6, val_mask=(mask >= 0.6) & (mask < 0.8), test_mask=mask >= 0.8), sys.argv[1])`
	if _, err := runPython(t, "-c", script, file); err != nil {
		t.Fatal(err)
	}
	run(t, vars).mustEnd(t, "finished", 0)
	check := `
import sys, torch
from torch_geometric.data import Data
g = Data.from_dict(torch.load(sys.argv[1] + "/graph.pt"))
assert g.validate() and list(torch.jit.load(sys.argv[1] + "/model.pt")(g.x, g.edge_index, g.edge_weight).shape) == [300, 3]`
	if _, err := runPython(t, "-c", check, result); err != nil {
		t.Fatal(err)
	}
}

func TestTheGraphIsWorthHavingOnTheSimulatedMarket(t *testing.T) {
	t.Parallel()
	seeds := 5
	if testing.Short() {
		seeds = 2
	}
	var with, without float64
	for seed := range seeds {
		vars, result := environment(t, map[string]string{"SEED": fmt.Sprint(seed), "SYMBOLS": "", "LOOKBACK": "15d", "EPOCHS": "12"})
		run(t, vars).mustEnd(t, "finished", 0)
		var m struct {
			Splits   struct{ Test struct{ AUC float64 } }
			Baseline struct {
				Splits struct{ Test struct{ AUC float64 } }
			}
		}
		content, err := os.ReadFile(filepath.Join(result, "metrics.json"))
		if err == nil {
			err = json.Unmarshal(content, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: test AUC %.4f, without edges %.4f", seed, m.Splits.Test.AUC, m.Baseline.Splits.Test.AUC)
		with += m.Splits.Test.AUC / float64(seeds)
		without += m.Baseline.Splits.Test.AUC / float64(seeds)
	}
	if with-without < 0.03 {
		t.Errorf("mean test AUC %.4f, without edges %.4f: the graph is worth %.4f, and 0.03 is the least", with, without, with-without)
	}
}

// bits are the hashes of the artefacts that hold no time of day.
func bits(t *testing.T, result string) map[string]string {
	t.Helper()
	m, err := store.Verify(result)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, f := range m.Files {
		if f.Name != "metrics.json" && f.Name != "report.html" { // hold timings
			sums[f.Name] = f.SHA256
		}
	}
	return sums
}

func TestTheSameSeedGivesTheSameBitsAndAnotherSeedOthers(t *testing.T) {
	t.Parallel()
	var sums []map[string]string
	for _, seed := range []string{"1", "1", "2"} {
		vars, result := environment(t, map[string]string{"SEED": seed, "BASELINE": "none"})
		run(t, vars).mustEnd(t, "finished", 0)
		sums = append(sums, bits(t, result))
	}
	if len(sums[0]) != 6 {
		t.Errorf("%d artefacts compared, want 6", len(sums[0]))
	}
	for name := range sums[0] {
		if sums[0][name] != sums[1][name] {
			t.Errorf("%s differs between two runs of one seed", name)
		}
		if sums[0][name] == sums[2][name] && name != "metadata.json" {
			t.Errorf("%s is the same with another seed", name)
		}
	}
}

func TestAStopKeepsTheModelSoFarAndTellsOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		code   int
	}{"SIGTERM": {syscall.SIGTERM, 143}, "SIGINT": {syscall.SIGINT, 130}} {
		t.Run(name, func(t *testing.T) {
			vars, result := environment(t, map[string]string{"EPOCHS": "1000000", "PATIENCE": "0"})
			p := start(t, vars)
			p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
			sent := time.Now()
			if err := p.cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			e := p.end()
			t.Logf("it ended %v after the signal", time.Since(sent).Round(time.Millisecond))
			e.mustEnd(t, "interrupted", c.code)
			if measured := consume(t, result); measured["status"] != "interrupted" {
				t.Errorf("the manifest says %v", measured["status"])
			}
		})
	}
}

func TestAStopBeforeThereIsAModelLeavesNoResult(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"SYMBOLS": "top:40", "LOOKBACK": "120d"})
	p := start(t, vars)
	p.await("the start", func(e event) bool { return e.Status == "started" })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.end().mustEnd(t, "interrupted", 143)
	if _, err := os.Stat(filepath.Join(result, "manifest.json")); err == nil {
		t.Error("a manifest vouches for a result that was not made")
	}
}

func TestOneCPUIsEnough(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("no taskset on this machine")
	}
	vars, result := environment(t, nil)
	run(t, vars, "taskset", "-c", "0").mustEnd(t, "finished", 0)
	consume(t, result)
}

func TestOnTheCPUNoCUDALibraryIsOpenedButTheTwoThatLibtorchNeeds(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"DEVICE": "cpu", "EPOCHS": "1000000", "PATIENCE": "0"})
	p := start(t, vars)
	p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.end().mustEnd(t, "interrupted", 143)
	if !strings.Contains(string(maps), "libtorch_cpu.so") {
		t.Fatal("the maps do not even show libtorch: this test looks at the wrong process")
	}
	for _, lib := range regexp.MustCompile(`lib(cu|nv|nccl|torch_cuda|c10_cuda)[\w]*\.so`).FindAllString(string(maps), -1) {
		if lib != "libcudart.so" && lib != "libcupti.so" {
			t.Errorf("%s is open", lib)
		}
	}
}

func TestAnEndInErrorSaysWhatToChangeOnceAndExitsWith(t *testing.T) {
	t.Parallel()
	broken := t.TempDir()
	candles := "open_time,open,high,low,close,volume\n1704067200000,1,2,1,2,5\n1704067500000,1,2,3,2,5\n"
	if err := os.WriteFile(filepath.Join(broken, "BTCUSDT.csv"), []byte(candles), 0o644); err != nil {
		t.Fatal(err)
	}
	noFolder := filepath.Join(broken, "BTCUSDT.csv")
	for name, c := range map[string]struct {
		changes map[string]string
		code    int
		says    []string
	}{
		"a wrong value":            {map[string]string{"EPOCHS": "ten"}, 2, []string{"EPOCHS", "ten"}},
		"two wrong values":         {map[string]string{"EPOCHS": "0", "DROPOUT": "1.5"}, 2, []string{"EPOCHS", "DROPOUT"}},
		"an unknown model":         {map[string]string{"MODEL_TYPE": "gat"}, 2, []string{"MODEL_TYPE", "set " + catalog.OneOf(catalog.Types())}},
		"heads that do not divide": {map[string]string{"MODEL_TYPE": "gatv2", "HIDDEN": "10"}, 2, []string{"HIDDEN=10 is no multiple of HEADS=4"}},
		"an encoder that is none":  {map[string]string{"ENCODER": "lstm"}, 2, []string{"ENCODER", "set none, tcn, gru, mlp or mixer"}},
		"an impossible candle": {
			map[string]string{"DATA_SOURCE": "files", "DATA_DIR": broken, "SYMBOLS": "", "LOOKBACK": ""},
			2,
			[]string{"BTCUSDT.csv", "line 3", "high"},
		},
		"a loss that is not finite": {map[string]string{"LEARNING_RATE": "1e30"}, 2, []string{"diverged", "LEARNING_RATE"}},
		"too few bars":              {map[string]string{"LOOKBACK": "3h"}, 2, []string{"36 bars"}},
		"a store that is no folder": {map[string]string{"STORE_DIR": noFolder}, 2, []string{"STORE_DIR"}},
	} {
		t.Run(name, func(t *testing.T) {
			vars, _ := environment(t, c.changes)
			e := run(t, vars)
			e.mustEnd(t, "error", c.code)
			for _, words := range c.says {
				if !strings.Contains(e.last(t).Message, words) || !strings.Contains(e.stderr, words) {
					t.Errorf("event %q and log %q do not both say %q", e.last(t).Message, e.stderr, words)
				}
			}
			f := e.last(t).Error
			if f.What == "" || f.Kind != "input" && f.Kind != "rejected" || !strings.Contains(e.stderr, `"kind":"`+f.Kind+`"`) {
				t.Errorf("the event's error is %+v, the log %q", f, e.stderr)
			}
		})
	}
}

func TestWithoutADriverDeviceCUDAIsRefusedAndAutoFallsBack(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/nvidiactl"); err == nil {
		t.Skip("this machine has an NVIDIA driver")
	}
	vars, _ := environment(t, map[string]string{"DEVICE": "cuda"})
	e := run(t, vars)
	e.mustEnd(t, "error", 2)
	if m := e.last(t).Message; !strings.Contains(m, "DEVICE=cuda") || !strings.Contains(m, "libcuda.so.1") {
		t.Errorf("the event says %q", m)
	}
}

func TestWithoutTheRunsIDsNoEventIsTold(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"QUEUE_ID": ""})
	if e := run(t, vars); e.code != 2 || len(e.events) != 0 || !strings.Contains(e.stderr, "QUEUE_ID") {
		t.Errorf("exit code %d, %d events, log %q", e.code, len(e.events), e.stderr)
	}
}

func TestAReaderThatLeavesDoesNotEndTheTraining(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, nil)
	p := start(t, vars, "bash", "-c", `"$0" | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}`)
	p.reading.Wait()
	_ = p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1: the terminal event was not delivered\n%s", code, p.stderr.String())
	}
	if m, err := store.Verify(result); err != nil || m.Status != store.Finished {
		t.Errorf("status %s, %v", m.Status, err)
	}
}

func TestSeveralHorizonsArePredictedByOneModel(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, map[string]string{"HORIZON": "6,1", "SYMBOLS": "top:6", "LOOKBACK": "4d"})
	run(t, vars).mustEnd(t, "finished", 0)
	script := `
import json, sys
import pandas as pd, torch
folder = sys.argv[1]
p = pd.read_parquet(f"{folder}/predictions.parquet")
metadata, metrics = (json.load(open(f"{folder}/{name}.json")) for name in ("metadata", "metrics"))
assert metadata["horizon"] == 6 and metadata["horizons"] == [6, 1], metadata["horizons"]
assert torch.load(f"{folder}/weights.pt")["lin.weight"].shape[0] == 6
g = torch.load(f"{folder}/graph.pt")
n = len(metadata["symbols"])
assert g["y"].shape == g["ret"].shape == (n, 2)
with torch.no_grad():
    logits = torch.jit.load(f"{folder}/model.pt")(g["x"], g["edge_index"], g["edge_weight"])
assert logits.shape == (n, 2, 3), logits.shape
newest = p[p.open_time == p.open_time.max()]
there = [s for s, ok in zip(metadata["symbols"], g["node_mask"].tolist()) if ok]
for h, horizon in enumerate(metadata["horizons"]):
    rows = newest[newest.horizon == horizon].set_index("symbol").loc[there]
    stored = torch.tensor(rows[["p_down", "p_flat", "p_up"]].to_numpy()).float()
    assert torch.allclose(stored, logits[g["node_mask"], h].softmax(1), atol=1e-5)
    # TARGET=open: the newest horizon + 1 bars are live.
    live = p[(p.horizon == horizon) & (p.split == "live")]
    assert live.open_time.nunique() == horizon + 1 and live["return"].isna().all()
    assert metrics["horizons"][h]["horizon"] == horizon and metrics["horizons"][h]["splits"]["test"]["count"] > 0
assert metrics["horizons"][0]["splits"] == metrics["splits"]
`
	if _, err := runPython(t, "-c", script, result); err != nil {
		t.Error(err)
	}
}
