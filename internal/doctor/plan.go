package doctor

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
)

// plan is how large the planned run will be, as far as that is known. The
// checks of sources update it.
type plan struct {
	config config.Config

	mu    sync.Mutex
	nodes int64 // N; 0: not known
	bars  int64 // T; 0: not known
	cells int64 // N x T, where a source knows no more than that
	edges int64 // of all snapshots, where they come with the data
	held  bool  // CACHE_DIR holds the market already

	length   length
	prepared bool // a graph, in place of a market
}

func newPlan(c config.Config, now time.Time) *plan {
	e := c.Source.Extent(now)
	p := &plan{config: c, nodes: e.Symbols, bars: e.Bars}
	switch {
	case c.Source.Source == source.Simulated:
		p.length = exactly(e.Bars)
	case e.Bars > 0: // and one more, of a range that begins and ends between two bars
		p.length = length{most: e.Bars, more: 1, bounded: true}
	}
	return p
}

// length is T, the bars of a market, as far as it is known.
type length struct {
	most, more int64 // where bounded: there are most of them, or less, and by some chance more beside them
	bounded    bool
	about      int64 // by a guess; 0: nothing to guess by
}

func exactly(bars int64) length { return length{most: bars, bounded: true} }

// update adds what a source has reported.
func (p *plan) update(add func(*plan)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(p)
}

// size is what the formulas are of.
type size struct {
	nodes, bars, cells, edges int64 // N, T, N x T, E x T
}

// size is that of the run; false: it is not known.
func (p *plan) size() (size, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := size{nodes: p.nodes, bars: p.bars, cells: p.cells, edges: p.edges}
	if p.nodes > 0 && p.bars > 0 {
		if s.cells == 0 || s.cells > p.nodes*p.bars { // documents outside the range are not read
			s.cells = p.nodes * p.bars
		}
	}
	if s.cells == 0 {
		return s, false
	}
	c := p.config
	if s.edges == 0 && c.Data.Edges != data.EdgesNone {
		neighbours := 0
		for _, kind := range c.Data.EdgeTypes() {
			nodes := math.MaxInt32
			if p.nodes > 0 {
				nodes = int(p.nodes)
			}
			neighbours += c.Data.EdgesPerNode(kind, nodes)
		}
		if neighbours >= math.MaxInt32-1 { // all may be, of as many as there are
			return s, false
		}
		s.edges = s.cells * int64(neighbours)
	}
	return s, true
}

func (s size) String() string {
	market := fmt.Sprintf("%d rows", s.cells)
	if s.nodes > 0 && s.bars > 0 {
		market = fmt.Sprintf("%d symbols x %d bars", s.nodes, s.bars)
	}
	return fmt.Sprintf("%s with %d edges", market, s.edges)
}

// disk is what the result and its checkpoints take in STORE_DIR, in bytes:
//
//	C (4 F + 12 H + 1) + 24 E    dataset.pt, or what of it DATASET keeps
//	24 C                         predictions.parquet; with FOLDS a fifth more
//	80 P                         five checkpoints of P weights with their moments, in each fold
//	4 MiB                        the rest
func (p *plan) disk(s size) int64 {
	f := p.config.Data.Features.Most()
	network := p.config.Model.Network()
	network.Nodes = int(s.nodes)
	network.Features, network.Outputs = f, 3*len(p.config.Data.Horizons)
	weights, rows, folds := int64(network.Parameters()), s.cells, int64(max(1, p.config.Data.Count))
	if folds > 1 {
		rows += rows / 5
	}
	return p.dataset(s, f) + 24*rows + 80*weights*folds + 4<<20
}

// dataset is what dataset.pt takes of it.
func (p *plan) dataset(s size, features int) int64 {
	edge := int64(24) // two nodes, weight, attribute
	if len(p.config.Data.EdgeTypes()) > 1 {
		edge += 8
	}
	all := s.cells*int64(4*features+12*len(p.config.Data.Horizons)+1) + edge*s.edges
	part := func(share float64) int64 { return int64(math.Ceil(share * float64(all))) }
	switch kept := p.config.Output.Dataset; kept.Which {
	case config.DatasetNone:
		return 0
	case config.DatasetAll:
		return all
	case config.DatasetNewest:
		if s.bars > 0 {
			return part(min(1, float64(kept.Newest)/float64(s.bars)))
		}
		return all
	case config.DatasetTest:
		if c := p.config.Data; c.TrainEnd.IsZero() && c.ValidEnd.IsZero() {
			return part(max(0, 1-c.TrainFraction-c.ValidFraction))
		}
		return all // no share is known
	}
	return min(all, job.MaxDataset)
}

// cache is what CACHE_DIR still takes for the market, in bytes: candles of eight
// numbers, before they are packed.
func (p *plan) cache(s size) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held {
		return 0
	}
	return 64 * s.cells
}
