package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

// noise is the dropout of one forward pass: each place in the network draws
// numbers of its own, in the order in which they are asked for.
type noise struct {
	p     float64 // 0 outside training
	draws Draws
	next  int
}

func newNoise(b *Batch, p float64, training bool) *noise {
	if !training {
		p = 0
	}
	return &noise{p: p, draws: b.Draws}
}

// drop is dropout of x.
func (n *noise) drop(s *Scope, x Tensor) Tensor {
	if n.p == 0 {
		return x
	}
	return s.KeyedDropout(x, n.p, n.draw())
}

// relu is dropout of max(x, 0).
func (n *noise) relu(s *Scope, x Tensor) Tensor {
	if n.p == 0 {
		return s.Relu(x)
	}
	return s.ReluDropout(x, n.p, n.draw())
}

// draw is what the next place draws; nothing without dropout.
func (n *noise) draw() torch.Draw {
	if n.p == 0 {
		return torch.Draw{}
	}
	d := n.draws.Of(n.next)
	n.next++
	return d
}
