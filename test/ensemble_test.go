package test

import (
	"maps"
	"testing"
)

// The consumer loads weights.pt into as many models of PyG, and compares the mean of
// their probabilities with model.pt and predictions.parquet.
func TestAnEnsembleIsOneModelInPython(t *testing.T) {
	t.Parallel()
	changes := maps.Clone(short)
	changes["ENSEMBLE"], changes["BASELINE"], changes["EPOCHS"] = "3", "none", "3"
	changes["SCHEDULE"], changes["EMA"] = "one_cycle", "0.9"
	vars, result := environment(t, changes)
	run(t, vars).mustEnd(t, "finished", 0)
	consume(t, result)
}
