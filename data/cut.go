package data

import (
	"slices"
)

// memory is how many bars before its own a feature or an edge can depend on: those
// of its windows, and through a jump of the price, of which the mask reaches over a
// lookback, and the rule over another one and the bars of its deviation.
func (r Recipe) memory() int {
	bars := max(r.firstBar(), r.Features.memory()+2*r.Features.lookback()+jumpLookback)
	if r.HasEdges(EdgesPartial) { // the volatility of the oldest return of the window, across a gap
		bars = max(bars, r.edgeReach()+emaMemory+2*lookback+jumpLookback)
	}
	return bars
}

// Cut is the bars from first on and before end of a market, over the same memory.
func (m *Market) Cut(first, end int) *Market {
	cut := func(all [][]float64) [][]float64 {
		some := make([][]float64, len(all))
		for i, s := range all {
			some[i] = s[first:end:end]
		}
		return some
	}
	part := &Market{
		Symbols: m.Symbols, Interval: m.Interval, Start: m.OpenTime(first), Bars: end - first, Origins: m.Origins,
		Open: cut(m.Open), High: cut(m.High), Low: cut(m.Low), Close: cut(m.Close), Volume: cut(m.Volume),
		Optional: make(map[Column][][]float64, len(m.Optional)),
	}
	if m.Times != nil {
		part.Times = m.Times[first:end:end]
	}
	for c, all := range m.Optional {
		part.Optional[c] = cut(all)
	}
	return part
}

// Clone is the market in memory of its own, but for names and times.
func (m *Market) Clone() *Market {
	clone := func(all [][]float64) [][]float64 {
		some := make([][]float64, len(all))
		for i, s := range all {
			some[i] = slices.Clone(s)
		}
		return some
	}
	other := *m
	other.Open, other.High, other.Low, other.Close, other.Volume = clone(m.Open), clone(m.High), clone(m.Low), clone(m.Close), clone(m.Volume)
	other.Optional = make(map[Column][][]float64, len(m.Optional))
	for c, all := range m.Optional {
		other.Optional[c] = clone(all)
	}
	return &other
}

// Past is the bars that the snapshots from bar from to bar t are made of, and no
// later one: BuildCut makes the same of them as of the whole market, to the bit.
// Edges are summed by blocks of bars (edges.go), so from is where t's block begins.
func (r Recipe) Past(m *Market, t int) (past *Market, from int) {
	r.Interval = m.Interval
	pieces := blocks(m.Axis(), max(r.GraphWindow, minBlock), min(r.firstBar(), t))
	for _, b := range pieces {
		if b.from <= t {
			from = b.from
		}
	}
	return m.Cut(max(0, from-r.memory()), t+1), from
}

// BuildCut makes the panel of a part of a market that whole was made of: the same
// features, whichever of their values the part lacks. A part that has no snapshot
// gives nil.
func (r Recipe) BuildCut(part *Market, whole *Panel) (*Panel, error) {
	r.Interval = part.Interval
	if err := r.readStatic(); err != nil {
		return nil, err
	}
	if r.firstBar() >= part.Bars {
		return nil, nil
	}
	r.Reference = whole.Reference
	columns := make([]feature, len(whole.Features))
	for j, name := range whole.Features {
		f, known := featureNamed(name)
		if !known {
			f = given(name)
		}
		columns[j] = f
	}
	return r.assemble(part, columns, whole.signalNames, func() {})
}

// FitScaler fits a scaler on snapshots of a panel, as a fold has it of its train
// split.
func FitScaler(p *Panel, snapshots []int) (Scaler, error) {
	f := Fold{Splits: make([]Split, p.Len())}
	for _, t := range snapshots {
		f.Splits[t] = Train
	}
	return fitScaler(p, &f)
}

// Bars are the bars of the snapshots [T] on the axis, rising; nil for a graph
// without time. They alias the panel: read them only.
func (p *Panel) Bars() []int { return p.bars }
