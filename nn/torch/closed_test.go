package torch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// script runs the body of a TorchScript forward(x, y, z), for what the package
// has no operation for.
func script(s *torch.Scope, body string, x, y, z torch.Tensor) torch.Tensor {
	m := torch.Own(s, torch.NewModule("Test"))
	m.Define("def forward(self, x: Tensor, y: Tensor, z: Optional[Tensor] = None) -> Tensor:\n" + body)
	return s.Forward(m, x, y, z)
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	parameter := func(s *torch.Scope) torch.Tensor { return torch.RequireGrad(s.Float32s([]float32{1, 2}, 2)) }
	adjacency := func() *torch.Adjacency {
		a := torch.NewAdjacency(2, []int64{0, 1}, nil)
		a.Close()
		return a
	}
	optimiser := func(s *torch.Scope) *torch.Adam {
		a := torch.NewAdam([]torch.Tensor{parameter(s)}, torch.AdamConfig{LearningRate: 1})
		a.Close()
		return a
	}
	module := func() *torch.Module {
		m := torch.NewModule("Closed")
		m.Close()
		return m
	}
	stale := func() torch.Tensor {
		s := torch.NewScope()
		defer s.Close()
		return parameter(s)
	}
	for name, c := range map[string]struct {
		says string
		do   func(s *torch.Scope)
	}{
		"an adjacency multiplied by": {"the adjacency is closed", func(s *torch.Scope) { s.Matmul(adjacency(), s.Float32s([]float32{1, 2}, 2, 1)) }},
		"an adjacency of a layer": {"the adjacency is closed", func(s *torch.Scope) {
			s.Layer(adjacency(), s.Float32s([]float32{1, 2}, 2, 1), s.Float32s([]float32{1}, 1, 1), torch.Tensor{}, 0, torch.Draw{})
		}},
		"an adjacency of peers": {"the adjacency is closed", func(s *torch.Scope) {
			x := s.Float32s([]float32{1, 2}, 2, 1)
			s.PeerLayer(adjacency(), []int{0, 2}, x, []torch.Tensor{x, x, x, x, x, x, x, x})
		}},
		"an adjacency batched":         {"the adjacency is closed", func(*torch.Scope) { torch.CatAdjacency([]*torch.Adjacency{adjacency()}, torch.CPU) }},
		"an adjacency converted":       {"the adjacency is closed", func(*torch.Scope) { adjacency().UseLibtorch() }},
		"an optimiser's step":          {"the optimiser is closed", func(s *torch.Scope) { optimiser(s).Step(torch.Tensor{}, 1) }},
		"an optimiser's state":         {"the optimiser is closed", func(s *torch.Scope) { optimiser(s).State(s, 0) }},
		"a module's parameter":         {"the module is closed", func(s *torch.Scope) { module().Parameter("w", parameter(s)) }},
		"a module's buffer":            {"the module is closed", func(s *torch.Scope) { module().Buffer("w", parameter(s)) }},
		"a module's source":            {"the module is closed", func(*torch.Scope) { module().Define("") }},
		"a module's child":             {"the submodule is closed", func(s *torch.Scope) { torch.Own(s, torch.NewModule("Parent")).Child("c", module()) }},
		"a module saved":               {"the module is closed", func(*torch.Scope) { module().Save("x", nil) }},
		"a module run":                 {"the module is closed", func(s *torch.Scope) { s.Forward(module(), parameter(s), parameter(s), torch.Tensor{}) }},
		"a tensor read":                {"scope that it was made in is closed", func(*torch.Scope) { torch.ReadFloat32s(stale()) }},
		"a tensor's value":             {"scope that it was made in is closed", func(*torch.Scope) { torch.Item(stale()) }},
		"a tensor's shape":             {"scope that it was made in is closed", func(*torch.Scope) { stale().Shape() }},
		"a tensor, in csrc":            {"scope that it was made in is closed", func(s *torch.Scope) { s.Softmax(stale()) }},
		"a tensor, in gotorch":         {"scope that it was made in is closed", func(s *torch.Scope) { s.Relu(stale()) }},
		"a tensor that gotorch made":   {"scope that it was made in is closed", func(s *torch.Scope) { s.Add(parameter(s), stale()) }},
		"a tensor optimised":           {"scope that it was made in is closed", func(*torch.Scope) { torch.NewAdam([]torch.Tensor{stale()}, torch.AdamConfig{}) }},
		"the zero tensor, in gotorch":  {"the zero Tensor", func(s *torch.Scope) { s.Relu(torch.Tensor{}) }},
		"the zero tensor, in csrc":     {"a tensor handle is NULL", func(s *torch.Scope) { s.Softmax(torch.Tensor{}) }},
		"the zero tensor's own shape":  {"the zero Tensor", func(*torch.Scope) { torch.Tensor{}.Shape() }},
		"a row that is not there":      {"taking row 2 of 2", func(s *torch.Scope) { s.Take(s.Float32s(make([]float32, 4), 2, 2), []int64{0, 2}) }},
		"a device that cannot be":      {"device 300 is neither", func(s *torch.Scope) { s.To(parameter(s), 300) }},
		"a parameter that is no float": {"it must be of a floating type", func(s *torch.Scope) { torch.NewAdam([]torch.Tensor{s.Int64s([]int64{1}, 1)}, torch.AdamConfig{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			err := in(newThread(t), func(s *torch.Scope) error {
				c.do(s)
				return nil
			})
			var e *torch.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a *torch.Error of %q", err, c.says)
			}
		})
	}
}

func TestASecondCloseDoesNothing(t *testing.T) {
	err := in(newThread(t), func(_ *torch.Scope) error {
		inner := torch.NewScope()
		inner.Float32s([]float32{1}, 1)
		a := torch.Own(inner, torch.NewAdjacency(1, nil, nil))
		inner.Close()
		inner.Close()
		a.Close()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What makes several handles makes them in a scope, so that a failure half way
// leaks none, and what is done is handed over whole.
func TestAScopeOwnsWhatIsHalfMadeAndReleasesWhatIsDone(t *testing.T) {
	build := func(fails bool) *torch.Scope {
		s := torch.NewScope()
		defer s.Close()
		w := torch.RequireGrad(s.Float32s([]float32{1, 2}, 2))
		torch.Own(s, torch.NewAdjacency(2, nil, nil))
		torch.Own(s, torch.NewAdam([]torch.Tensor{w}, torch.AdamConfig{LearningRate: 1}))
		m := torch.Own(s, torch.NewModule("Half"))
		if fails {
			m.Define("no TorchScript")
		}
		return s.Release()
	}
	thread := newThread(t)
	before := torch.LiveHandles()
	if err := thread.Do(func() error { build(true); return nil }); err == nil {
		t.Error("it does not fail")
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("a failure leaks %d handles", left)
	}
	err := thread.Do(func() error {
		owner := build(false)
		if made := torch.LiveHandles() - before; made != 4 {
			t.Errorf("%d handles are released, want 4", made)
		}
		owner.Close()
		return nil
	})
	if left := torch.LiveHandles() - before; err != nil || left != 0 {
		t.Errorf("%d handles are left: %v", left, err)
	}
}
