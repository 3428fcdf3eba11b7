package torch

// #include "gnn.h"
import "C"

import (
	"runtime"
	"unsafe"

	gotorch "github.com/wangkuiyi/gotorch"
)

// Tensor is gotorch's handle. One that comes from this package is owned by the
// Scope it was made in and must not be used after that scope is closed.
type Tensor = gotorch.Tensor

// Scope owns tensors and frees them together. It is not for several goroutines.
type Scope struct {
	handles []C.gnn_tensor
}

// NewScope is an empty scope. A step's scope is closed at the step's end, a
// model's with the model.
func NewScope() *Scope { return &Scope{} }

// Keep takes over a tensor that gotorch made: from now on the scope frees it,
// and no finaliser can while C still reads it.
func (s *Scope) Keep(t Tensor) Tensor {
	runtime.SetFinalizer(t.T, nil)
	C.gnn_tensor_adopt(C.gnn_tensor(*t.T))
	s.handles = append(s.handles, C.gnn_tensor(*t.T))
	return t
}

// own puts a new reference from csrc into the scope.
func (s *Scope) own(h C.gnn_tensor) Tensor {
	s.handles = append(s.handles, h)
	p := unsafe.Pointer(h)
	return Tensor{T: &p}
}

// Close frees every tensor of the scope, which is empty afterwards and may be
// filled again.
func (s *Scope) Close() {
	if len(s.handles) > 0 {
		C.gnn_tensors_free(&s.handles[0], C.int64_t(len(s.handles)))
		s.handles = s.handles[:0]
	}
}

// handle is what C takes for a tensor; the zero Tensor is NULL.
func handle(t Tensor) C.gnn_tensor {
	if t.T == nil {
		return nil
	}
	return C.gnn_tensor(*t.T)
}
