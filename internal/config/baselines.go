package config

import (
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// The baselines that are a network, trained as the model is.
const (
	BaselineNoEdges       = "no_edges"       // the same, without edges
	BaselineShuffledEdges = "shuffled_edges" // the same, with other sources, by one law for all snapshots
	BaselineMixer         = "mixer"          // ENCODER=mixer without a graph, on the same windows
)

const (
	allSignals  = "signals" // every signal without parameters
	noBaselines = "none"
)

// Baselines are the methods that the model is compared with, each once, in the
// order in which they are given.
type Baselines []string

// UnmarshalText implements encoding.TextUnmarshaler: names, separated by commas,
// or none.
func (b *Baselines) UnmarshalText(text []byte) error {
	var list Baselines
	for _, word := range strings.Split(string(text), ",") {
		switch word = strings.TrimSpace(word); word {
		case allSignals:
			list = append(list, data.SignalNames()...)
		case noBaselines:
			if string(text) != noBaselines {
				list = append(list, word) // beside others it is none of them
			}
		default:
			list = append(list, word)
		}
	}
	*b = nil
	for _, name := range list {
		if !slices.Contains(*b, name) {
			*b = append(*b, name)
		}
	}
	return nil
}

// String is the inverse of UnmarshalText, with the names of the signals.
func (b Baselines) String() string {
	if len(b) == 0 {
		return noBaselines
	}
	return strings.Join(b, ",")
}

// Has reports whether a baseline is asked for.
func (b Baselines) Has(name string) bool { return slices.Contains(b, name) }

// TrainsTwin reports whether the network is trained a second time, without edges:
// with EDGES=none, or a model that reads none, it has none.
func (c Config) TrainsTwin() bool {
	return c.Train.Baselines.Has(BaselineNoEdges) && c.readsEdges()
}

func (c Config) readsEdges() bool {
	model, _ := catalog.Lookup(c.Model.Type)
	return c.Data.Edges != data.EdgesNone && !model.EdgeFree
}

// TrainsShuffled reports whether it is trained once more, with shuffled edges.
func (c Config) TrainsShuffled() bool {
	return c.Train.Baselines.Has(BaselineShuffledEdges) && c.readsEdges()
}

// TrainsMixer reports whether a mixer of the windows is trained, too: where the model
// is that network itself, it is not.
func (c Config) TrainsMixer() bool {
	return c.Train.Baselines.Has(BaselineMixer) && c.Model.Network().Encoded() && c.Model != c.WithMixer().Model
}

// WithMixer is c with the network of the baseline mixer in the model's place.
func (c Config) WithMixer() Config {
	c.Model.Type, c.Model.Encoder = "none", "mixer"
	return c
}

// Trainings are how many networks are trained, the model among them.
func (c Config) Trainings() int {
	count := 1
	for _, more := range []bool{c.TrainsTwin(), c.TrainsShuffled(), c.TrainsMixer()} {
		if more {
			count++
		}
	}
	return count
}

// Signals are those that the dataset has to hold.
func (b Baselines) Signals() []string {
	var names []string
	for _, name := range data.SignalNames() {
		if b.Has(name) {
			names = append(names, name)
		}
	}
	return names
}

// baselineNames are all that BASELINES may list.
func baselineNames() []string {
	return append([]string{"prior", allSignals, "ridge", "lightgbm", BaselineNoEdges, BaselineShuffledEdges, BaselineMixer}, data.SignalNames()...)
}

func (b Baselines) problems(faults *fault.List) {
	for _, name := range b {
		if slices.Contains(baselineNames(), name) {
			continue
		}
		f := fault.Input("BASELINES names %q", name).At("BASELINES").Fix("set a list of %s, or none", strings.Join(baselineNames(), ", "))
		if meant := spelling.Closest(name, baselineNames()); meant != "" {
			f = f.Fix("set %s in its place", meant)
		}
		faults.Add(f)
	}
}
