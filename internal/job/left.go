package job

import (
	"os"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// held is what a process has open.
type held struct {
	goroutines, files int
	tensors           int64
}

func countHeld() held {
	h := held{goroutines: runtime.NumGoroutine(), tensors: torch.LiveHandles()}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.files = len(open)
	}
	return h
}

// letGo is how long connections may take that end with the deadline of their
// last request.
const letGo = 12 * time.Second

// tellLeft logs what is left of what the run has opened, at LOG_LEVEL=trace
// alone: it waits for what ends by itself, which nobody else needs to.
func tellLeft(log zerolog.Logger, before held) {
	if log.GetLevel() > zerolog.TraceLevel {
		return
	}
	begin := time.Now()
	now := countHeld()
	for time.Since(begin) < letGo && (now.goroutines > before.goroutines || now.files > before.files || now.tensors > 0) {
		time.Sleep(20 * time.Millisecond)
		now = countHeld()
	}
	log.Trace().Int("goroutines", max(0, now.goroutines-before.goroutines)).Int("files", max(0, now.files-before.files)).
		Int64("tensors", now.tensors).Float64("waited", time.Since(begin).Seconds()).Msg("left at exit")
	if now.goroutines > before.goroutines {
		stacks := make([]byte, 1<<20)
		log.Trace().Msg(string(stacks[:runtime.Stack(stacks, true)]))
	}
}
