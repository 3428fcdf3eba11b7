// Package memory estimates what memory a run takes, and compares it with what
// there is: sizes and settings enter, bytes and a verdict leave. A run asks
// before it trains, and doctor before a run. It measures nothing and allocates
// nothing.
package memory

import (
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// Size is how large the data of a run are.
type Size struct {
	Nodes     int64 // N; 0: only Rows is known
	Snapshots int64 // T
	Rows      int64 // N x T
	Edges     int64 // of all snapshots
	Held      int64 // of them those in memory, where snapshots share some; 0: all
	Train     int64 // snapshots that are trained on; 0: not known
	Features  int
	Signals   int // that baselines rank nodes by
	Horizons  int
	Folds     int // of a walk-forward; 0 counts as 1

	// Static marks one graph without time: each split is a snapshot of it, and
	// all share its features and edges.
	Static bool

	relative bool // of Settings
}

// Settings are those of a run that its memory depends on.
type Settings struct {
	Model     catalog.Config   // Features and Outputs follow from the size
	BatchSize int              // snapshots
	Others    []catalog.Config // networks of another shape that are trained after it
	Baseline  bool             // the network without edges is trained too
	Methods   bool             // methods without a network are compared
	Outputs   int              // of a node and horizon, by the task
	EMA       bool             // the weights have a moving average
	Relative  bool             // the task is learned from returns in units of volatility
	CUDA      bool
}

// Estimate is what a run takes at its peak, in bytes.
type Estimate struct {
	Base    int64 // the program and its libraries
	Data    int64 // the dataset, and its copies for model and baseline
	Weights int64 // with gradients, moments and checkpoints
	Batch   int64 // the tensors of a training step

	Device int64 // of Weights, Batch and the copies of the data, what is in a GPU's memory
}

// Host is what of it the machine's own memory takes.
func (e Estimate) Host() int64 { return e.Base + e.Data + e.Weights + e.Batch }

// base is the resident memory of a run on a few rows.
const base = 165 << 20

// baseCUDA is what CUDA's context and libraries add to it.
const baseCUDA = 2 << 30

// Of estimates a run. Everything that the code holds at the peak is counted, on
// the heap of Go twice: its collector lets the heap grow to twice of what is in
// use.
//
// The peak is that of the training of the baseline, where there is one: model
// and data of both are held then. Of networks of several shapes it is the largest
// one's.
func Of(s Size, c Settings) Estimate {
	e := of(s, c)
	for _, m := range c.Others {
		c.Model = m
		if other := of(s, c); other.Host()+other.Device > e.Host()+e.Device {
			e = other
		}
	}
	return e
}

func of(s Size, c Settings) Estimate {
	c.Model.Features, c.Model.Outputs = s.Features, max(c.Outputs, 1)*s.Horizons
	c.Model.Nodes = int(s.Nodes)
	s.relative = c.Relative
	e := Estimate{Base: base}
	parameters := int64(c.Model.Parameters())

	dataset, x := s.dataset(), 4*s.Rows*int64(s.Features)
	// A checkpoint copies weights, best weights and two moments.
	state := 16 * parameters
	if c.EMA {
		state += 4 * parameters
	}
	data := max(dataset+x, s.built(), dataset+s.predicted())
	if s.Folds > 1 { // a fold trains beside the predictions of those before it
		data = max(data, dataset+x+s.predictions())
	}
	if c.Methods {
		data = max(data, dataset+s.compared())
	}
	goHeap := 2 * max(data, dataset+state)
	copies := s.copies(c.Model, false, c.CUDA)
	if c.Baseline {
		copies += s.copies(c.Model, true, c.CUDA)
	}
	step := s.step(c)
	// The value of the network and its best one, gradients, two moments, and the
	// value of the model while the baseline is trained.
	weights := 20 * parameters
	if c.EMA { // the average, and the weights as it is validated
		weights += 8 * parameters
	}
	if c.Baseline {
		weights += 4 * parameters
	}
	if s.Folds > 1 { // the model of the fold before, and with FOLD_WARM its state
		weights += 4*parameters + state
	}
	checkpoint := goHeap - 2*data
	e.Data, e.Weights, e.Batch = goHeap-checkpoint+copies, weights+checkpoint, step
	if c.CUDA {
		e.Device = weights + copies + step
		e.Base, e.Data, e.Weights, e.Batch = e.Base+baseCUDA, goHeap-checkpoint, checkpoint, 0
	}
	return e
}

// dataset is data.Dataset: x, mask, class, return and funding of each row, what
// its task learns beside them, source and correlation of each edge.
func (s Size) dataset() int64 {
	return s.Rows*(4*int64(s.Features+s.Signals)+1+12*int64(s.Horizons)+4+4) + s.scaled() + 8*s.held() + 120*s.Snapshots
}

// scaled are the returns in units of volatility, and the volatility of each row.
func (s Size) scaled() int64 {
	if !s.relative {
		return 0
	}
	return 4 * s.Rows * int64(1+s.Horizons)
}

// held is how many edges are in memory.
func (s Size) held() int64 {
	if s.Held == 0 {
		return s.Edges
	}
	return min(s.Held, s.Edges)
}

// built is what is in use as the features are made of candles: five series, the
// features, the targets and the returns.
func (s Size) built() int64 {
	if s.Static {
		return 0
	}
	return s.Rows*(5*8+4*int64(s.Features+s.Signals)+12*int64(s.Horizons)+9+2*8) + s.scaled()
}

// predicted are the predictions and, as predictions.parquet is written, the
// columns of a group of its rows.
func (s Size) predicted() int64 {
	values := s.Rows * int64(s.Horizons)
	return s.predictions() + min(300*values, parquetGroup)
}

// predictions are those of one method: of all rows by the last fold, and by each
// fold before it of what it validates and tests on, as the last of them is still
// whole.
func (s Size) predictions() int64 {
	values := s.Rows * int64(s.Horizons)
	if s.Folds <= 1 {
		return 12 * values
	}
	return 12*2*values + 12*values*int64(s.Folds)/4
}

// compared is what is held as methods are compared with the model, two at once:
// the predictions of three, the test split's rows of each, a fifth of all, and
// scores and returns of the rows that are evaluated.
func (s Size) compared() int64 {
	const row, scored = 112, 40
	return 3*s.predictions() + 3*row*s.Rows/5 + 2*scored*s.Rows
}

// parquetGroup is what a group of rows takes at most.
const parquetGroup = 52 << 20

// copies are what a network has of the data: x, the targets, and of each
// snapshot the adjacency and its transpose. The baseline's has the loops alone.
// Snapshots that share their edges share what is made of them, but on a GPU.
func (s Size) copies(m catalog.Config, isolated, device bool) int64 {
	model, _ := catalog.Lookup(m.Type)
	edges := s.held()
	switch {
	case isolated:
		edges = 0
	case device:
		edges = s.Edges
	}
	if model.Loops {
		edges += s.Rows
	}
	h := int64(s.Horizons)
	return s.Rows*(4*int64(s.Features)+12*h) + adjacency(s.Rows, edges) + 500*s.Snapshots
}

// adjacency is a matrix and its transpose in compressed rows.
func adjacency(rows, entries int64) int64 { return 2 * (4*rows + 8*entries) }

// step are the tensors of a training step, or of a prediction, where that takes
// more: it joins snapshots to some thousand nodes, however small a batch is.
func (s Size) step(c Settings) int64 {
	model, known := catalog.Lookup(c.Model.Type)
	if !known || s.Rows == 0 {
		return 0
	}
	if c.Model.Encoded() {
		return s.encodedStep(model, c)
	}
	training := s.tensors(model, c, s.batchRows(c.BatchSize), true)
	forward := c
	forward.Model.Dropout = 0
	return max(training, s.tensors(model, forward, s.predictedRows(), false))
}

// tensors are what the layers make of so many nodes: what they hold until the
// end, and the gradients on their way.
func (s Size) tensors(model catalog.Model, c Settings, rows int64, training bool) int64 {
	edges := s.Edges * rows / s.Rows
	if model.Loops {
		edges += rows
	}
	perRow, perEdge, most, in := int64(s.Features), int64(0), int64(0), c.Model.Features
	if d := c.Model.NodeEmbedding; d > 0 { // x with the vectors beside it
		in += d
		perRow += int64(in)
	}
	if c.Model.InputDropout && training { // the values that are kept, and their gradient's way
		perRow += 2 * int64(s.Features)
	}
	for range c.Model.Layers {
		l := model.Step(in, c.Model)
		perRow += int64(l.Kept)
		perEdge += int64(l.Entry)
		perRow += int64(l.Pair) * s.Nodes
		if training {
			most = max(most, int64(l.Backward))
		}
		in = c.Model.Hidden
	}
	perRow += most + 4*int64(c.Model.Outputs)
	if c.CUDA {
		perEdge += int64(model.DeviceEdge * c.Model.Hidden * c.Model.Layers)
	}
	bytes := 4*(rows*perRow+edges*perEdge) + adjacency(rows, edges)
	if block := 4 * rows * int64(c.Model.Hidden); block < mapped && !c.CUDA {
		holes := bytes / 4
		if c.Baseline { // a second network's tensors among the first one's
			holes = bytes / 2
		}
		bytes += min(holes, kept)
	}
	return bytes
}

// The C heap's limits, as gnn_keep_freed_memory sets them: a block below the
// first is taken from the heap, where a freed one leaves a hole that an equal one
// does not fill, since it is aligned. A quarter as much again was measured, and
// half with a baseline.
// Larger blocks are given back.
const (
	mapped = 32 << 20
	kept   = 512 << 20
)

// batchRows is how many nodes a step trains on.
func (s Size) batchRows(batchSize int) int64 {
	if s.Nodes == 0 {
		return s.Rows
	}
	most := s.Train
	if most == 0 {
		most = max(1, s.Rows/s.Nodes)
	}
	return s.Nodes * min(int64(batchSize), most)
}

// predictedRows is how many nodes are predicted at once.
func (s Size) predictedRows() int64 {
	if s.Nodes == 0 {
		return min(s.Rows, catalog.PredictNodes)
	}
	return s.Nodes * min(max(1, catalog.PredictNodes/s.Nodes), s.Snapshots)
}
