package job_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/pyg"
)

// graphFile is a graph of 60 nodes as torch.save writes it, with more attributes:
// names and values.
func graphFile(t *testing.T, more ...any) string {
	t.Helper()
	const n = 60
	var x []float32
	var sources, targets, y []int64
	for i := range n {
		x = append(x, float32(i%7), float32(i%5))
		y = append(y, int64(i*i%7%3))
		sources, targets = append(sources, int64(i)), append(targets, int64((i+1)%n))
	}
	d := new(pyg.Dict)
	d.Set("x", pyg.NewTensor(x, n, 2))
	d.Set("edge_index", pyg.NewTensor(append(sources, targets...), 2, n))
	d.Set("y", pyg.NewTensor(y, n))
	for k := 0; k < len(more); k += 2 {
		d.Set(more[k].(string), more[k+1])
	}
	path := filepath.Join(t.TempDir(), "graph.pt")
	var b bytes.Buffer
	if err := pyg.Save(&b, d); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "S" + string(rune('A'+i/26)) + string(rune('A'+i%26)) + "USDT"
	}
	return all
}

func TestARunOnAGraphSaysWhatItDoesWithItsSplitAndItsNames(t *testing.T) {
	firstHalf := func(from, to int) pyg.Tensor {
		mask := make([]bool, 60)
		for i := from; i < to; i++ {
			mask[i] = true
		}
		return pyg.NewTensor(mask, 60)
	}
	for name, c := range map[string]struct {
		file   string
		symbol string
		code   int
		log    string
	}{
		"a validation cut from the training": {
			graphFile(t, "train_mask", firstHalf(0, 40), "test_mask", firstHalf(40, 60)), "node_0", 0,
			"the graph has train_mask and test_mask and no val_mask: 10 of the 40 training nodes, chosen by SEED, validate",
		},
		"a split of other names":      {graphFile(t, "idx_train", firstHalf(0, 30), "dev_mask", firstHalf(30, 40), "test_nid", pyg.NewTensor([]int64{50, 51, 52, 53, 54, 55, 56, 57}, 8)), "node_0", 0, `"attributes":["idx_train","dev_mask","test_nid"]`},
		"no split":                    {graphFile(t), "node_0", 0, "the graph has no split: its nodes are divided at random"},
		"half a split":                {graphFile(t, "train_mask", firstHalf(0, 40)), "node_0", 2, "the graph has train_mask and no val_mask and no test_mask"},
		"a fold":                      {graphFile(t, "fold", pyg.NewTensor(make([]int64, 60), 60)), "node_0", 2, "fold is a tensor of int64 [60], which looks like a split of the nodes"},
		"one class to train on":       {graphFile(t, "train_idx", pyg.NewTensor([]int64{0, 7, 14}, 3), "test_mask", firstHalf(40, 60)), "node_0", 2, "all labels of the train split (train_idx) are of class 0 (down)"},
		"a name of the file":          {graphFile(t, "symbols", names(60)), "SABUSDT", 0, "graph built"},
		"a name in lower case":        {graphFile(t, "symbols", names(60)), "sabusdt", 2, "SYMBOL=sabusdt is none of the 60 nodes: set SYMBOL=SABUSDT"},
		"a name with a dash":          {graphFile(t, "symbols", names(60)), "SAB-USDT", 2, "set SYMBOL=SABUSDT"},
		"a name nearly there":         {graphFile(t, "symbols", names(60)), "SABUSTD", 2, "set SYMBOL=SABUSDT"},
		"a name of nothing":           {graphFile(t, "symbols", names(60)), "ETH", 2, "set SYMBOL to one of SAAUSDT, SABUSDT, SACUSDT, SADUSDT, SAEUSDT and 55 more"},
		"a name where there are none": {graphFile(t), "BTCUSDT", 0, "SYMBOL=BTCUSDT has no metrics of its own, since the graph's nodes have no names: save them as data.symbols, or set SYMBOL to one of node_0 to node_59"},
	} {
		j, events, _ := newJob(t, never, "DATA_SOURCE=pyg", "DATA_DIR="+c.file, "SYMBOLS=", "LOOKBACK=", "GRAPH_WINDOW=", "BASELINE=none", "HIDDEN=4")
		j.Config.IDs.Symbol = c.symbol
		var log bytes.Buffer
		j.Log = zerolog.New(&log)
		if code := j.Run(t.Context()); code != c.code || !strings.Contains(log.String(), c.log) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", name, code, c.code, c.log, log.String())
		}
		events.mustEnd(t, map[int]string{0: "finished", 2: "error"}[c.code])
	}
}
