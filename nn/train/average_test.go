package train

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestTheAverageIsThatOfPyTorch(t *testing.T) {
	const decay = 0.9
	var steps [][]float32
	for i := range 20 {
		steps = append(steps, []float32{float32(i), float32(math.Sin(float64(i))), 1})
	}
	want := byPyTorch(t, []scheduleCase{}, decay, steps).Average
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	err = thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		w := torch.RequireGrad(s.Float32s([]float32{7, 7, 7}, 3))
		a := newAverage(s, decay, []torch.Tensor{w})
		a.apply()
		if torch.ReadFloat32s(w)[0] != 7 {
			t.Error("before a step there is no average")
		}
		for _, step := range steps {
			torch.Copy(w, s.Float32s(step, 3))
			a.follow()
		}
		a.apply()
		for i, got := range torch.ReadFloat32s(w) {
			if math.Abs(float64(got)-want[i]) > 1e-5 {
				t.Errorf("value %d is %v, PyTorch's %v", i, got, want[i])
			}
		}
		a.withdraw()
		if got := torch.ReadFloat32s(w); got[0] != 19 {
			t.Errorf("the weights are %v afterwards", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
