package job

import (
	"os"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// resources is what a process has open.
type resources struct {
	goroutines, files int
	tensors           int64
}

func countResources() resources {
	r := resources{goroutines: runtime.NumGoroutine(), tensors: torch.LiveHandles()}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.files = len(open)
	}
	return r
}

// drainTimeout is how long connections may take that end with the deadline of
// their last request.
const drainTimeout = 12 * time.Second

// logLeaks logs what the run opened and did not close, at LOG_LEVEL=trace alone:
// it waits for what ends by itself, which nobody else needs to.
func logLeaks(log zerolog.Logger, before resources) {
	if log.GetLevel() > zerolog.TraceLevel {
		return
	}
	begin := time.Now()
	now := countResources()
	for time.Since(begin) < drainTimeout && (now.goroutines > before.goroutines || now.files > before.files || now.tensors > 0) {
		time.Sleep(20 * time.Millisecond)
		now = countResources()
	}
	log.Trace().Int("goroutines", max(0, now.goroutines-before.goroutines)).Int("files", max(0, now.files-before.files)).
		Int64("tensors", now.tensors).Float64("waited", time.Since(begin).Seconds()).Msg("leaked at exit")
	if now.goroutines > before.goroutines {
		stacks := make([]byte, 1<<20)
		log.Trace().Msg(string(stacks[:runtime.Stack(stacks, true)]))
	}
}
