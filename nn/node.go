package nn

import (
	"fmt"
	"slices"
)

func init() { RegisterTask("node", node{}) }

// node is the task of nodes' classes, of which the data decide how many there are.
// It is learned by cross-entropy, and a prediction is their probabilities.
type node struct {
	classes int // C
	loss    ClassLoss
}

// OfClasses is a task with the number of classes that the data have; one whose
// classes are its own stays as it is.
func OfClasses(t Task, classes int) Task {
	if n, ok := t.(node); ok {
		n.classes = classes
		return n
	}
	return t
}

func (n node) Outputs() int { return n.classes }

// Columns are p_0 to p_{C-1}.
func (n node) Columns() []string {
	names := make([]string, n.classes)
	for c := range names {
		names[c] = fmt.Sprintf("p_%d", c)
	}
	return names
}

// Loss is the mean cross-entropy.
func (n node) Loss(s *Scope, outputs Tensor, t Targets) Tensor {
	return n.loss.of(s, s.Reshape(outputs, -1, int64(n.classes)), s.Reshape(t.Class, -1))
}

// WithClassLoss implements Classifier.
func (n node) WithClassLoss(l ClassLoss) Task {
	n.loss = l
	return n
}

// Predict is the softmax.
func (n node) Predict(s *Scope, outputs Tensor) Tensor {
	return s.Softmax(s.Reshape(outputs, -1, int64(n.classes)))
}

// Score is the probability of the predicted class.
func (n node) Score(p []float32) float64 { return float64(slices.Max(p)) }
