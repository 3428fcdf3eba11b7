package config

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// taskDefaults are the defaults that a TASK changes: the recipe that was found to
// work for it (docs/models.md), as a whole. What is set always wins.
var taskDefaults = map[string]map[string]string{
	"rank": {
		"FEATURES": "market", "EDGES": "partial", "GRAPH_WINDOW": "864",
		"MODEL_TYPE": "peer", "HIDDEN": "32", "LAYERS": "1", "ENCODER": "tcn",
		"BATCH_SIZE": "256", "EPOCHS": "12", "LEARNING_RATE": "0.002", "WEIGHT_DECAY": "0.01",
		"SCHEDULE": "one_cycle", "EMA": "0.99", "ENSEMBLE": "3", "CHECKPOINT_EVERY": "1",
	},
}

// setTaskDefaults puts the defaults of the TASK in the place of what is not set.
func (s settings) setTaskDefaults() {
	defaults := taskDefaults[s.values["TASK"]]
	for name, value := range defaults {
		if _, set := s.values[name]; !set && !s.has(name) && s.fits(name) {
			s.values[name] = value
		}
	}
}

// fits tells whether a task's default fits to what is set: its edges are signed,
// which not every model takes, and its graph's window is that of these edges.
func (s settings) fits(name string) bool {
	if name != "EDGES" && name != "GRAPH_WINDOW" {
		return true
	}
	if edges := s.values["EDGES"]; s.has("EDGES") {
		return name == "GRAPH_WINDOW" && edges != data.EdgesNone
	}
	model, known := catalog.Lookup(s.values["MODEL_TYPE"])
	return !s.has("MODEL_TYPE") || !known || model.Signed
}
