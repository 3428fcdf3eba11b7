package audit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	cutsLong, cutsShort = 24, 6
	cutValues           = 8 << 20 // numbers that the short form keeps of the candles at most
)

// causality makes features, masks, edges and targets again of the candles up to
// many times, none of them later, and compares them with those of the whole; and
// the scaler of the train split alone with the one that is used. This finds what
// the program itself does wrong: what a file holds is the same in its past.
func causality(in Input) func(*data.Dataset) outcome {
	m := in.Market
	if m == nil {
		return func(d *data.Dataset) outcome {
			if f := compareScaler(d); f != nil {
				return outcome{findings: f, message: "the scaler was fitted again on the train split"}
			}
			return clean("the scaler is that of the train split; features and edges came with the graph")
		}
	}
	var cuts []past
	count, random := cutsLong, rand.New(rand.NewPCG(1, 2))
	if in.Short {
		count = cutsShort
	}
	for k := range count {
		t := (k*m.Bars + random.IntN(m.Bars)) / count
		part, from := in.Config.Past(m, t)
		if in.Short {
			if k > 0 && (k+1)*len(m.Symbols)*part.Bars*(5+len(m.Optional)) > cutValues {
				break
			}
			part = part.Clone()
		}
		cuts = append(cuts, past{part, from, t})
	}
	return func(d *data.Dataset) outcome {
		c := comparison{d: d, config: in.Config, places: map[string]int{}}
		for _, p := range cuts {
			if err := c.compare(p); err != nil {
				return skip("the candles up to bar %d could not be computed again: %v", p.to, err)
			}
		}
		if train := d.Snapshots(data.Train); !in.Short && len(train) > 0 {
			last := d.Bars()[train[len(train)-1]]
			p := past{m.Cut(0, last+1), 0, last}
			if err := c.compare(p); err != nil {
				return skip("the train split could not be computed again: %v", err)
			}
			cuts = append(cuts, p)
		}
		c.findings = append(c.findings, compareScaler(d)...)
		return outcome{findings: c.findings, message: fmt.Sprintf("%s made again of the candles up to %s", several(c.snapshots, "snapshot"), several(len(cuts), "time"))}
	}
}

// past is the candles up to bar to, which the snapshots from bar from on are made
// of.
type past struct {
	market   *data.Market
	from, to int
}

type comparison struct {
	d         *data.Dataset
	config    data.Config
	snapshots int
	findings  []Finding
	places    map[string]int // in findings, of each column
}

// compare makes the snapshots of the past and compares each with the dataset's.
func (c *comparison) compare(p past) error {
	panel, err := c.config.BuildCut(p.market, c.d.Panel)
	if err != nil || panel == nil {
		return err
	}
	targets, err := data.NewTargets(p.market, c.config.TargetConfig, c.config.MaxGap)
	if err != nil {
		return err
	}
	offset := p.to + 1 - p.market.Bars // of the part's bars from the whole's
	for s, bar := range c.d.Bars() {
		if bar < max(p.from, offset) || bar > p.to {
			continue
		}
		k, there := slices.BinarySearch(panel.OpenTimes(), c.d.OpenTimes()[s])
		if !there {
			c.add("mask", "", s, 1, 0, "the snapshot has nodes, and without the later candles it has none")
			continue
		}
		c.snapshots++
		c.compareNodes(panel, s, k)
		c.compareEdges(panel, s, k)
		c.compareTargets(targets, s, bar, bar-offset, p.to)
	}
	return nil
}

// add is a finding at snapshot s, of which the first of each column is kept.
func (c *comparison) add(column, symbol string, s int, value, expected float64, what string) {
	place, there := c.places[column]
	switch {
	case !there:
		place = len(c.findings)
		c.places[column], c.findings = place, append(c.findings, Finding{})
	case *c.findings[place].OpenTime <= c.d.OpenTimes()[s]:
		return
	}
	c.findings[place] = Finding{
		Column: column, Symbol: symbol, OpenTime: at(c.d.OpenTimes()[s]), Value: number(value), Expected: number(expected), What: what,
		Cause:  column + " is computed from candles later than its bar",
		Remedy: "report this defect of the program; do not trust a model that uses " + column,
	}
}

func (c *comparison) compareNodes(panel *data.Panel, s, k int) {
	d := c.d
	a, b, x, y := d.Mask(s), panel.Mask(k), d.X(s), panel.X(k)
	f := d.NumFeatures()
	for i, symbol := range d.Symbols {
		switch {
		case a[i] != b[i]:
			c.add("mask", symbol, s, truth(a[i]), truth(b[i]), fmt.Sprintf("whether %s takes part changes with later candles", symbol))
		case a[i]:
			for j, name := range d.Features {
				if v, w := x[i*f+j], y[i*f+j]; math.Float32bits(v) != math.Float32bits(w) {
					c.add(name, symbol, s, float64(v), float64(w), fmt.Sprintf("%s of %s is %v, and %v without the later candles", name, symbol, v, w))
				}
			}
		}
	}
}

func (c *comparison) compareEdges(panel *data.Panel, s, k int) {
	a, b := c.d.Edges(s), panel.Edges(k)
	for i, symbol := range c.d.Symbols {
		p, q := a.RowPtr[i], b.RowPtr[i]
		for ; p < a.RowPtr[i+1] || q < b.RowPtr[i+1]; p, q = p+1, q+1 {
			v, w := math.NaN(), math.NaN()
			same := p < a.RowPtr[i+1] && q < b.RowPtr[i+1] && a.Sources[p] == b.Sources[q]
			if p < a.RowPtr[i+1] && a.Attr != nil {
				v = float64(a.Attr[p])
			}
			if q < b.RowPtr[i+1] && b.Attr != nil {
				w = float64(b.Attr[q])
			}
			if !same || v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
				c.add("edges", symbol, s, v, w, fmt.Sprintf("edge %d to %s changes with later candles", p-a.RowPtr[i]+1, symbol))
				return
			}
		}
	}
}

// compareTargets compares what has happened by bar to: a target that is known by
// then does not change, and no other one is known.
func (c *comparison) compareTargets(y *data.Targets, s, bar, own, to int) {
	class, value := c.d.Targets.At(s)
	wantClass, wantValue := y.At(own)
	h := c.d.Targets.NumHorizons()
	for i, there := range c.d.Mask(s) {
		for k := range h {
			n := i*h + k
			if !there || bar+c.d.Targets.Reach(k) > to || class[n] == wantClass[n] && value[n] == wantValue[n] {
				continue
			}
			c.add("targets", c.d.Symbols[i], s, float64(value[n]), float64(wantValue[n]),
				fmt.Sprintf("the return over %s changes with candles after its end", several(c.d.Targets.Horizons[k], "bar")))
		}
	}
}

// compareScaler fits the scaler again on the train split alone.
func compareScaler(d *data.Dataset) (findings []Finding) {
	train := d.Snapshots(data.Train)
	if len(train) == 0 || d.Timeless() {
		return nil // of a graph without time a split is some nodes of one snapshot
	}
	s, err := data.FitScaler(d.Panel, train)
	if err != nil {
		return nil
	}
	for _, part := range []struct {
		name       string
		used, want []float32
	}{{"mean", d.Mean, s.Mean}, {"deviation", d.Std, s.Std}, {"lower limit", d.Low, s.Low}, {"upper limit", d.High, s.High}} {
		var names []string
		first := -1
		for j := range part.used {
			if part.used[j] != part.want[j] {
				names = append(names, d.Features[j])
				if first < 0 {
					first = j
				}
			}
		}
		if first < 0 {
			continue
		}
		findings = append(findings, Finding{
			Column: few(names), OpenTime: at(d.OpenTimes()[0]), Value: number(float64(part.used[first])), Expected: number(float64(part.want[first])),
			What:   fmt.Sprintf("the %s that %s is scaled by is %v, and %v on the train split alone", part.name, d.Features[first], part.used[first], part.want[first]),
			Cause:  "the scaler was fitted on more than the train split",
			Remedy: "report this defect of the program; the test split's scores are not to be trusted",
		})
	}
	return findings
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func join(names []string) string { return strings.Join(names, ", ") }
