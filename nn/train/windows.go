package train

import (
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// past is what a model looks back on.
type past struct {
	width int // bars of a window; 0: the newest alone
	// perBar: its graph layers see each bar of a window, on the newest bar's edges.
	// Snapshots whose edges differ share no run then.
	perBar bool
}

func pastOf(c nn.Config) past {
	if !c.Encoded() {
		return past{}
	}
	m, _ := catalog.Lookup(c.Type)
	return past{width: c.Window, perBar: m.BeforeEncoder}
}

// runs cuts snapshots, which rise, into runs of consecutive bars, each of at most
// longest; without a past each is alone.
func (w past) runs(in *inputs, snapshots []int, longest int) [][]int {
	var all [][]int
	for _, t := range snapshots {
		if k := len(all) - 1; k >= 0 && len(all[k]) < longest && w.follows(in, all[k][len(all[k])-1], t) {
			all[k] = append(all[k], t)
			continue
		}
		all = append(all, []int{t})
	}
	return all
}

// joined are the runs of a batch, and how many bars each of them takes: as many as
// the longest needs. Pieces of a batch that happen to meet stay apart where joining
// them would make the others longer than it saves.
func (w past) joined(in *inputs, snapshots []int) (runs [][]int, bars int) {
	for _, longest := range []int{len(snapshots), catalog.RunLength} {
		cut, most := w.runs(in, snapshots, longest), 0
		for _, run := range cut {
			most = max(most, len(run))
		}
		if each := w.width - 1 + most; runs == nil || len(cut)*each < len(runs)*bars {
			runs, bars = cut, each
		}
	}
	return runs, bars
}

// follows tells whether snapshot u can be in a run that ends with t.
func (w past) follows(in *inputs, t, u int) bool {
	return w.width > 0 && in.panel.Bar(u) == in.panel.Bar(t)+1 && (!w.perBar || in.graphs[in.at(t)] == in.graphs[in.at(u)])
}

// lookback are the snapshots whose bars are in the windows of some.
func (w past) lookback(p *data.Panel, snapshots []int) []int {
	needed := map[int]bool{}
	for _, t := range snapshots {
		needed[t] = true
		for bar := p.Bar(t) - w.width + 1; bar < p.Bar(t); bar++ {
			if u, ok := p.SnapshotAt(bar); ok {
				needed[u] = true
			}
		}
	}
	all := make([]int, 0, len(needed))
	for t := range needed {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

// windowed joins snapshots, in any order, with their windows.
func (in *inputs) windowed(s *nn.Scope, snapshots []int) *nn.Batch {
	order := make([]int, len(snapshots)) // places of snapshots, rising in time
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return snapshots[a] - snapshots[b] })
	rising := make([]int, len(order))
	for i, k := range order {
		rising[i] = snapshots[k]
	}
	runs, bars := in.past.joined(in, rising)
	w := &nn.Windows{Width: in.past.width, Places: make([]nn.Place, len(snapshots))}
	index := make([]int64, 0, len(runs)*bars)
	runGraphs, next := make([]*nn.Graph, len(runs)), 0
	for r, run := range runs {
		first := in.panel.Bar(run[0]) - in.past.width + 1
		for j := range bars { // past a run's end too, for one shape: what is there decides nothing
			index = append(index, in.rowOf(first+j))
		}
		runGraphs[r] = in.graphs[in.at(run[0])]
		for k := range run {
			w.Places[order[next]] = nn.Place{Run: r, Bar: k}
			next++
		}
	}
	graphs := make([]*nn.Graph, len(snapshots))
	for i, t := range snapshots {
		graphs[i] = in.graphs[in.at(t)]
	}
	w.Runs = nn.NewBatch(s.TakeRuns(in.x, index, len(runs)), runGraphs, in.device)
	return nn.NewWindowed(w, graphs, in.device)
}

// rowOf is the row of x of a bar; that of no snapshot is the last one, which is raw
// zeros as masked nodes are.
func (in *inputs) rowOf(bar int) int64 {
	if t, ok := in.panel.SnapshotAt(bar); ok {
		if at, held := in.row(t); held {
			return int64(at)
		}
	}
	return int64(len(in.graphs))
}
