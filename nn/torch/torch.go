// Package torch is the only package of this project with cgo in it: scopes
// that own tensors, the operations of a training step, the sparse adjacency,
// Adam, and TorchScript modules, over csrc's C ABI (csrc/gnn.h) and gotorch.
//
// Three rules hold it together.
//
//   - All work runs on one OS thread: inside the function given to Thread.Do.
//   - Every tensor lies in a Scope, which frees it. gotorch's own finalisers
//     are taken off, since they may free an input while C uses it.
//   - An operation that fails panics with an *Error, and Thread.Do returns it
//     as an error: a layer reads as formulas, and nothing aborts the process.
package torch

// #cgo CFLAGS: -I${SRCDIR}/../../csrc
// #cgo LDFLAGS: -lgnn
// #if !__has_include("../build/lib/libgnn.so")
// #error gnn-trainer is not built by go install or go build alone, since it needs libtorch and a native library: clone its repository and run "make build" there, or take a release
// #endif
// #include "gnn.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"

	"github.com/streamforge/gnn-trainer/internal/cgroup"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/torch/ompinit"
)

// What an *Error is, for errors.Is.
var (
	ErrOutOfMemory = fault.Transient("out of memory")
	ErrNoCUDA      = fault.Rejected("no CUDA device")
)

// Error is a failure inside libtorch.
type Error struct {
	Op      string // what was being done
	Message string // libtorch's own words
	kind    error  // ErrOutOfMemory, ErrNoCUDA or nil
}

func (e *Error) Error() string { return e.Op + ": " + e.Message }

// Unwrap gives ErrOutOfMemory or ErrNoCUDA where the failure is one.
func (e *Error) Unwrap() error { return e.kind }

// failure turns a status into an error and frees its message.
func failure(op string, s C.gnn_status) error {
	if s.code == C.GNN_OK {
		return nil
	}
	e := &Error{Op: op}
	if s.message != nil {
		e.Message = C.GoString(s.message)
		C.gnn_message_free(s.message)
	}
	switch s.code {
	case C.GNN_OUT_OF_MEMORY:
		e.kind = ErrOutOfMemory
	case C.GNN_NO_CUDA:
		e.kind = ErrNoCUDA
	}
	return e
}

// must panics with the *Error of a failed call; Thread.Do returns it.
func must(op string, s C.gnn_status) {
	if s.code != C.GNN_OK {
		panic(failure(op, s))
	}
}

// Version is the libtorch that the native layer was compiled against.
func Version() string { return C.GoString(C.gnn_torch_version()) }

// LoadedVersion is what the libtorch that is loaded says that it is: Version,
// unless another one has taken its place. A look at it ends LoadCUDA's chance.
func LoadedVersion() (string, error) {
	var text *C.char
	if err := failure("asking libtorch for its version", C.gnn_torch_loaded(&text)); err != nil {
		return "", err
	}
	defer C.gnn_message_free(text)
	version := regexp.MustCompile(`\bTORCH_VERSION=([0-9][0-9a-z.+-]*)`).FindStringSubmatch(C.GoString(text))
	if version == nil {
		return "", errors.New("libtorch does not tell its version")
	}
	return version[1], nil
}

// LiveHandles counts tensors, adjacencies, optimisers and modules that are not
// freed yet. It is 0 when nothing leaks and nothing runs.
func LiveHandles() int64 { return int64(C.gnn_live_handles()) }

// Memory is what libtorch's allocator has on a CUDA device, in bytes.
type Memory struct {
	Allocated, AllocatedPeak int64 // in tensors, now and at most so far
	Reserved                 int64 // taken from the device, kept blocks included
}

// DeviceMemory may be asked for from any thread. It is ErrNoCUDA before CUDA is
// loaded.
func DeviceMemory(d Device) (Memory, error) {
	var m C.gnn_memory
	if err := failure("asking for the memory of "+d.String(), C.gnn_cuda_memory(C.int32_t(d), &m)); err != nil {
		return Memory{}, err
	}
	return Memory{int64(m.allocated), int64(m.allocated_peak), int64(m.reserved)}, nil
}

// NoGrad runs f without recording operations for a backward pass.
func NoGrad(f func()) {
	must("switching gradients off", C.gnn_set_grad_enabled(0))
	defer func() { must("switching gradients on", C.gnn_set_grad_enabled(1)) }()
	f()
}

// Threads is how many threads libtorch uses inside one operation.
func Threads() int { return int(C.gnn_num_threads()) }

// prepare sets what holds for the whole process.
func prepare() error {
	C.gnn_keep_freed_memory()
	return setThreads()
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
			return 0, true, fmt.Errorf("OMP_NUM_THREADS is %q: set a number of threads of 1 or more, or unset it", s)
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

// setThreads gives libtorch the CPUs that this process may use.
func setThreads() error {
	n, _, err := WantedThreads()
	if err != nil {
		return err
	}
	return failure("setting the number of threads", C.gnn_set_num_threads(C.int32_t(n)))
}
