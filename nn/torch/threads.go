package torch

// #include "gnn.h"
import "C"

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/streamforge/gnn-trainer/internal/cgroup"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/torch/ompinit"
)

// Threads is how many threads libtorch uses inside one operation.
func Threads() int { return int(C.gnn_num_threads()) }

// prepare sets what holds for the whole process.
func prepare() error {
	C.gnn_keep_freed_memory()
	n, _, err := WantedThreads()
	if err != nil {
		return err
	}
	return startThreads(n)
}

// otherThreads is how many threads the process needs beside those of libtorch's
// operations and Go's processors: for blocking calls, the collector and CUDA.
const otherThreads = 16

// startThreads gives libtorch n threads. It comes before all work: where a limit
// of processes is reached later, libgomp and the Go runtime end the process with
// no terminal event, or libtorch waits for ever.
func startThreads(n int) error {
	var needed, started C.int32_t
	spare := runtime.GOMAXPROCS(0) + otherThreads
	if err := failure("starting threads", C.gnn_start_threads(C.int32_t(n), C.int32_t(spare), &needed, &started)); err != nil {
		return err
	}
	if started < needed {
		own, _ := os.ReadDir("/proc/self/task")
		return threadLimit(len(own), int(needed), int(started), limitsOfThreads(os.DirFS("/")))
	}
	return nil
}

// LimitThreads uses n threads at most, and one at least, inside one operation,
// unless the user has set OMP_NUM_THREADS.
func LimitThreads(n int) error {
	if n = max(n, 1); ompinit.UserThreads != "" || n >= Threads() {
		return nil
	}
	return failure("setting the number of threads", C.gnn_set_num_threads(C.int32_t(n)))
}

// WantedThreads is how many threads libtorch is given: OMP_NUM_THREADS where the
// user has chosen, else GOMAXPROCS, which knows a container's CPU limit.
func WantedThreads() (n int, chosen bool, err error) {
	if s := ompinit.UserThreads; s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 4096 {
			return 0, true, fault.Input("OMP_NUM_THREADS is %q", s).Fix("set a number of threads of 1 or more, or unset it")
		}
		return n, true, nil
	}
	// Go keeps two for its own sake where the limit is one CPU or less; there a
	// second thread of libtorch only takes its time from the first.
	if cpus := cgroup.Of(os.DirFS("/")).CPUs; os.Getenv("GOMAXPROCS") == "" && cpus > 0 && cpus <= 1 {
		return 1, false, nil
	}
	return runtime.GOMAXPROCS(0), false, nil
}

// limits are what the system allows; 0: no limit that can be seen.
type limits struct {
	user      int64 // ulimit -u: threads of this user, those of other processes too
	container int64 // pids.max
}

func limitsOfThreads(root fs.FS) limits {
	l := limits{container: cgroup.Of(root).Threads}
	var user unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &user) == nil && user.Cur < math.MaxInt64 {
		l.user = int64(user.Cur)
	}
	return l
}

// threadLimit is the error of a process that has own threads and could start too
// few more. Where a limit is below what the run needs, a retry would end the
// same; else something else has taken the rest, and may give it back.
func threadLimit(own, needed, started int, l limits) error {
	var seen []string
	permanent := false
	for _, limit := range []struct {
		of   int64
		name string
	}{{l.user, "ulimit -u"}, {l.container, "the container's pids.max"}} {
		if limit.of > 0 {
			seen = append(seen, fmt.Sprintf("%s is %d", limit.name, limit.of))
			permanent = permanent || limit.of < int64(own+needed)
		}
	}
	what := fmt.Sprintf("the system lets this process start %d threads beside the %d that it has, and it needs %d", started, own, needed)
	if len(seen) > 0 {
		what += " (" + strings.Join(seen, ", ") + ")"
	}
	const remedy = "raise the limit of processes (ulimit -u, docker run --pids-limit, podPidsLimit of the kubelet), or lower OMP_NUM_THREADS"
	if permanent {
		return fault.Rejected("%s", what).Fix(remedy)
	}
	return fault.Transient("%s", what).Fix(remedy)
}
