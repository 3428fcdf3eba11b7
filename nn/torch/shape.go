package torch

// #include "gnn.h"
import "C"

import "unsafe"

// Reshape is x with another shape; -1 stands for what remains.
func (s *Scope) Reshape(x Tensor, shape ...int64) Tensor {
	var out C.gnn_tensor
	must("reshaping", C.gnn_reshape(handle(x), (*C.int64_t)(unsafe.SliceData(shape)), C.int64_t(len(shape)), &out))
	return s.own(out)
}

// Narrow is the places start to start+length of an axis.
func (s *Scope) Narrow(x Tensor, axis, start, length int) Tensor {
	var out C.gnn_tensor
	must("narrowing", C.gnn_narrow(handle(x), C.int64_t(axis), C.int64_t(start), C.int64_t(length), &out))
	return s.own(out)
}

// Transpose is x [..., A, B] as [..., B, A], a view of the same values.
func (s *Scope) Transpose(x Tensor) Tensor {
	var out C.gnn_tensor
	must("transposing", C.gnn_transpose(handle(x), &out))
	return s.own(out)
}

// BesideRows is x [parts*N, ..., F] with the rows of table [N, D] beside those of
// each part: [parts*N, ..., F + D].
func (s *Scope) BesideRows(x, table Tensor) Tensor {
	var out C.gnn_tensor
	must("putting a table beside features", C.gnn_beside_rows(handle(x), handle(table), &out))
	return s.own(out)
}
