package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Network is the method that trains a model of package nn.
type Network struct {
	Thread *torch.Thread
	Device torch.Device
	Model  nn.Config // Features and Outputs follow from the dataset
	Task   nn.Task
	// Isolated takes the edges away: the twin without message passing, whose
	// difference is what the edges are worth.
	Isolated bool
	// Shuffled gives each node other sources, by the seed and the same in all
	// snapshots: the difference is what it is worth which nodes are joined.
	Shuffled bool
	// Initial are the weights to begin with, the best ones of an earlier training
	// of such a model; nil: they are drawn.
	Initial []checkpoint.Weights
	// State, without Initial, is a file of a state dict to begin with, as torch.save
	// writes it; nil: there is none.
	State []byte

	Config
}

// Fit implements Method. The seed decides the first weights, so that a network
// and its twin start alike.
func (n *Network) Fit(ctx context.Context, d *data.Dataset) (Predictor, Result, error) {
	f := &fittedNetwork{thread: n.Thread, device: n.Device, task: n.Task, wiring: n.wiring(), scaler: d.Scaler, horizons: d.Targets.NumHorizons()}
	r, err := n.fit(ctx, d, f)
	if err != nil {
		f.Close()
		return nil, r, err
	}
	return f, r, nil
}

func (n *Network) fit(ctx context.Context, d *data.Dataset, f *fittedNetwork) (Result, error) {
	c := n.Model
	c.Classes = classesOf(n.Task)
	if c.NodeEmbedding > 0 {
		c.Nodes = d.NumNodes()
	}
	c.Features, c.Outputs, c.Centred = d.NumFeatures(), d.Targets.NumHorizons()*n.Task.Outputs(), nn.Centred(n.Task)
	err := n.Thread.Do(func() (err error) {
		if f.model, err = nn.NewSeeded(n.Device, c, n.Seed); err == nil {
			err = n.beginWith(f.model)
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if f.inputs, err = newInputs(ctx, n.Thread, d.Panel, f.scaler, n.Device, f.wiring, pastOf(c)); err != nil {
		return Result{}, err
	}
	snapshots := slices.Concat(d.Snapshots(data.Train), d.Snapshots(data.Valid))
	if n.Device != torch.CPU {
		snapshots = snapshots[:0]
		for t := range f.inputs.graphs { // those that are only predicted too
			snapshots = append(snapshots, t)
		}
	}
	if err = f.inputs.prepare(ctx, n.Thread, f.model, snapshots); err != nil {
		return Result{}, err
	}
	if n.Device != torch.CPU && ctx.Err() == nil {
		if err = f.inputs.reside(n.Thread); err != nil {
			return Result{}, err
		}
	}
	y, err := newTargets(n.Thread, d, n.Device)
	if err != nil {
		return Result{}, err
	}
	defer y.close(n.Thread)
	var weights []float32
	if _, ok := n.Task.(nn.Classifier); ok && n.Balanced {
		weights = balanced(d, n.Task.Outputs())
	}
	return runLoop(ctx, &loop{
		Config: n.Config, thread: n.Thread, model: f.model, task: n.Task, inputs: f.inputs, targets: y,
		train: d.Snapshots(data.Train), valid: d.Snapshots(data.Valid), classWeights: weights,
	})
}

// LoadNetwork is the predictor of a stored result: the model of weights.pt on
// features that scaler scales. The error names a parameter that does not fit.
func LoadNetwork(thread *torch.Thread, d torch.Device, c nn.Config, task nn.Task, scaler data.Scaler, weights []byte) (Predictor, error) {
	f := &fittedNetwork{thread: thread, device: d, task: task, scaler: scaler, horizons: c.Outputs / task.Outputs()}
	err := thread.Do(func() (err error) {
		// Drawing weights that are overwritten must not disturb who else draws.
		random := torch.RNGState(torch.CPU)
		c.Classes = classesOf(task)
		f.model, err = nn.New(d, c)
		torch.SetRNGState(torch.CPU, random)
		if err != nil {
			return err
		}
		if err := loadState(f.model, weights); err != nil {
			return fmt.Errorf("reading weights: %w", err)
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fittedNetwork is a trained model with what its inputs need.
type fittedNetwork struct {
	thread   *torch.Thread
	device   torch.Device
	model    nn.Model
	task     nn.Task
	wiring   wiring
	scaler   data.Scaler
	horizons int
	inputs   *inputs // of the panel it was fitted on; nil: it was loaded
}

// perBatch is how many snapshots of N nodes are predicted at once.
func perBatch(nodes int) int { return max(1, catalog.PredictNodes/nodes) }

// accompanied is a chunk of snapshots of N nodes as it is predicted: one alone comes
// with itself where others would be predicted together. libtorch multiplies one
// matrix by another routine than several, which rounds otherwise, and what is
// predicted of a snapshot must not depend on which others are.
func accompanied(chunk []int, nodes int) []int {
	if len(chunk) == 1 && perBatch(nodes) > 1 {
		return []int{chunk[0], chunk[0]}
	}
	return chunk
}

// Predict implements Predictor.
func (f *fittedNetwork) Predict(ctx context.Context, p *data.Panel, snapshots []int) (Prediction, error) {
	out := Prediction{Horizons: f.horizons, Columns: len(f.task.Columns())}
	if want := f.model.Config().Features; p.NumFeatures() != want {
		return out, fmt.Errorf("predicting a panel of %d features with a model of %d", p.NumFeatures(), want)
	}
	if c := f.model.Config(); c.NodeEmbedding > 0 && p.NumNodes() != c.Nodes {
		return out, fmt.Errorf("predicting a panel of %d nodes with a model that knows the %d that it was trained on, by NODE_EMBEDDING", p.NumNodes(), c.Nodes)
	}
	for chunk := range slices.Chunk(snapshots, perBatch(p.NumNodes())) {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		err := f.thread.Do(func() error {
			s := torch.NewScope()
			defer s.Close()
			in := f.inputs
			if in == nil || in.panel != p {
				in = newSome(p, f.scaler, f.device, f.wiring, pastOf(f.model.Config()), chunk)
				defer in.close()
			}
			torch.NoGrad(func() {
				b := in.batch(s, accompanied(chunk, p.NumNodes()))
				defer b.Close()
				values := torch.ReadFloat32s(f.task.Predict(s, f.model.Forward(s, b, false)))
				out.Values = append(out.Values, values[:len(chunk)*p.NumNodes()*out.Horizons*out.Columns]...)
			})
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// Release frees the copy of the panel that the network was fitted on: predictions
// copy what they need from then on.
func (f *fittedNetwork) Release() {
	// Freeing does not fail.
	_ = f.thread.Do(func() error {
		if f.inputs != nil {
			f.inputs.close()
			f.inputs = nil
		}
		return nil
	})
}

// Export implements Exporter.
func (f *fittedNetwork) Export(metadata []byte, sample pyg.Data) (model []byte, weights *pyg.Dict, err error) {
	err = f.thread.Do(func() (err error) {
		model, err = nn.Export(f.model, nn.ExportOptions{Device: f.device, Horizons: f.horizons, Scaler: f.scaler, Metadata: metadata, Sample: sample, Isolated: f.wiring.isolated})
		if err == nil {
			weights = nn.StateDict(f.model)
		}
		return err
	})
	return model, weights, err
}

// Close implements Predictor.
func (f *fittedNetwork) Close() {
	// Freeing does not fail.
	_ = f.thread.Do(func() error {
		if f.inputs != nil {
			f.inputs.close()
			f.inputs = nil
		}
		if f.model != nil {
			f.model.Close()
			f.model = nil
		}
		return nil
	})
}
