package nn

// Classifier is a task of classes that is learned by cross-entropy.
type Classifier interface {
	Task
	// WithClassLoss is the task learned by another form of cross-entropy.
	WithClassLoss(ClassLoss) Task
}

// ClassLoss is the form of a cross-entropy, as torch.nn.CrossEntropyLoss has it.
type ClassLoss struct {
	Weight    Tensor  // [C] of each class; the zero Tensor: all are alike
	Smoothing float64 // share of a label that is spread over all classes
}

func (l ClassLoss) of(s *Scope, logits, target Tensor) Tensor {
	return s.SmoothCrossEntropy(logits, target, l.Weight, l.Smoothing)
}
