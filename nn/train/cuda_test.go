package train_test

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
	"github.com/streamforge/gnn-trainer/nn/train"
)

func TestATrainingOnCUDAFollowsTheCPU(t *testing.T) {
	f := newFixture(t)
	cuda := torchtest.CUDA(t, f.thread)
	for _, kind := range []string{"gcn", "sage", "gatv2"} {
		var losses [2][]float64
		for i, d := range []torch.Device{torch.CPU, cuda} {
			n := f.network(4)
			n.Device, n.Model = d, nn.Config{Type: kind, Hidden: 16, Heads: 4, Layers: 2, Dropout: 0.2}
			if kind == "gatv2" {
				n.Model.Dropout = 0 // its coefficients draw from the device's own generator
			}
			_, r := f.fit(t.Context(), t, n)
			// Later ones of attention part, from rounding alone.
			for _, e := range r.Epochs[:2] {
				losses[i] = append(losses[i], e.TrainLoss, e.ValidLoss)
			}
		}
		for k := range losses[0] {
			if math.Abs(losses[0][k]-losses[1][k]) > 1e-4 {
				t.Errorf("%s: losses %v on the CPU and %v on CUDA", kind, losses[0], losses[1])
				break
			}
		}
	}
}

// Some thousand steps, after which the device holds as much as after the first.
func TestATrainingOnCUDATakesNoMoreMemoryAsItGoes(t *testing.T) {
	f := newFixture(t)
	cuda := torchtest.CUDA(t, f.thread)
	n := f.network(150)
	var allocated []int64
	n.OnEpoch = func(train.Epoch) {
		m, err := torch.DeviceMemory(cuda)
		if err != nil {
			t.Error(err)
		}
		allocated = append(allocated, m.Allocated)
	}
	f.fit(t.Context(), t, n)
	if first, last := allocated[1], allocated[len(allocated)-1]; last > first {
		t.Errorf("%d bytes of tensors after the second epoch and %d after the last", first, last)
	}
}
