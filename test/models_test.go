package test

import (
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/nn/catalog"
)

func TestEachModelTypeIsTrainedStoppedAndResumedToTheSameBits(t *testing.T) {
	t.Parallel()
	for _, name := range catalog.Types() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := maps.Clone(short)
			changes["MODEL_TYPE"], changes["BASELINE"], changes["EPOCHS"] = name, "none", "120" // so that there is time to stop it
			vars, result := environment(t, changes)
			run(t, vars).mustEnd(t, "finished", 0)
			consume(t, result)
			want := learned(t, result)

			vars, result = environment(t, changes)
			vars["CHECKPOINT_EVERY"] = "1h" // so that the stop's own is the one
			resumed := false
			for i := 1; ; i++ {
				p := start(t, vars)
				if i == 1 { // at once: the whole training may take no longer than a sleep
					p.awaitLog(`"epoch":1,`)
				} else {
					p.await("the model's training", func(e event) bool { return e.Message == "Training the model" || e.Epoch > 0 || e.Status == "finished" })
					time.Sleep(time.Duration(i) * 200 * time.Millisecond) // each time a bit further
				}
				_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
				e := p.end()
				resumed = resumed || strings.Contains(e.stderr, "resuming from checkpoint")
				if e.last(t).Status == "finished" {
					break
				}
				e.mustEnd(t, "interrupted", 143)
				if i > 60 {
					t.Fatal("it does not get anywhere")
				}
			}
			if got := learned(t, result); !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if !resumed {
				t.Error("no start resumed from a checkpoint, so this test shows nothing")
			}
		})
	}
}
