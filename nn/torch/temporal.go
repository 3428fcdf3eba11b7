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

// ConvBlock is x + KeyedDropout(GELU(CausalConv(LayerNorm(x)))), of the bars that the
// convolution is of, in one pass: x [R, bars, C], weight [C, C, taps], the others [C].
func (s *Scope) ConvBlock(x, normWeight, normBias, weight, bias Tensor, dilation int, p float64, d Draw) Tensor {
	var out C.gnn_tensor
	must("a block of convolutions", C.gnn_conv_block(handle(x), handle(normWeight), handle(normBias), handle(weight), handle(bias),
		C.int64_t(dilation), C.double(p), C.uint64_t(d.Seed), handle(d.Step), C.uint32_t(d.Layer), &out))
	return s.own(out)
}

// PeerLayer is x + W_out GELU(W_self v + (I - A) W_peers v) in one pass, of x [N, C] or
// [N, bars, C] and v = LayerNorm(x). Parameters are weight and bias of the norm, W_self,
// W_peers and W_out; a is block-diagonal with blocks that begin at offsets [blocks + 1].
func (s *Scope) PeerLayer(a *Adjacency, offsets []int, x Tensor, parameters []Tensor) Tensor {
	if a.matrix == nil {
		panic(&Error{Op: "a layer of peers", Message: "the adjacency is closed"})
	}
	if len(parameters) != 8 {
		panic(&Error{Op: "a layer of peers", Message: "it has eight parameters"})
	}
	blocks := blocksAt(offsets)
	var out C.gnn_tensor
	all := handles(parameters)
	must("a layer of peers", C.gnn_peer_layer(a.matrix, (*C.int64_t)(unsafe.SliceData(blocks)), C.int64_t(len(blocks)-1),
		handle(x), unsafe.SliceData(all), &out))
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
