package job_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/memory"
)

func TestARunThatCannotFitIntoTheMemoryIsRejectedBeforeItTrains(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for name, c := range map[string]struct {
		machine memory.Machine
		set     []string
		code    int
		log     string
	}{
		"it fits":                      {memory.Machine{Total: 8 * gib, Available: 4 * gib}, nil, 0, "memory estimated"},
		"it hardly fits the container": {memory.Machine{Total: 8 * gib, Available: 4 * gib, Limit: 200 * mib}, nil, 0, `"level":"warn","message":"the run needs about`},
		"it hardly fits what is free":  {memory.Machine{Total: 8 * gib, Available: 180 * mib}, nil, 0, "180 MiB of this machine's memory are free: "},
		"a large batch of much":        {memory.Machine{Total: 23 * gib, Available: 20 * gib}, []string{"LOOKBACK=30d", "SYMBOLS=top:20", "BATCH_SIZE=8192", "HIDDEN=4096", "LAYERS=16"}, 2, "20 GiB of this machine's memory are free, of 23 GiB: lower "},
		"a large batch":                {memory.Machine{Total: 300 * mib, Available: 300 * mib}, []string{"BATCH_SIZE=4096", "HIDDEN=512", "SYMBOLS=top:20"}, 2, "lower BATCH_SIZE to "},
		"a wide network":               {memory.Machine{Total: 8 * gib, Available: gib, Limit: 700 * mib}, []string{"HIDDEN=4096"}, 2, "700 MiB are the container's limit: lower HIDDEN to 2048, or give the run more memory"},
		"much data":                    {memory.Machine{Total: gib, Available: gib}, []string{"LOOKBACK=3000d"}, 2, "load a shorter range (LOOKBACK, START) or fewer SYMBOLS, about "},
		"a graph in a file":            {memory.Machine{Total: 160 * mib, Available: 160 * mib}, []string{"DATA_SOURCE=pyg", "SYMBOLS=", "LOOKBACK=", "GRAPH_WINDOW=", "DATA_DIR=" + graphFile(t)}, 2, "(60 nodes, 60 edges), and 160 MiB of this machine's memory are free: give the run more memory"},
	} {
		j, events, _ := newJob(t, never, append([]string{"BASELINE=none"}, c.set...)...)
		var log bytes.Buffer
		j.Log, j.Machine = zerolog.New(&log), &c.machine
		if strings.Contains(strings.Join(c.set, " "), "pyg") {
			j.Config.IDs.Symbol = "node_0"
		}
		if code := j.Run(t.Context()); code != c.code || !strings.Contains(log.String(), c.log) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", name, code, c.code, c.log, log.String())
		}
		events.mustEnd(t, map[int]string{0: "finished", 2: "error"}[c.code])
		if c.code == 2 && strings.Contains(log.String(), `"epoch"`) {
			t.Errorf("%s: it trains first", name)
		}
	}
}
