package torch

// #include "gnn.h"
import "C"

import (
	"unsafe"

	gotorch "github.com/wangkuiyi/gotorch"
)

// Linear is x W^T + b: x [N, in], weight [out, in], bias [out] or the zero
// Tensor for none; the result is [N, out].
func (s *Scope) Linear(x, weight, bias Tensor) Tensor {
	var out C.gnn_tensor
	must("linear", C.gnn_linear(handle(x), handle(weight), handle(bias), &out))
	return s.own(out)
}

// Add is a + b, broadcast.
func (s *Scope) Add(a, b Tensor) Tensor { return s.Adopt(gotorch.Add(live(a), live(b), 1)) }

// Sub is a - b, broadcast.
func (s *Scope) Sub(a, b Tensor) Tensor { return s.Adopt(gotorch.Sub(live(a), live(b), 1)) }

// Relu is max(x, 0).
func (s *Scope) Relu(x Tensor) Tensor { return s.Adopt(gotorch.Relu(live(x))) }

// Dropout zeroes each value with probability p and scales the others by
// 1/(1-p) while training, and is x itself otherwise.
func (s *Scope) Dropout(x Tensor, p float64, training bool) Tensor {
	if !training || p == 0 {
		return x
	}
	var out C.gnn_tensor
	must("dropout", C.gnn_dropout(handle(x), C.double(p), 1, &out))
	return s.own(out)
}

// Draw names the numbers that one dropout draws: the same on every device, on any
// number of threads and after a resume.
type Draw struct {
	Seed  int64
	Step  Tensor // int64 scalar, on the device
	Layer int
}

// ReluDropout is Dropout(Relu(x)) while training. p is rounded to a multiple of
// 2^-16.
func (s *Scope) ReluDropout(x Tensor, p float64, d Draw) Tensor {
	var out C.gnn_tensor
	must("dropout", C.gnn_relu_dropout(handle(x), C.double(p), C.uint64_t(d.Seed), handle(d.Step), C.uint32_t(d.Layer), &out))
	return s.own(out)
}

// Layer is ReluDropout(Linear(Matmul(a, x), weight, bias)), in one pass where it
// pays. a nil is the identity, the zero bias none.
func (s *Scope) Layer(a *Adjacency, x, weight, bias Tensor, p float64, d Draw) Tensor {
	var matrix *C.gnn_adjacency
	if a != nil {
		if a.matrix == nil { // NULL would stand for the identity
			panic(&Error{Op: "a layer", Message: "the adjacency is closed"})
		}
		matrix = a.matrix
	}
	var out C.gnn_tensor
	must("a layer", C.gnn_layer_forward(matrix, handle(x), handle(weight), handle(bias), C.double(p), C.uint64_t(d.Seed), handle(d.Step), C.uint32_t(d.Layer), &out))
	return s.own(out)
}

// Softmax is over the last axis.
func (s *Scope) Softmax(x Tensor) Tensor {
	var out C.gnn_tensor
	must("softmax", C.gnn_softmax(handle(x), &out))
	return s.own(out)
}

// Take gives x[index] of x [T, N, ...] with the first two axes joined:
// [len(index)*N, ...].
func (s *Scope) Take(x Tensor, index []int64) Tensor {
	var out C.gnn_tensor
	must("taking snapshots", C.gnn_take(handle(x), (*C.int64_t)(unsafe.SliceData(index)), C.int64_t(len(index)), &out))
	return s.own(out)
}

// TakeAt is Take with an index [n] int64 on x's device, where a row that is not
// there is not noticed.
func (s *Scope) TakeAt(x, index Tensor) Tensor {
	var out C.gnn_tensor
	must("taking snapshots", C.gnn_take_at(handle(x), handle(index), &out))
	return s.own(out)
}

// CrossEntropy is the mean over the rows of logits [N, C] whose target [N] is
// not -100; weight [C] scales each class, the zero Tensor none. With no such
// row it is NaN, as in PyTorch.
func (s *Scope) CrossEntropy(logits, target, weight Tensor) Tensor {
	return s.SmoothCrossEntropy(logits, target, weight, 0)
}

// SmoothCrossEntropy is CrossEntropy of targets whose probability is spread over
// all classes to the share smoothing, torch.nn.CrossEntropyLoss's label_smoothing
// (Szegedy et al., 2016).
func (s *Scope) SmoothCrossEntropy(logits, target, weight Tensor, smoothing float64) Tensor {
	var out C.gnn_tensor
	must("cross-entropy", C.gnn_cross_entropy(handle(logits), handle(target), handle(weight), C.double(smoothing), &out))
	return s.own(out)
}

// Mean is the mean of tensors of one shape. With classes above 0 they are logits,
// in groups of so many, and it is the log of the mean of their probabilities.
func (s *Scope) Mean(tensors []Tensor, classes int) Tensor {
	all := handles(tensors)
	var out C.gnn_tensor
	must("a mean", C.gnn_mean_of(unsafe.SliceData(all), C.int64_t(len(all)), C.int64_t(classes), &out))
	return s.own(out)
}

// Lerp moves each average towards the value of its place, by a share of the
// distance; no gradient flows through it.
func Lerp(averages, values []Tensor, share float64) {
	a, v := handles(averages), handles(values)
	must("averaging", C.gnn_lerp_(unsafe.SliceData(a), unsafe.SliceData(v), C.int64_t(len(a)), C.double(share)))
}

func handles(tensors []Tensor) []C.gnn_tensor {
	all := make([]C.gnn_tensor, len(tensors))
	for i, t := range tensors {
		all[i] = handle(t)
	}
	return all
}

// Backward adds the gradient of a scalar to every parameter it came from.
func Backward(loss Tensor) { must("backward", C.gnn_backward(handle(loss), nil)) }

// BackwardFrom is Backward from a tensor of any shape, whose own gradient is given.
func BackwardFrom(t, gradient Tensor) {
	must("backward", C.gnn_backward(handle(t), handle(gradient)))
}
