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
	var others []catalog.Config
	if c.TrainsMixer() {
		others = append(others, c.WithMixer().Network())
	}
	return Settings{
		Others:  others,
		Outputs: task.Outputs, Model: c.Network(), BatchSize: c.Train.BatchSize, Baseline: c.Trainings() > 1, Methods: len(c.Train.Baselines) > 0, EMA: c.Train.EMA > 0,
		Relative: c.Data.Task == data.TaskRank || c.Data.Task == data.TaskReturn,
	}
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
	edges := int64(0)
	for _, kind := range c.Data.EdgeTypes() {
		edges += edgesOfType(c, kind, symbols)
	}
	return edges
}

func edgesOfType(c config.Config, kind string, symbols int64) int64 {
	r := c.Data.Recipe
	switch kind {
	case data.EdgesCorrelation:
		r.EdgeThreshold = nil
	case data.EdgesStatic:
		return (int64(len(r.Static)) + symbols - 1) / max(symbols, 1)
	}
	return int64(r.EdgesPerNode(kind, int(symbols)))
}

// heldPerNode is how many of them are in memory at a bar: those that bars share
// count once, and a symbol that comes or goes is not foreseen.
func heldPerNode(c config.Config, symbols, bars int64) float64 {
	held := 0.0
	for _, kind := range c.Data.EdgeTypes() {
		lasts := int64(c.Data.Recompute(kind, c.Data.Interval))
		if lasts == 0 {
			lasts = max(bars, 1)
		}
		held += float64(edgesOfType(c, kind, symbols)) / float64(lasts)
	}
	return held
}

// PlannedOf is the size of a market of so many symbols (0: not known), bars (0:
// not known), rows and edges.
func PlannedOf(c config.Config, nodes, bars, rows, edges int64) Size {
	s := Size{Held: edges, Nodes: nodes, Snapshots: bars, Rows: rows, Edges: edges, Features: c.Data.Features.Most(), Signals: len(c.Data.Signals), Horizons: max(1, len(c.Data.Horizons)), Folds: c.Data.Count}
	if nodes > 0 && bars == 0 {
		s.Snapshots = rows / nodes
	}
	if nodes > 0 && edges == rows*EdgesPerNode(c, nodes) {
		s.Held = int64(float64(rows) * heldPerNode(c, nodes, s.Snapshots))
	}
	s.Train = int64(c.Data.TrainFraction * float64(s.Snapshots))
	return s
}
