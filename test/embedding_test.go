package test

import (
	"maps"
	"testing"
)

// The consumer puts torch.nn.Embedding beside the features of PyG's model, of each
// member, loads weights.pt into it, and compares.
func TestAVectorOfEachSymbolIsAnEmbeddingInPython(t *testing.T) {
	t.Parallel()
	changes := maps.Clone(short)
	changes["NODE_EMBEDDING"], changes["ENSEMBLE"], changes["BASELINE"], changes["EPOCHS"] = "4", "2", "none", "3"
	vars, result := environment(t, changes)
	run(t, vars).mustEnd(t, "finished", 0)
	consume(t, result)
}
