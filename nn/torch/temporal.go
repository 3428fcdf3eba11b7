package torch

// #include "gnn.h"
import "C"

import "unsafe"

// TakeRuns gives rows of x [T, N, F] at index [runs, bars], nodes first:
// [runs*N, bars, F].
func (s *Scope) TakeRuns(x Tensor, index []int64, runs int) Tensor {
	var out C.gnn_tensor
	must("taking runs", C.gnn_take_runs(handle(x), (*C.int64_t)(unsafe.SliceData(index)), C.int64_t(runs), C.int64_t(len(index)/runs), &out))
	return s.own(out)
}

// Windows gives each width bars of x [R, bars, C]: [R*(bars-width+1), width, C].
func (s *Scope) Windows(x Tensor, width int) Tensor {
	var out C.gnn_tensor
	must("windows", C.gnn_windows(handle(x), C.int64_t(width), &out))
	return s.own(out)
}

// CausalConv is a convolution of weight [out, C, taps] over x [R, bars, C] without
// padding: [R, bars-(taps-1)*dilation, out].
func (s *Scope) CausalConv(x, weight, bias Tensor, dilation int) Tensor {
	var out C.gnn_tensor
	must("a convolution", C.gnn_causal_conv(handle(x), handle(weight), handle(bias), C.int64_t(dilation), &out))
	return s.own(out)
}

// GRU is the last hidden state [R, H] of torch.nn.GRU over x [R, bars, C].
func (s *Scope) GRU(x, weightIH, weightHH, biasIH, biasHH Tensor) Tensor {
	var out C.gnn_tensor
	must("a GRU", C.gnn_gru(handle(x), handle(weightIH), handle(weightHH), handle(biasIH), handle(biasHH), &out))
	return s.own(out)
}

// LayerNorm is over the last axis.
func (s *Scope) LayerNorm(x, weight, bias Tensor) Tensor {
	var out C.gnn_tensor
	must("a layer norm", C.gnn_layer_norm(handle(x), handle(weight), handle(bias), &out))
	return s.own(out)
}

// GELU is x times the normal distribution's function of x.
func (s *Scope) GELU(x Tensor) Tensor {
	var out C.gnn_tensor
	must("GELU", C.gnn_gelu(handle(x), &out))
	return s.own(out)
}

// KeyedDropout is Dropout while training, of draws that depend on their place
// alone. p is rounded to a multiple of 2^-16.
func (s *Scope) KeyedDropout(x Tensor, p float64, d Draw) Tensor {
	var out C.gnn_tensor
	must("dropout", C.gnn_keyed_dropout(handle(x), C.double(p), C.uint64_t(d.Seed), handle(d.Step), C.uint32_t(d.Layer), &out))
	return s.own(out)
}

// Centre is x [snapshots*N, C] less its mean over the present nodes of each
// snapshot; present [snapshots*N] is 1 or 0.
func (s *Scope) Centre(x Tensor, present []float32, snapshots int) Tensor {
	if rows := x.Shape()[0]; int64(len(present)) != rows {
		panic(&Error{Op: "centring", Message: "the mask is not as long as the outputs"})
	}
	var out C.gnn_tensor
	must("centring", C.gnn_centre(handle(x), (*C.float)(unsafe.SliceData(present)), C.int64_t(snapshots), &out))
	return s.own(out)
}

// Regression is a kind of RegressionLoss.
type Regression int

// Huber is the mean of Huber's function of delta 1, MSE the mean square, and
// Correlation minus the mean over snapshots of Pearson's correlation over their
// nodes.
const (
	Huber       Regression = C.GNN_LOSS_HUBER
	MSE         Regression = C.GNN_LOSS_MSE
	Correlation Regression = C.GNN_LOSS_CORRELATION
)

// RegressionLoss compares outputs [N, H] with values where classes are not -100.
func (s *Scope) RegressionLoss(kind Regression, outputs, values, classes Tensor, snapshots int) Tensor {
	var out C.gnn_tensor
	must("a loss", C.gnn_regression_loss(handle(outputs), handle(values), handle(classes), C.int64_t(snapshots), C.int32_t(kind), &out))
	return s.own(out)
}
