package train

import "github.com/streamforge/gnn-trainer/data"

// wiring is over which edges a network receives messages: over those of the panel,
// over none, or over rewired ones.
type wiring struct {
	isolated, shuffled bool
	seed               int64
}

func (n *Network) wiring() wiring {
	return wiring{isolated: n.Isolated, shuffled: n.Shuffled, seed: n.Seed}
}

// of gives the edges of a panel's snapshots; nil where there are none.
func (w wiring) of(p *data.Panel) func(t int) data.Edges {
	switch {
	case w.isolated:
		return nil
	case w.shuffled:
		r := data.NewRewiring(p.NumNodes(), w.seed)
		return func(t int) data.Edges { return r.Edges(p.Edges(t), p.Mask(t)) }
	}
	return p.Edges
}
