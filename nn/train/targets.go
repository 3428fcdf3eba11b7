package train

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// targets are those of a dataset where the model computes.
type targets struct {
	class    torch.Tensor // [T, N, H]
	value    torch.Tensor // [T, N, H]: what the task learns of returns, or the returns; the zero Tensor where the dataset has none
	labelled []labels     // [T]
	owner    *torch.Scope
}

// labels counts the labels of a snapshot.
type labels struct {
	all   int // (node, horizon)
	first int // nodes, at the first horizon
}

// newTargets copies the targets to the device.
func newTargets(thread *torch.Thread, d *data.Dataset, device torch.Device) (*targets, error) {
	y := &targets{labelled: make([]labels, d.Len()), owner: torch.NewScope()}
	var class []int64
	var value []float32
	horizons := d.Targets.NumHorizons()
	for t := range d.Len() {
		c, v := d.Targets.At(t)
		if relative := d.Targets.Relative(t); relative != nil {
			v = relative
		}
		class, value = append(class, c...), append(value, v...)
		y.labelled[t] = count(c, horizons)
	}
	err := thread.Do(func() error {
		host := torch.NewScope()
		defer host.Close()
		shape := []int64{int64(d.Len()), int64(d.NumNodes()), int64(horizons)}
		y.class = y.owner.To(host.Int64s(class, shape...), device)
		if len(value) > 0 {
			y.value = y.owner.To(host.Float32s(value, shape...), device)
		}
		return nil
	})
	if err != nil {
		y.close(thread)
		return nil, err
	}
	return y, nil
}

// count counts the labels among classes [N, horizons].
func count(classes []int64, horizons int) labels {
	var l labels
	for i, class := range classes {
		if class == pyg.Unlabelled {
			continue
		}
		l.all++
		if i%horizons == 0 {
			l.first++
		}
	}
	return l
}

// batch joins the targets of snapshots, in s; first are how many have a label at
// the first horizon.
func (y *targets) batch(s *torch.Scope, snapshots []int) (targets nn.Targets, first int) {
	for _, t := range snapshots {
		targets.Labelled += y.labelled[t].all
		first += y.labelled[t].first
	}
	targets.Snapshots = len(snapshots)
	index := int64s(snapshots)
	targets.Class = s.Take(y.class, index)
	if y.value.T != nil {
		targets.Value = s.Take(y.value, index)
	}
	return targets, first
}

// count counts the labels of snapshots.
func (y *targets) count(snapshots []int) int {
	labelled := 0
	for _, t := range snapshots {
		labelled += y.labelled[t].all
	}
	return labelled
}

// batchAt is batch of an index on the device, where nobody counts labels.
func (y *targets) batchAt(s *torch.Scope, index torch.Tensor) nn.Targets {
	targets := nn.Targets{Class: s.TakeAt(y.class, index)}
	if y.value.T != nil {
		targets.Value = s.TakeAt(y.value, index)
	}
	return targets
}

func (y *targets) close(thread *torch.Thread) {
	// Freeing does not fail.
	_ = thread.Do(func() error {
		y.owner.Close()
		return nil
	})
}

func int64s(v []int) []int64 {
	w := make([]int64, len(v))
	for i, x := range v {
		w[i] = int64(x)
	}
	return w
}
