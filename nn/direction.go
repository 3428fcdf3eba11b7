package nn

func init() { RegisterTask("direction", direction{}) }

// direction is the task of three classes: down, flat and up, in this order. It
// is learned by cross-entropy, and a prediction is their probabilities.
type direction struct{ loss ClassLoss }

// The classes' places among the outputs of a horizon.
const (
	down = iota
	flat
	up
	directions
)

func (direction) Outputs() int { return directions }

func (direction) Columns() []string { return []string{"p_down", "p_flat", "p_up"} }

// Loss is the mean cross-entropy.
func (d direction) Loss(s *Scope, outputs Tensor, t Targets) Tensor {
	return d.loss.of(s, s.Reshape(outputs, -1, directions), s.Reshape(t.Class, -1))
}

// WithClassLoss implements Classifier.
func (direction) WithClassLoss(l ClassLoss) Task { return direction{l} }

// Predict is the softmax of each horizon.
func (direction) Predict(s *Scope, outputs Tensor) Tensor {
	return s.Softmax(s.Reshape(outputs, -1, directions))
}

// Score is p_up - p_down.
func (direction) Score(p []float32) float64 { return float64(p[up]) - float64(p[down]) }
