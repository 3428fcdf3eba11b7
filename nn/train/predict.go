package train

import (
	"context"
	"slices"

	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// predictNodes is about how many nodes are predicted at once: enough to keep
// the threads busy, few enough that a stop is not held up.
const predictNodes = 4096

// Prediction is what a model predicts of a list of snapshots.
type Prediction struct {
	Horizons, Columns int       // Columns are those of the task
	Values            []float32 // [snapshots predicted, N, Horizons, Columns]
	Loss              float64   // of the first horizon, the mean over its labelled nodes; NaN without any
}

// Predict runs the model on snapshots in evaluation mode, in their order.
// Where ctx ends it stops between batches, with the error of ctx and what it
// has predicted so far.
func Predict(ctx context.Context, thread *torch.Thread, m nn.Model, task nn.Task, g *Graphs, snapshots []int) (Prediction, error) {
	p := Prediction{Horizons: g.horizons, Columns: len(task.Columns())}
	var sum float64
	labelled := 0
	for chunk := range slices.Chunk(int64s(snapshots), max(1, predictNodes/g.nodes)) {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		err := thread.Do(func() error {
			s := torch.NewScope()
			defer s.Close()
			torch.NoGrad(func() {
				b, targets, count := g.batch(s, chunk)
				defer b.Close()
				outputs := m.Forward(s, b, false)
				if count.first > 0 {
					first := s.Narrow(outputs, 1, 0, task.Outputs())
					sum += torch.Item(task.Loss(s, first, targets.First(s, count.first))) * float64(count.first)
					labelled += count.first
				}
				p.Values = append(p.Values, torch.ReadFloat32s(task.Predict(s, outputs))...)
			})
			return nil
		})
		if err != nil {
			return p, err
		}
	}
	p.Loss = sum / float64(labelled) // 0/0 is NaN, as it should be
	return p, nil
}

func int64s(v []int) []int64 {
	w := make([]int64, len(v))
	for i, x := range v {
		w[i] = int64(x)
	}
	return w
}
