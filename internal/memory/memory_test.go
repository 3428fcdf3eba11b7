package memory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

const gib = 1 << 30

// market is the simulated one of so many symbols and bars.
func market(symbols, bars int64) Size {
	rows := symbols * bars
	return Size{Nodes: symbols, Snapshots: bars, Rows: rows, Edges: rows * min(10, symbols-1), Train: bars * 6 / 10, Features: 14, Horizons: 1}
}

func settings(model string, hidden, layers, batch int) Settings {
	return Settings{Model: catalog.Config{Type: model, Hidden: hidden, Layers: layers, Heads: 4, Dropout: 0.1}, BatchSize: batch, Baseline: true, Outputs: 3}
}

// Runs of the program that were measured once, by their maximum resident set, on
// the CPU; TestTheEstimateIsNearWhatARunTakes of package test measures small
// ones anew.
func TestAnEstimateIsWithinThirtyPercentOfMeasuredRuns(t *testing.T) {
	static := func(nodes, edges int64, features int) Size {
		return Size{Nodes: nodes, Snapshots: 3, Rows: nodes, Edges: edges, Train: 1, Features: features, Horizons: 1, Static: true}
	}
	// Weights are all there is to three symbols with a neighbour each.
	few := Size{Nodes: 3, Snapshots: 170, Rows: 510, Edges: 510, Train: 99, Features: 10, Horizons: 1}
	for _, c := range []struct {
		name     string
		size     Size
		settings Settings
		alone    bool // without a baseline
		measured int64
	}{
		{"the defaults", market(20, 8540), settings("gcn", 64, 2, 32), false, 363},
		{"the defaults without baseline", market(20, 8540), settings("gcn", 64, 2, 32), true, 316},
		{"the defaults of sage", market(20, 8540), settings("sage", 64, 2, 32), false, 368},
		{"100 symbols", market(100, 8540), settings("gcn", 16, 2, 32), false, 889},
		{"120 days", market(20, 34_460), settings("gcn", 64, 2, 32), false, 797},
		{"large blocks", market(20, 1628), settings("gcn", 1024, 2, 512), true, 625},
		{"large blocks of sage", market(20, 1628), settings("sage", 1024, 2, 512), true, 816},
		{"large blocks of gatv2", market(20, 1628), settings("gatv2", 1024, 2, 512), true, 868},
		{"four layers", market(20, 1628), settings("gcn", 1024, 4, 512), true, 1062},
		{"small blocks", market(20, 1628), settings("gcn", 512, 2, 512), false, 569},
		{"small blocks of gatv2", market(20, 1628), settings("gatv2", 512, 2, 512), false, 749},
		{"small blocks of sage", market(20, 1628), settings("sage", 512, 2, 256), false, 503},
		{"six layers", market(20, 1628), settings("gcn", 256, 6, 512), false, 751},
		{"eight layers of gatv2", market(20, 476), settings("gatv2", 512, 8, 256), false, 1172},
		{"weights", market(20, 476), settings("gcn", 2048, 3, 16), false, 1031},
		{"weights without baseline", market(20, 476), settings("gcn", 2048, 3, 16), true, 852},
		{"weights of sage", market(6, 476), settings("sage", 4096, 2, 64), false, 2227},
		{"weights of gatv2", market(6, 476), settings("gatv2", 4096, 2, 64), false, 1963},
		{"weights and batch", market(20, 1628), settings("gcn", 2048, 4, 600), false, 3007},
		{"weights and batch of sage", market(20, 1628), settings("sage", 2048, 3, 600), false, 3492},
		{"16 layers and few rows", few, settings("gcn", 2048, 16, 8), true, 3236},
		{"16 layers of sage and few rows", few, settings("sage", 2048, 16, 32), true, 6031},
		{"8 layers of sage and few rows", few, settings("sage", 512, 8, 64), true, 348},
		{"8 layers, few rows, with baseline", few, settings("gcn", 1024, 8, 32), false, 553},
		{"a static graph", static(100_000, 1_000_000, 64), settings("gcn", 64, 2, 32), false, 974},
		{"a static graph of gatv2", static(300_000, 500_000, 16), settings("gatv2", 64, 2, 32), false, 1680},
		{"a static graph of sage", static(100_000, 1_000_000, 64), settings("sage", 256, 2, 32), false, 2052},
	} {
		c.settings.Baseline = !c.alone
		e := Of(c.size, c.settings)
		if got := e.Host() >> 20; got < c.measured*7/10 || got > c.measured*13/10 {
			t.Errorf("%s: %d MiB are estimated (%+v), and %d were taken", c.name, got, e, c.measured)
		}
	}
}

func TestTheRemedyOfARunThatCannotFitMakesItFit(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     Size
		settings Settings
		there    int64
		want     string
	}{
		{"a huge batch", market(20, 8540), settings("gcn", 256, 2, 8192), gib, "lower BATCH_SIZE to "},
		{"huge weights", market(20, 8540), settings("sage", 8192, 4, 1), 4 * gib, "lower HIDDEN to "},
		{"deep", market(20, 8540), settings("gatv2", 512, 64, 32), gib, "lower "},
		{"both", market(20, 8540), settings("gcn", 4096, 16, 8192), gib, "lower HIDDEN to "},
		{"much data", market(500, 500_000), settings("gcn", 64, 2, 32), 8 * gib, "load a shorter range (LOOKBACK, START) or fewer SYMBOLS, about "},
		{"heads", market(20, 8540), settings("gatv2", 1020, 2, 512), gib / 2, "lower "},
	} {
		before := Of(c.size, c.settings).Host()
		if before <= c.there {
			t.Errorf("%s: it takes %s alone", c.name, Text(before))
		}
		remedy := Remedy(c.size, c.settings, c.there, Estimate.Host)
		if !strings.HasPrefix(remedy, c.want) || !strings.HasSuffix(remedy, ", or give the run more memory") {
			t.Errorf("%s: %s", c.name, remedy)
			continue
		}
		size, changed := c.size, c.settings
		var to change
		for _, word := range strings.Split(strings.NewReplacer(", or give the run more memory", "", "lower ", "", ",", " and").Replace(remedy), " and ") {
			_, _ = fmt.Sscanf(word, "BATCH_SIZE to %d", &to.batch)
			_, _ = fmt.Sscanf(word, "HIDDEN to %d", &to.hidden)
			_, _ = fmt.Sscanf(word, "LAYERS to %d", &to.layers)
			if _, after, ok := strings.Cut(word, "about "); ok {
				_, _ = fmt.Sscanf(after, "%f", &to.share)
				to.share /= 100
			}
		}
		size, changed = to.of(size, changed)
		if got := Of(size, changed).Host(); got > c.there/10*8 {
			t.Errorf("%s: %q leaves %s of %s", c.name, remedy, Text(got), Text(c.there))
		}
		changed.Model.Features, changed.Model.Outputs = 14, 3
		if err := changed.Model.Validate(); err != nil {
			t.Errorf("%s: %q leads to %v", c.name, remedy, err)
		}
	}
	if got := Remedy(market(20, 8540), settings("gcn", 64, 2, 32), 1<<20, Estimate.Host); got != "give the run more memory" {
		t.Errorf("with 1 MiB: %s", got)
	}
}

// A step's tensors are of one network at a time.
func TestAnEnsembleTakesItsWeightsAndOneStep(t *testing.T) {
	size, one := market(20, 2000), settings("gcn", 256, 2, 32)
	many, averaged := one, one
	many.Model.Members = 8
	averaged.EMA = true
	alone, ensemble, average := Of(size, one), Of(size, many), Of(size, averaged)
	if ensemble.Batch != alone.Batch || ensemble.Weights < 6*alone.Weights {
		t.Errorf("%+v, and of one network %+v", ensemble, alone)
	}
	if average.Weights <= alone.Weights {
		t.Errorf("with an average %+v, without %+v", average, alone)
	}
}

// Of each row they are as many values as horizons, and one.
func TestReturnsInUnitsOfVolatilityTakeMemory(t *testing.T) {
	for task, want := range map[string]bool{"direction": false, "rank": true, "return": true, "node": false} {
		var c config.Config
		c.Data.Task = task
		if got := SettingsOf(c).Relative; got != want {
			t.Errorf("TASK=%s: %v", task, got)
		}
	}
	size, plain := market(20, 8540), settings("gcn", 64, 2, 32)
	size.Horizons = 3
	relative := plain
	relative.Relative = true
	// Twice, as all that is on Go's heap.
	if got, want := Of(size, relative).Data-Of(size, plain).Data, 2*4*(1+3)*size.Rows; got != want {
		t.Errorf("they take %d bytes, want %d", got, want)
	}
}

func TestARunIsJudgedByTheSmallestLimit(t *testing.T) {
	for _, c := range []struct {
		need    int64
		machine Machine
		want    Level
	}{
		{79, Machine{Total: 1000, Available: 900, Limit: 100}, Fits},
		{81, Machine{Total: 1000, Available: 900, Limit: 100}, Scarce},
		{101, Machine{Total: 1000, Available: 900, Limit: 100}, TooMuch},
		{101, Machine{Total: 100, Available: 100}, TooMuch},
		{50, Machine{Total: 100, Available: 60}, Scarce},
		{50, Machine{Total: 100, Available: 60, Limit: 80}, Scarce},
		{900, Machine{Total: 1000, Available: 1000, Limit: 2000}, Scarce},
		{900, Machine{}, Fits},
	} {
		if got, message := Judge(c.need, "x", c.machine); got != c.want {
			t.Errorf("%d of %+v: %d, %s", c.need, c.machine, got, message)
		}
	}
	if level, message := JudgeDevice(9*gib, "x", "cuda:0", 8*gib); level != TooMuch || message != "the run needs about 9.0 GiB of the memory of cuda:0 (x), which has 8.0 GiB" {
		t.Errorf("%d, %s", level, message)
	}
	s := settings("gatv2", 256, 4, 512)
	s.CUDA = true
	if e := Of(market(20, 8540), s); e.Device < e.Host()/4 || e.Batch != 0 {
		t.Errorf("on a GPU it is %+v", e)
	}
}

func TestAPlannedRunHasTheEdgesThatItsSettingsAskFor(t *testing.T) {
	for _, test := range []struct {
		edges   string
		topK    int
		symbols int64
		want    int64
	}{{"", 10, 40, 10}, {data.EdgesCorrelation, 10, 4, 3}, {data.EdgesNone, 10, 40, 0}, {"partial", 10, 40, 39}, {"correlation,leadlag", 10, 40, 20}} {
		var c config.Config
		c.Data.Edges, c.Data.EdgeTopK = test.edges, test.topK
		if got := EdgesPerNode(c, test.symbols); got != test.want {
			t.Errorf("EDGES=%s and EDGE_TOP_K=%d among %d symbols: %d edges of a node, want %d", test.edges, test.topK, test.symbols, got, test.want)
		}
	}
}

func TestEdgesThatSnapshotsShareAreEstimatedOnce(t *testing.T) {
	var c config.Config
	c.Data.Edges, c.Data.EdgeTopK, c.Data.Interval, c.Data.TrainFraction = data.EdgesPartial, 10, 5*time.Minute, 0.6
	rows := int64(40 * 52_416)
	s := PlannedOf(c, 40, 52_416, rows, rows*EdgesPerNode(c, 40))
	if want := int64(39 * 40 * 52_416 / 288); s.Edges != 39*rows || s.Held != want {
		t.Errorf("%d edges, of which %d are held; want %d of %d", s.Edges, s.Held, want, 39*rows)
	}
	all := s
	all.Held = 0
	set := settings("gatv2", 32, 2, 8)
	if shared, each := Of(s, set).Host(), Of(all, set).Host(); each < 2*shared {
		t.Errorf("%s with shared edges, %s without", Text(shared), Text(each))
	}
	c.Data.Edges = data.EdgesCorrelation
	if s := PlannedOf(c, 40, 52_416, rows, rows*EdgesPerNode(c, 40)); s.Held != s.Edges {
		t.Errorf("correlations of each bar: %d of %d edges are held", s.Held, s.Edges)
	}
}
