package data

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// FromPyG makes a dataset of one graph without time, such as a citation network
// or a prepared market graph. Each split is a snapshot; all share x and the
// edges, and each shows the labels of its own nodes only: train, valid, test
// and, where present nodes have no label, live.
//
// The splits are the file's, where it has some (see nodeSplits). Else the
// labelled nodes are shuffled with seed and cut by TRAIN_FRACTION and
// VALID_FRACTION, as torch_geometric.transforms.RandomNodeSplit does (with
// another generator).
//
// symbols names the nodes in order; nil: the file's names, else node_0 onwards.
// Edges are gathered by target, within it in the file's order. Without
// edge_weight the weight is edge_attr clamped at 0, and without both the graph
// is unweighted.
//
// An error wraps ErrInput, and pyg.ErrInvalid where shapes disagree.
func FromPyG(f *pyg.File, symbols []string, cfg Config, seed int64) (*Dataset, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Count > 1 {
		return nil, fault.Input("FOLDS=%d cuts snapshots by time, and the graph has none", cfg.Count).
			At("FOLDS").Fix("set FOLDS=1")
	}
	if cfg.relative() {
		return nil, cfg.needsPrices("this graph has no time, and so no prices of it")
	}
	g, node := &f.Data, cfg.Task == TaskNode
	if node {
		if err := checkMasks(f); err != nil {
			return nil, err
		}
	}
	classes, odd, err := checkGraph(g, node)
	if err != nil {
		return nil, err
	}
	n := g.NumNodes
	names, err := nodeNames(symbols, f.Symbols, n)
	if err != nil {
		return nil, err
	}
	p := &Panel{Symbols: names, static: true, EdgesGiven: true, x: g.X, mask: g.NodeMask, edges: []Edges{byTarget(g)}}
	for j := range g.NumFeatures {
		p.Features = append(p.Features, fmt.Sprintf("x_%d", j))
	}
	if p.mask == nil {
		p.mask = slices.Repeat([]bool{true}, n)
	} else {
		p.x = slices.Clone(g.X)
		for i, ok := range p.mask {
			if !ok {
				clear(row(p.x, i, g.NumFeatures))
			}
		}
	}
	p.Density = p.density()
	splits, warnings, err := nodeSplits(f, p.mask, cfg.FoldConfig, seed)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Panel: p, Targets: &Targets{Horizons: Horizons{0}, Given: true, width: n, classes: classes}, Warnings: slices.Concat(f.Warnings, odd, warnings)}
	for _, s := range []Split{Train, Valid, Test, Live} {
		if s == Live && !slices.Contains(splits, Live) {
			continue
		}
		d.addNodes(g, splits, s)
	}
	if err := d.checkLabels(d.Targets); err != nil {
		return nil, err
	}
	if err := d.checkGiven(func(s Split) string { return splitOrigin(f, s) }); err != nil {
		return nil, err
	}
	if node {
		d.Scaler = unscaled(p.NumFeatures())
		return d, nil
	}
	d.Scaler, err = fitScaler(p, &d.Fold)
	return d, err
}

// addNodes adds the snapshot that evaluates the nodes of one split.
func (d *Dataset) addNodes(g *pyg.Data, splits []Split, s Split) {
	d.Splits = append(d.Splits, s)
	for i, split := range splits {
		y, ret := pyg.Unlabelled, float32(0)
		if split == s && split != Live {
			y = g.Y[i]
			if g.Ret != nil {
				ret = g.Ret[i]
			}
		}
		d.Targets.class, d.evalMask = append(d.Targets.class, y), append(d.evalMask, split == s)
		if g.Ret != nil {
			d.Targets.value = append(d.Targets.value, ret)
		}
	}
}

// checkGraph rejects what a task cannot be trained on: the direction task, or that
// of nodes, of which it gives the number of classes.
func checkGraph(g *pyg.Data, node bool) (classes int, warnings []string, err error) {
	if err := g.Validate(); err != nil {
		return 0, nil, err
	}
	if node && g.Y == nil {
		return 0, nil, fault.Input("the file has no y").Fix("give it a class of each node, 0 to C-1, which TASK=node needs, or %d (none)", pyg.Unlabelled)
	}
	if err := checkValues(g); err != nil {
		return 0, nil, err
	}
	if node {
		return nodeClasses(g.Y)
	}
	return 0, nil, checkClasses(g.Y, func(i int) string { return fmt.Sprintf("node %d", i) })
}

// checkValues rejects a graph that is empty or too large, labels and edges of masked
// nodes, and values that are not finite.
func checkValues(g *pyg.Data) error {
	switch {
	case g.NumNodes == 0 || g.NumFeatures == 0:
		return fault.Input("x is [%d, %d], and a graph needs nodes and features", g.NumNodes, g.NumFeatures).
			Fix("save one that has both")
	case g.NumNodes > math.MaxInt32 || g.NumEdges() > math.MaxInt32:
		return fault.Input("the graph has %d nodes and %d edges, and %d of each are the most", g.NumNodes, g.NumEdges(), math.MaxInt32).
			Fix("save a part of it")
	case g.Y == nil:
		return fault.Input("the file has no y").
			Fix("give it a class of each node, which TASK=direction needs, %d (down), %d (flat), %d (up) or %d (none)", Down, Flat, Up, pyg.Unlabelled)
	}
	present := func(i int) bool { return g.NodeMask == nil || g.NodeMask[i] }
	for i, class := range g.Y {
		if class != pyg.Unlabelled && !present(i) {
			return fault.Input("y holds class %d at node %d, which node_mask masks", class, i).
				Fix("make it %d or the mask true", pyg.Unlabelled)
		}
	}
	for k, source := range g.Sources() {
		if target := g.Targets()[k]; !present(int(source)) || !present(int(target)) {
			return fault.Input("edge %d joins nodes %d and %d, of which node_mask masks one", k, source, target).
				Fix("drop the edge or make the mask true")
		}
	}
	for _, a := range []struct {
		name   string
		values []float32
		least  float64
	}{{"x", g.X, -math.MaxFloat32}, {"edge_weight", g.EdgeWeight, 0}, {"edge_attr", g.EdgeAttr, -math.MaxFloat32}, {"ret", g.Ret, -math.MaxFloat32}} {
		for k, v := range a.values {
			if !finite(float64(v)) || float64(v) < a.least {
				want := "a finite number"
				if a.least == 0 {
					want += " from 0, because a negative degree has no square root"
				}
				return fault.Input("%s holds %v at position %d", a.name, v, k).
					Fix("correct it to %s", want)
			}
		}
	}
	return nil
}

// nodeNames picks the names of n nodes.
func nodeNames(symbols, inFile []string, n int) ([]string, error) {
	switch {
	case symbols != nil && len(symbols) != n:
		return nil, fault.Input("SYMBOLS names %d nodes, the graph has %d", len(symbols), n).
			Fix("name each of them, in its order, or none")
	case symbols == nil && inFile != nil && len(inFile) != n:
		return nil, fault.Input("the file's symbols name %d nodes, its x has %d", len(inFile), n).
			Fix("name each node, or leave symbols out")
	case symbols == nil && inFile == nil:
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("node_%d", i)
		}
		return names, nil
	case symbols == nil:
		symbols = inFile
	}
	seen := make(map[string]int, n)
	for i, s := range symbols {
		if first, ok := seen[s]; ok {
			return nil, fault.Input("nodes %d and %d are both named %q", first, i, s).
				Fix("give each its own name")
		}
		seen[s] = i
	}
	return slices.Clone(symbols), nil
}

// byTarget gathers the edges of g by target, within it in their order.
func byTarget(g *pyg.Data) Edges {
	e := Edges{RowPtr: make([]int32, g.NumNodes+1), Sources: make([]int32, g.NumEdges())}
	for _, target := range g.Targets() {
		e.RowPtr[target+1]++
	}
	for i := range g.NumNodes {
		e.RowPtr[i+1] += e.RowPtr[i]
	}
	if g.EdgeWeight != nil {
		e.Weight = make([]float32, g.NumEdges())
	}
	if g.EdgeAttr != nil {
		e.Attr = make([]float32, g.NumEdges())
	}
	next := slices.Clone(e.RowPtr)
	for k, target := range g.Targets() {
		at := next[target]
		next[target]++
		e.Sources[at] = int32(g.Sources()[k])
		if e.Weight != nil {
			e.Weight[at] = g.EdgeWeight[k]
		}
		if e.Attr != nil {
			e.Attr[at] = g.EdgeAttr[k]
		}
	}
	return e
}
