package torch

// #include "gnn.h"
import "C"

import "unsafe"

// Combine is alpha a + beta b, of tensors of one shape.
func (s *Scope) Combine(a Tensor, alpha float64, b Tensor, beta float64) Tensor {
	var out C.gnn_tensor
	must("combining tensors", C.gnn_combine(handle(a), C.double(alpha), handle(b), C.double(beta), &out))
	return s.own(out)
}

// Product is a b, of matrices [N, K] and [K, M].
func (s *Scope) Product(a, b Tensor) Tensor {
	var out C.gnn_tensor
	must("multiplying matrices", C.gnn_product(handle(a), handle(b), &out))
	return s.own(out)
}

// Concatenate puts tensors [N, C] side by side: [N, parts * C].
func (s *Scope) Concatenate(parts []Tensor) Tensor {
	var out C.gnn_tensor
	all := handles(parts)
	must("concatenating", C.gnn_concatenate(unsafe.SliceData(all), C.int64_t(len(all)), &out))
	return s.own(out)
}

// Largest is the largest of tensors of one shape at each place.
func (s *Scope) Largest(parts []Tensor) Tensor {
	var out C.gnn_tensor
	all := handles(parts)
	must("taking the largest", C.gnn_largest(unsafe.SliceData(all), C.int64_t(len(all)), &out))
	return s.own(out)
}

// SelfAttention is softmax(q k^T / sqrt(d)) v of each head, within each graph (Vaswani
// et al., 2017): q, k and v are [N, heads * d], and so is the result. Graph i has
// the nodes offsets[i] to offsets[i+1]; nobody attends to those whose present [N],
// float32, is 0.
func (s *Scope) SelfAttention(q, k, v, present Tensor, offsets []int, heads int) Tensor {
	firsts := make([]int64, len(offsets))
	for i, first := range offsets {
		firsts[i] = int64(first)
	}
	var out C.gnn_tensor
	must("attention", C.gnn_self_attention(handle(q), handle(k), handle(v), handle(present),
		(*C.int64_t)(unsafe.SliceData(firsts)), C.int64_t(len(firsts)-1), C.int64_t(heads), &out))
	return s.own(out)
}
