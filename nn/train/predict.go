package train

import (
	"context"
	"slices"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// predictNodes is about how many nodes are predicted at once: enough to keep
// the threads busy, few enough that a stop is not held up.
const predictNodes = 4096

// Prediction is what a model says of a list of snapshots.
type Prediction struct {
	Classes       int
	Probabilities []float32 // [snapshots predicted, N, classes]
	Loss          float64   // mean cross-entropy over the labelled nodes; NaN without any
}

// Predict runs the model on snapshots in evaluation mode, in their order.
// Where ctx ends it stops between batches, with the error of ctx and what it
// has predicted so far.
func Predict(ctx context.Context, thread *torch.Thread, m Model, g *Graphs, snapshots []int) (Prediction, error) {
	p := Prediction{Classes: m.Classes()}
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
				b := g.batch(s, chunk)
				defer b.adjacency.Close()
				logits := m.Forward(s, b.x, b.adjacency, false)
				if b.labelled > 0 {
					sum += torch.Item(s.CrossEntropy(logits, b.y, torch.Tensor{})) * float64(b.labelled)
					labelled += b.labelled
				}
				p.Probabilities = append(p.Probabilities, torch.ReadFloat32s(s.Softmax(logits))...)
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
