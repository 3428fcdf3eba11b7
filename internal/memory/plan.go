package memory

import (
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// SettingsOf are those of a configuration, on the CPU.
func SettingsOf(c config.Config) Settings {
	task, _ := catalog.LookupTask(c.Data.Task)
	return Settings{Outputs: task.Outputs, Model: c.Model.Network(), BatchSize: c.Train.BatchSize, Baseline: c.Trainings() > 1, Methods: len(c.Train.Baselines) > 0}
}

// Planned is the size of a run before its data are read, as far as its
// configuration tells it; false: it does not.
func Planned(c config.Config, now time.Time) (Size, bool) {
	e := c.Source.Extent(now)
	if e.Symbols == 0 || e.Bars == 0 {
		return Size{}, false
	}
	rows := e.Symbols * e.Bars
	return PlannedOf(c, e.Symbols, e.Bars, rows, rows*EdgesPerNode(c, e.Symbols)), true
}

// EdgesPerNode is how many edges a node of a market of so many symbols has at
// most; with EDGE_THRESHOLD nothing but its EDGE_TOP_K tells.
func EdgesPerNode(c config.Config, symbols int64) int64 {
	if c.Data.Edges == data.EdgesNone {
		return 0
	}
	return min(int64(c.Data.EdgeTopK), symbols-1)
}

// PlannedOf is the size of a market of so many symbols (0: not known), bars (0:
// not known), rows and edges.
func PlannedOf(c config.Config, nodes, bars, rows, edges int64) Size {
	s := Size{Nodes: nodes, Snapshots: bars, Rows: rows, Edges: edges, Features: c.Data.Features.Most(), Signals: len(c.Data.Signals), Horizons: max(1, len(c.Data.Horizons)), Folds: c.Data.Count}
	if nodes > 0 && bars == 0 {
		s.Snapshots = rows / nodes
	}
	s.Train = int64(c.Data.TrainFraction * float64(s.Snapshots))
	return s
}
