package torch

// #include "gnn.h"
import "C"

import (
	"runtime"
	"slices"
	"unsafe"

	gotorch "github.com/wangkuiyi/gotorch"
)

// Tensor is a handle that the Scope it was made in owns. The zero Tensor stands
// for none. Using one after its scope is closed is an *Error: every copy of the
// handle points to the same cell, which Close empties.
type Tensor gotorch.Tensor

// Closer is what a scope may own beside tensors: an *Adjacency, an *Adam or a
// *Module.
type Closer interface{ Close() }

// Scope owns tensors and other handles and frees them together. It is not for
// several goroutines.
//
// A function that makes several handles and returns them makes them in a scope
// of its own, so that none leaks when a later step fails:
//
//	build := torch.NewScope()
//	defer build.Close()
//	...
//	return &Model{owner: build.Release()}
type Scope struct {
	handles []C.gnn_tensor
	cells   []*unsafe.Pointer // of the handles, by the same numbers
	closers []Closer
}

// NewScope is an empty scope. A step's scope is closed at the step's end, a
// model's with the model.
func NewScope() *Scope { return &Scope{} }

// Adopt takes over a tensor that gotorch made: from now on the scope frees it,
// and no finaliser can while C still reads it.
func (s *Scope) Adopt(t gotorch.Tensor) Tensor {
	runtime.SetFinalizer(t.T, nil)
	C.gnn_tensor_adopt(C.gnn_tensor(*t.T))
	return s.add(t.T)
}

// own puts a new reference from csrc into the scope.
func (s *Scope) own(h C.gnn_tensor) Tensor {
	p := unsafe.Pointer(h)
	return s.add(&p)
}

func (s *Scope) add(cell *unsafe.Pointer) Tensor {
	s.handles = append(s.handles, C.gnn_tensor(*cell))
	s.cells = append(s.cells, cell)
	return Tensor{T: cell}
}

// Own has the scope close c too, before its tensors, the last one first.
func Own[C Closer](s *Scope, c C) C {
	s.closers = append(s.closers, c)
	return c
}

// Release gives all that s owns to a new scope; s is empty afterwards.
func (s *Scope) Release() *Scope {
	released := *s
	*s = Scope{}
	return &released
}

// Close frees all that the scope owns. It is empty afterwards and may be filled
// again.
func (s *Scope) Close() {
	for _, c := range slices.Backward(s.closers) {
		c.Close()
	}
	clear(s.closers)
	s.closers = s.closers[:0]
	if len(s.handles) == 0 {
		return
	}
	C.gnn_tensors_free(&s.handles[0], C.int64_t(len(s.handles)))
	s.handles = s.handles[:0]
	for _, cell := range s.cells {
		*cell = nil
	}
	clear(s.cells)
	s.cells = s.cells[:0]
}

// handle is what C takes for a tensor; the zero Tensor is NULL.
func handle(t Tensor) C.gnn_tensor {
	if t.T == nil {
		return nil
	}
	if *t.T == nil {
		panic(&Error{Op: "using a tensor", Message: "the scope that it was made in is closed"})
	}
	return C.gnn_tensor(*t.T)
}

// live is t for gotorch, which reads through the handle whatever it is.
func live(t Tensor) gotorch.Tensor {
	if handle(t) == nil {
		panic(&Error{Op: "using a tensor", Message: "it is the zero Tensor, which stands for none"})
	}
	return gotorch.Tensor(t)
}
