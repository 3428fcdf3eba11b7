package metrics

import (
	"sync"
	"time"
)

// Phase is what a run is at.
type Phase string

// The phases, in their order. A run need not come through all of them.
const (
	Starting      Phase = "starting" // the device, the store, what earlier starts have left
	Loading       Phase = "loading"
	BuildingGraph Phase = "building_graph"
	StoringGraph  Phase = "storing_graph"
	Searching     Phase = "searching" // settings, with gnn-trainer tune
	Training      Phase = "training"
	StoringModel  Phase = "storing_model"
	Evaluating    Phase = "evaluating"
	Comparing     Phase = "baseline" // the baseline's training
	Finishing     Phase = "finishing"
)

var allPhases = []Phase{Starting, Loading, BuildingGraph, Searching, StoringGraph, Training, StoringModel, Evaluating, Comparing, Finishing}

// phases keeps the time spent in each.
type phases struct {
	mu    sync.Mutex
	now   Phase
	since time.Time
	spent map[Phase]time.Duration
}

func (p *phases) begin(at time.Time) {
	p.now, p.since, p.spent = Starting, at, map[Phase]time.Duration{}
}

func (p *phases) enter(next Phase, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent[p.now] += at.Sub(p.since)
	p.now, p.since = next, at
}

// read is the phase under way, and the seconds spent in one, up to at.
func (p *phases) read(one Phase, at time.Time) (now Phase, seconds float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	spent := p.spent[one]
	if one == p.now {
		spent += at.Sub(p.since)
	}
	return p.now, spent.Seconds()
}

// Enter says that the run has come to a phase.
func (m *Metrics) Enter(p Phase) { m.phases.enter(p, time.Now()) }
