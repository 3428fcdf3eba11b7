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
	"regexp"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// What an *Error is, for errors.Is.
var (
	ErrOutOfMemory = fault.Transient("out of memory")
	ErrNoCUDA      = fault.Rejected("no CUDA device")
	// ErrUnusableCUDA is an ErrNoCUDA where a driver and a GPU are there.
	ErrUnusableCUDA = fault.Rejected("%w that libtorch can use", ErrNoCUDA)
)

// Error is a failure inside libtorch.
type Error struct {
	Op      string // what was being done
	Message string // libtorch's own words
	kind    error  // ErrOutOfMemory, ErrNoCUDA, ErrUnusableCUDA or nil
}

func (e *Error) Error() string { return e.Op + ": " + e.Message }

// Unwrap gives ErrOutOfMemory, ErrNoCUDA or ErrUnusableCUDA where the failure is one.
func (e *Error) Unwrap() error { return e.kind }

// failure turns a status into an error and frees its message.
func failure(op string, s C.gnn_status) error {
	if s.code == C.GNN_OK {
		return nil
	}
	e := &Error{Op: op, Message: "there is no memory left to say why"}
	if s.message != nil {
		e.Message = C.GoString(s.message)
		C.gnn_message_free(s.message)
	}
	switch s.code {
	case C.GNN_OUT_OF_MEMORY:
		e.kind = ErrOutOfMemory
	case C.GNN_NO_CUDA:
		e.kind = ErrNoCUDA
	case C.GNN_CUDA_UNUSABLE:
		e.kind = ErrUnusableCUDA
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

// LoadedVersion is the version that the loaded libtorch reports: Version,
// unless another one has taken its place. A look at it ends LoadCUDA's chance.
func LoadedVersion() (string, error) {
	var text *C.char
	if err := failure("asking libtorch for its version", C.gnn_torch_loaded(&text)); err != nil {
		return "", err
	}
	defer C.gnn_message_free(text)
	version := regexp.MustCompile(`\bTORCH_VERSION=([0-9][0-9a-z.+-]*)`).FindStringSubmatch(C.GoString(text))
	if version == nil {
		return "", errors.New("libtorch does not report its version")
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

// DeviceTotal is the size of a CUDA device's memory, in bytes; else as
// DeviceMemory.
func DeviceTotal(d Device) (int64, error) {
	var bytes C.int64_t
	err := failure("asking for the size of the memory of "+d.String(), C.gnn_cuda_total(C.int32_t(d), &bytes))
	return int64(bytes), err
}

// NoGrad runs f without recording operations for a backward pass. It may be
// nested.
func NoGrad(f func()) {
	var before C.int32_t
	must("switching gradients off", C.gnn_set_grad_enabled(0, &before))
	defer func() { must("restoring gradients", C.gnn_set_grad_enabled(before, nil)) }()
	f()
}
