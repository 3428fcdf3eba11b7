package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// ensemble is several networks of one shape as one model, whose outputs are
// averaged (Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017): values as they
// are; of logits the probabilities, of whose mean the output is the log, so that a
// softmax gives it.
type ensemble struct {
	config  Config
	members []Model
}

// newEnsemble calls seed before it draws the weights of a member.
func newEnsemble(d torch.Device, c Config, seed func(member int)) (Model, error) {
	e := &ensemble{config: c}
	whole := false
	defer func() {
		if !whole { // a member failed or panicked: those before it are freed
			e.Close()
		}
	}()
	one := c
	one.Members = 1
	for i := range c.Members {
		seed(i)
		m, err := newSingle(d, one)
		if err != nil {
			return nil, err
		}
		e.members = append(e.members, m)
	}
	whole = true
	return e, nil
}

// Members are the networks that are trained each by itself: those of an ensemble,
// or the model alone.
func Members(m Model) []Model {
	if e, ok := m.(*ensemble); ok {
		return e.members
	}
	return []Model{m}
}

func (e *ensemble) Config() Config { return e.config }

// Forward averages. In evaluation mode what one member computes on the way is freed
// before the next one begins.
func (e *ensemble) Forward(s *Scope, b *Batch, training bool) Tensor {
	outputs := make([]Tensor, len(e.members))
	for i, m := range e.members {
		outputs[i] = forward(s, m, b, training)
	}
	return s.Mean(outputs, e.config.Classes)
}

func forward(s *Scope, m Model, b *Batch, training bool) Tensor {
	if training {
		return m.Forward(s, b, true)
	}
	step := torch.NewScope()
	defer step.Close()
	return s.Clone(m.Forward(step, b, false))
}

// Prepare implements Model. What is derived of a graph serves all members.
func (e *ensemble) Prepare(g *Graph) {
	for _, m := range e.members {
		m.Prepare(g)
	}
}

// Parameters are members.0.*, members.1.*, ...
func (e *ensemble) Parameters() []Parameter {
	var all []Parameter
	for i, m := range e.members {
		all = append(all, prefixed(fmt.Sprintf("members.%d", i), m.Parameters())...)
	}
	return all
}

func (e *ensemble) Script() *torch.Module {
	var calls []string
	last := "edge_weight: Optional[Tensor] = None"
	given := "edge_weight"
	if readsPresence(e) {
		last, given = "edge_weight: Optional[Tensor], present: Tensor", "edge_weight, present"
	}
	return script("Ensemble", func(net *torch.Module) {
		child(net, "members", script("Ensemble_members", func(members *torch.Module) {
			for i, m := range e.members {
				child(members, fmt.Sprint(i), m.Script())
				calls = append(calls, fmt.Sprintf("getattr(self.members, \"%d\").forward(x, edge_index, %s)", i, given))
			}
		}))
		mean := "outputs.mean(0)"
		if c := e.config.Classes; c > 0 {
			mean = fmt.Sprintf("(torch.logsumexp(torch.log_softmax(outputs.view(%d, -1, %d), -1), 0) - %v).view(outputs.size(1), -1)", len(e.members), c, math.Log(float64(len(e.members))))
		}
		net.Define(fmt.Sprintf("\ndef forward(self, x: Tensor, edge_index: Tensor, %s) -> Tensor:\n"+
			"    outputs = torch.stack([%s])\n    return %s\n", last, strings.Join(calls, ", "), mean))
	})
}

// Close implements Model.
func (e *ensemble) Close() {
	for _, m := range e.members {
		m.Close()
	}
}
