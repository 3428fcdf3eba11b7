package torch_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestAStepThatIsNotFiniteUpdatesNothing(t *testing.T) {
	huge, inf, nan := float32(3e38), float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		loss     float32
		gradient []float32
		finite   bool
	}{
		"a healthy step":                  {0.5, []float32{3, 4}, true},
		"an infinite gradient":            {0.5, []float32{1, inf}, false},
		"a gradient that is not a number": {0.5, []float32{nan, 1}, false},
		"a norm past float32":             {0.5, []float32{huge, huge}, false},
		"an infinite loss":                {inf, []float32{3, 4}, false},
		"a loss that is not a number":     {nan, []float32{3, 4}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := in(newThread(t), func(s *torch.Scope) error {
				w := torch.RequireGrad(s.Float32s([]float32{1, 2}, 2))
				adam := torch.Own(s, torch.NewAdam([]torch.Tensor{w}, torch.AdamConfig{LearningRate: 0.1}))
				torch.BackwardFrom(w, s.Float32s(c.gradient, 2))
				r := adam.Step(s.Float32s([]float32{c.loss}, 1), 1)
				if r.Finite() != c.finite {
					t.Errorf("%+v", r)
				}
				if c.finite && (r.Loss != float64(c.loss) || r.GradNorm != 5) {
					t.Errorf("%+v, want the loss 0.5 and the norm 5", r)
				}
				state := adam.State(s, 0)
				untouched := slices.Equal(torch.ReadFloat32s(w), []float32{1, 2}) &&
					slices.Equal(torch.ReadFloat32s(state.ExpAvg), []float32{0, 0}) &&
					slices.Equal(torch.ReadFloat32s(state.ExpAvgSq), []float32{0, 0}) && torch.Item(state.Step) == 0
				if untouched == c.finite {
					t.Errorf("the weights are %v after it", torch.ReadFloat32s(w))
				}
				// Its gradient is gone, so that the next step starts anew.
				torch.BackwardFrom(w, s.Float32s([]float32{3, 4}, 2))
				if next := adam.Step(torch.Tensor{}, 1); next.GradNorm != 5 {
					t.Errorf("the next step has the norm %v, want 5", next.GradNorm)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The fused kernel reads raw memory as the parameter is laid out.
func TestAParameterOfAnotherLayoutOrTypeThanItsMomentsIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"transposed":         {"    return x.t()\n", "strides [1, 2]"},
		"of double accuracy": {"    return x.double()\n", "Adam step: parameter 0 has shape [2, 2], strides [2, 1], type Double"},
	} {
		t.Run(name, func(t *testing.T) {
			err := in(newThread(t), func(s *torch.Scope) error {
				w := torch.RequireGrad(s.Float32s([]float32{1, 2, 3, 4}, 2, 2))
				adam := torch.Own(s, torch.NewAdam([]torch.Tensor{w}, torch.AdamConfig{LearningRate: 0.1}))
				torch.SetData(w, script(s, c.body, w, w, torch.Tensor{}))
				torch.BackwardFrom(w, script(s, c.body, s.Float32s([]float32{1, 1, 1, 1}, 2, 2), w, torch.Tensor{}))
				adam.Step(torch.Tensor{}, 0)
				return nil
			})
			var e *torch.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error of %q", err, c.says)
			}
		})
	}
}

func TestAParameterDecaysByItsOwnWeightDecay(t *testing.T) {
	for name, decoupled := range map[string]bool{"Adam": false, "AdamW": true} {
		t.Run(name, func(t *testing.T) {
			err := in(newThread(t), func(s *torch.Scope) error {
				step := func(own float64, set bool) []float32 {
					parameters := []torch.Tensor{torch.RequireGrad(s.Float32s([]float32{1, 2}, 2)), torch.RequireGrad(s.Float32s([]float32{3, 4}, 2))}
					adam := torch.Own(s, torch.NewAdam(parameters, torch.AdamConfig{LearningRate: 0.1, WeightDecay: 0.5, Decoupled: decoupled}))
					if set {
						adam.SetWeightDecay(1, own)
					}
					var values []float32
					for _, p := range parameters {
						torch.BackwardFrom(p, s.Float32s([]float32{1, -1}, 2))
					}
					adam.Step(torch.Tensor{}, 0)
					for i, p := range parameters {
						values = append(append(values, torch.ReadFloat32s(p)...), torch.ReadFloat32s(adam.State(s, i).ExpAvg)...)
					}
					return values
				}
				all, first := step(0, false), step(0, true)
				if !slices.Equal(all[:4], first[:4]) {
					t.Errorf("the first parameter became %v, and %v where the second does not decay", all[:4], first[:4])
				}
				if slices.Equal(all[4:], first[4:]) {
					t.Error("the second parameter decays")
				}
				if same := step(0.5, true); !slices.Equal(all, same) {
					t.Errorf("the same decay, set apart, gives %v, not %v", same, all)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	err := in(newThread(t), func(s *torch.Scope) error {
		adam := torch.Own(s, torch.NewAdam([]torch.Tensor{torch.RequireGrad(s.Float32s([]float32{1}, 1))}, torch.AdamConfig{LearningRate: 0.1}))
		adam.SetWeightDecay(1, 0)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "parameter 1 of 1") {
		t.Errorf("got %v", err)
	}
}
