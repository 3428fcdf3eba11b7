package torch

// #include "gnn.h"
import "C"

import (
	"fmt"
	"unsafe"

	gotorch "github.com/wangkuiyi/gotorch"
)

// Device is where tensors lie: CPU, or a CUDA device by its number.
type Device int32

// CPU is the host.
const CPU Device = -1

func (d Device) String() string {
	if d == CPU {
		return "cpu"
	}
	return fmt.Sprintf("cuda:%d", int32(d))
}

// LoadCUDA opens the CUDA half of libtorch and counts its devices. Without a
// driver or a GPU the error is ErrNoCUDA, and ErrUnusableCUDA where both are
// there and libtorch cannot use them, such as an old driver. It must come before
// anything else that libtorch does, since libtorch looks for CUDA once.
func LoadCUDA() (devices int, err error) {
	var n C.int32_t
	err = failure("opening CUDA", C.gnn_cuda_load(&n))
	return int(n), err
}

// UseDevice has the libtorch thread work on a CUDA device, on a stream of its own.
func UseDevice(d Device) { must("using "+d.String(), C.gnn_cuda_use(C.int32_t(d))) }

// Float32s copies values into a new float32 tensor of the given shape.
func (s *Scope) Float32s(values []float32, shape ...int64) Tensor {
	return s.fromSlice(unsafe.Pointer(unsafe.SliceData(values)), len(values), gotorch.Float, shape)
}

// Float64s copies values into a new float64 tensor of the given shape.
func (s *Scope) Float64s(values []float64, shape ...int64) Tensor {
	return s.fromSlice(unsafe.Pointer(unsafe.SliceData(values)), len(values), gotorch.Double, shape)
}

// Int64s copies values into a new int64 tensor of the given shape.
func (s *Scope) Int64s(values []int64, shape ...int64) Tensor {
	return s.fromSlice(unsafe.Pointer(unsafe.SliceData(values)), len(values), gotorch.Long, shape)
}

func (s *Scope) fromSlice(data unsafe.Pointer, n int, dtype int8, shape []int64) Tensor {
	if want := elements(shape); want != int64(n) {
		panic(&Error{Op: "making a tensor", Message: fmt.Sprintf("%d values for the shape %v, which holds %d", n, shape, want)})
	}
	if n == 0 {
		// An empty slice has no address that C could read from.
		return s.Adopt(live(s.Adopt(gotorch.Empty(shape, false))).CastTo(dtype))
	}
	return s.Adopt(gotorch.FromBlob(data, dtype, shape))
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// Shape is the size of each axis.
func (t Tensor) Shape() []int64 { return live(t).Shape() }

// Uniform draws a new float32 tensor from U(low, high).
func (s *Scope) Uniform(low, high float64, shape ...int64) Tensor {
	var out C.gnn_tensor
	must("drawing weights", C.gnn_tensor_uniform((*C.int64_t)(unsafe.SliceData(shape)), C.int64_t(len(shape)),
		C.double(low), C.double(high), &out))
	return s.own(out)
}

// Normal draws a new float32 tensor from N(0, 1).
func (s *Scope) Normal(shape ...int64) Tensor {
	var out C.gnn_tensor
	must("drawing weights", C.gnn_tensor_normal((*C.int64_t)(unsafe.SliceData(shape)), C.int64_t(len(shape)), &out))
	return s.own(out)
}

// To gives the tensor on a device; on the same device it shares memory.
func (s *Scope) To(t Tensor, d Device) Tensor {
	var out C.gnn_tensor
	must("moving a tensor", C.gnn_tensor_to(handle(t), C.int32_t(d), &out))
	return s.own(out)
}

// Clone gives a copy that no gradient flows through.
func (s *Scope) Clone(t Tensor) Tensor {
	var out C.gnn_tensor
	must("copying a tensor", C.gnn_tensor_clone(handle(t), &out))
	return s.own(out)
}

// Copy overwrites dst with src of the same shape; no gradient flows through it.
func Copy(dst, src Tensor) { must("copying a tensor", C.gnn_tensor_copy_(handle(dst), handle(src))) }

// Fill sets every value of dst; no gradient flows through it.
func Fill(dst Tensor, value float64) {
	must("filling a tensor", C.gnn_tensor_fill_(handle(dst), C.double(value)))
}

// SetData makes dst use src's data in place of its own, whatever the shape.
func SetData(dst, src Tensor) {
	must("setting a tensor's data", C.gnn_tensor_set_data(handle(dst), handle(src)))
}

// RequireGrad makes a leaf tensor a parameter: backward passes give it a gradient.
func RequireGrad(t Tensor) Tensor {
	must("requiring a gradient", C.gnn_tensor_requires_grad_(handle(t)))
	return t
}

// Grad is the gradient that the last backward pass left at a parameter.
func (s *Scope) Grad(t Tensor) Tensor {
	var out C.gnn_tensor
	must("reading a gradient", C.gnn_tensor_grad(handle(t), &out))
	return s.own(out)
}

// ReadFloat32s copies a float32 tensor to host memory, row-major.
func ReadFloat32s(t Tensor) []float32 {
	if live(t).Dtype() != gotorch.Float {
		panic(&Error{Op: "reading a tensor", Message: "it does not hold float32 values"})
	}
	values := make([]float32, elements(t.Shape()))
	must("reading a tensor", C.gnn_tensor_read(handle(t), unsafe.Pointer(unsafe.SliceData(values)), C.int64_t(4*len(values))))
	return values
}

// ReadFloat64s copies a float64 tensor to host memory, row-major.
func ReadFloat64s(t Tensor) []float64 {
	if live(t).Dtype() != gotorch.Double {
		panic(&Error{Op: "reading a tensor", Message: "it does not hold float64 values"})
	}
	values := make([]float64, elements(t.Shape()))
	must("reading a tensor", C.gnn_tensor_read(handle(t), unsafe.Pointer(unsafe.SliceData(values)), C.int64_t(8*len(values))))
	return values
}

// Item is the value of a tensor with one element.
func Item(t Tensor) float64 {
	var v C.double
	must("reading a value", C.gnn_tensor_item(handle(t), &v))
	return float64(v)
}
