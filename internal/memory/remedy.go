package memory

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// change is a lower value of a variable; the zero one changes nothing.
type change struct {
	batch, hidden, layers int
	share                 float64 // of the data
}

// Remedy names the variables to lower, and to what, so that a part of the
// estimate (its host's memory, or its device's) takes no more than four fifths
// of what there is. The largest part comes first.
func Remedy(s Size, c Settings, there int64, part func(Estimate) int64) string {
	fits := func(to change) bool {
		size, settings := to.of(s, c)
		return part(Of(size, settings)) <= there/10*8
	}
	e := Of(s, c)
	batches, hidden, layers, shares := s.batches(c), c.hidden(), c.layers(), shares()
	ways := [][]change{batches, hidden, layers}
	switch {
	case e.Data > e.Weights && e.Data > e.Batch && e.Device < e.Data:
		ways = [][]change{shares, batches, hidden}
	case e.Weights > e.Batch:
		ways = [][]change{hidden, layers, batches}
	}
	for _, way := range append(ways, combined(hidden, batches), combined(combined(hidden, batches), shares)) {
		for _, to := range way {
			if fits(to) {
				return to.text(s)
			}
		}
	}
	return "give the run more memory"
}

// batches are lower values of BATCH_SIZE, powers of two, the highest first.
func (s Size) batches(c Settings) (all []change) {
	if s.Static || s.Nodes == 0 {
		return nil
	}
	takes := s.batchRows(c.BatchSize) / s.Nodes
	for b := int64(1) << bits.Len64(uint64(max(takes-1, 1))) / 2; b >= 1 && b < takes; b /= 2 {
		all = append(all, change{batch: int(b)})
	}
	return all
}

// hidden are lower values of HIDDEN, those that HEADS divides where it does now.
func (c Settings) hidden() (all []change) {
	for h := c.Model.Hidden / 2; h >= 4; h /= 2 {
		if heads := c.Model.Heads; heads > 0 && c.Model.Hidden%heads == 0 && h%heads != 0 {
			h = max(heads, h/heads*heads)
			if len(all) > 0 && h >= all[len(all)-1].hidden {
				break
			}
		}
		all = append(all, change{hidden: h})
	}
	return all
}

func (c Settings) layers() (all []change) {
	for l := c.Model.Layers / 2; l >= 1; l /= 2 {
		all = append(all, change{layers: l})
	}
	return all
}

func shares() (all []change) {
	for _, share := range []float64{0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001} {
		all = append(all, change{share: share})
	}
	return all
}

// combined are the changes of one kind with those of another.
func combined(first, second []change) (all []change) {
	for _, a := range first {
		for _, b := range second {
			both := a
			both.batch, both.share = max(a.batch, b.batch), max(a.share, b.share)
			all = append(all, both)
		}
	}
	return all
}

// of are size and settings after the change.
func (to change) of(s Size, c Settings) (Size, Settings) {
	if to.batch > 0 {
		c.BatchSize = to.batch
	}
	if to.hidden > 0 {
		c.Model.Hidden = to.hidden
	}
	if to.layers > 0 {
		c.Model.Layers = to.layers
	}
	c.Others = slices.Clone(c.Others)
	for i := range c.Others { // of the same variables
		c.Others[i].Hidden, c.Others[i].Layers = c.Model.Hidden, c.Model.Layers
	}
	if to.share > 0 {
		scale := func(n int64) int64 { return max(1, int64(float64(n)*to.share)) }
		s.Rows, s.Edges = scale(s.Rows), scale(s.Edges)
		if s.Held > 0 {
			s.Held = scale(s.Held)
		}
		if s.Static {
			s.Nodes = scale(s.Nodes)
		} else {
			s.Snapshots, s.Train = scale(s.Snapshots), scale(s.Train)
		}
	}
	return s, c
}

func (to change) text(s Size) string {
	var parts []string
	for _, p := range []struct {
		name  string
		value int
	}{{"HIDDEN", to.hidden}, {"LAYERS", to.layers}, {"BATCH_SIZE", to.batch}} {
		if p.value > 0 {
			parts = append(parts, fmt.Sprintf("%s to %d", p.name, p.value))
		}
	}
	text := ""
	if parts != nil {
		text = "lower " + strings.Join(parts, " and ")
	}
	if to.share > 0 {
		if text != "" {
			text += ", and "
		}
		data := "load a shorter range (LOOKBACK, START) or fewer SYMBOLS"
		if s.Static {
			data = "save a smaller graph"
		}
		text += fmt.Sprintf("%s, about %.3g %% of it", data, 100*to.share)
	}
	return text + ", or give the run more memory"
}
