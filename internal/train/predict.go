package train

import (
	"context"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/libtorch"
)

// predictBatch is how many snapshots are predicted at once: without gradients
// memory is no concern, and wider products are faster.
const predictBatch = 256

// Prediction is what a model says of a list of snapshots.
type Prediction struct {
	Classes       int
	Probabilities []float32 // [len(snapshots), N, classes]
	Loss          float64   // mean cross-entropy over the labelled nodes; NaN without any
}

// Predict runs the model on snapshots in evaluation mode. It stops between
// batches when ctx is done.
func Predict(ctx context.Context, thread *libtorch.Thread, m Model, g *Graphs, snapshots []int) (Prediction, error) {
	var p Prediction
	var sum float64
	labelled := 0
	for chunk := range slices.Chunk(int64s(snapshots), predictBatch) {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		err := thread.Do(func() error {
			s := libtorch.NewScope()
			defer s.Close()
			libtorch.NoGrad(func() {
				b := g.batch(s, chunk)
				defer b.adjacency.Close()
				logits := m.Forward(s, b.x, b.adjacency, false)
				if b.labelled > 0 {
					sum += libtorch.Item(s.CrossEntropy(logits, b.y, libtorch.Tensor{})) * float64(b.labelled)
					labelled += b.labelled
				}
				p.Probabilities = append(p.Probabilities, libtorch.ReadFloat32s(s.Softmax(logits))...)
			})
			return nil
		})
		if err != nil {
			return p, err
		}
	}
	if n := len(snapshots) * g.nodes; n > 0 {
		p.Classes = len(p.Probabilities) / n
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
