package job_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/result"
)

func TestAVectorOfEachSymbolBelongsToItsSymbols(t *testing.T) {
	_, first := stored(t, "BASELINES=no_edges", "EPOCHS=2", "NODE_EMBEDDING=4")
	dir := filepath.Dir(filepath.Dir(first))
	for _, folder := range []string{first, filepath.Join(first, "baselines", "no_edges")} {
		if weights := file(t, folder, "weights.pt"); !strings.Contains(string(weights), "node_embedding.weight") {
			t.Errorf("%s has no vectors", folder)
		}
	}
	var m result.Metadata
	if err := json.Unmarshal(file(t, first, "metadata.json"), &m); err != nil || m.NodeEmbedding != 4 {
		t.Errorf("%v, %+v", err, m)
	}
	j, events, _ := begins(t, dir, "INIT_FROM=q1", "NODE_EMBEDDING=4", "EPOCHS=1")
	if code := j.Run(t.Context()); code != 0 {
		t.Errorf("its own symbols: exit code %d, %s", code, events.last)
	}
	for name, c := range map[string]struct{ set, want string }{
		"fewer symbols": {"SYMBOLS=" + strings.Join(m.Symbols[:len(m.Symbols)-1], ","), m.Symbols[len(m.Symbols)-1] + " is missing"},
		"no vectors":    {"NODE_EMBEDDING=0", "where the model has"},
		"shorter ones":  {"NODE_EMBEDDING=2", "node_embedding.weight has shape"},
	} {
		j, events, _ := begins(t, dir, "INIT_FROM=q1", "NODE_EMBEDDING=4", "EPOCHS=1", c.set)
		if code := j.Run(t.Context()); code != 2 || !strings.Contains(string(events.last), c.want) {
			t.Errorf("%s: exit code %d, %s", name, code, events.last)
		}
	}
}
