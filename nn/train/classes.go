package train

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// balanced are weights [classes] by which each class of the training split counts
// as much as the others, scikit-learn's class_weight="balanced": of n labels, n_c of
// them of class c, n / (classes n_c); 0 for a class without a label.
func balanced(d *data.Dataset, classes int) []float32 {
	counts, all := make([]int, classes), 0
	for _, t := range d.Snapshots(data.Train) {
		labels, _ := d.Targets.At(t)
		for _, c := range labels {
			if c != pyg.Unlabelled {
				counts[c]++
				all++
			}
		}
	}
	weights := make([]float32, classes)
	for c, n := range counts {
		if n > 0 {
			weights[c] = float32(float64(all) / float64(classes*n))
		}
	}
	return weights
}

// learned is the task with the loss that steps are taken by. Validation goes by the
// task's own, so that trainings with other weights can be compared.
func (f *loop) learned(owner *torch.Scope) nn.Task {
	c, ok := f.task.(nn.Classifier)
	if !ok || f.LabelSmoothing == 0 && f.classWeights == nil {
		return f.task
	}
	loss := nn.ClassLoss{Smoothing: f.LabelSmoothing}
	if f.classWeights != nil {
		host := torch.NewScope()
		defer host.Close()
		loss.Weight = owner.Clone(host.To(host.Float32s(f.classWeights, int64(len(f.classWeights))), f.inputs.device))
	}
	return c.WithClassLoss(loss)
}

// classesOf is how many logits a horizon has; 0: the outputs are values.
func classesOf(t nn.Task) int {
	if _, ok := t.(nn.Classifier); ok {
		return t.Outputs()
	}
	return 0
}
