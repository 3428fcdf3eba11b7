package memory

import (
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// encodedStep is step of a network with an encoder: its layers make tensors of each
// bar of a run, and of each snapshot's window.
func (s Size) encodedStep(model catalog.Model, c Settings) int64 {
	nodes := max(s.Nodes, 1)
	batch := max(s.batchRows(c.BatchSize)/nodes, 1)
	run := min(batch, catalog.RunLength)
	training := s.encodedTensors(model, c, batch/run, run, true)
	return max(training, s.encodedTensors(model, c, 1, max(s.predictedRows()/nodes, 1), false))
}

// encodedTensors are what so many runs of so many snapshots take.
func (s Size) encodedTensors(model catalog.Model, c Settings, runs, run int64, training bool) int64 {
	m := c.Model
	encoder, _ := catalog.LookupEncoder(m.Encoder)
	bars := s.Nodes * runs * (run + int64(m.Window) - 1)
	windows := s.Nodes * runs * run
	layer := model.Step(m.Hidden, m)
	held, most := int64(m.Layers*layer.Kept), int64(0)
	if training {
		most = int64(layer.Backward)
	}
	perBar := int64(m.Features+m.Hidden) + int64(encoder.Bar(m.Hidden, m.Window))
	if d := m.NodeEmbedding; d > 0 { // x with the vectors beside it
		perBar += int64(m.Features + 2*d)
	}
	perWindow := int64(encoder.Window(m.Hidden, m.Window)) + int64(8*m.Hidden+4*m.Outputs)
	entries := int64(0)
	if model.BeforeEncoder {
		perBar += held + most
		entries = s.Edges * runs * s.Nodes / s.Rows
	} else {
		perWindow += held + most
		entries = s.Edges * windows / s.Rows
	}
	bytes := 4*(bars*perBar+windows*perWindow+entries*int64(m.Layers*layer.Entry)) + adjacency(windows, entries)
	return bytes + min(bytes/4, kept)
}
