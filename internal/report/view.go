package report

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// view is what the template shows: words and numbers as they stand there.
type view struct {
	static
	In Input

	Lang, Title      string
	Facts            []string // of the run, one short line each
	HasClasses       bool     // the task predicts them
	Outcome          string   // a word for the style: good, bad, even
	Label, Sentence  string
	Sharpe           string // of the backtest; empty: not known
	Traded           string // what its positions would have earned; empty: not known
	Tiles            []tile
	Equity           *chart
	IC, ICSum        *chart
	Calibration      *chart
	Loss             *chart
	Presence         *chart
	Methods          []method
	Symbols          []symbolRow
	SymbolsCut       string
	Quality          []fact
	Folds            [][]string // number, test window, rank ICs of valid and test, epochs
	Jumps, LeftOut   [][2]string
	Features         []feature
	ImportanceNote   string
	EdgesLine        string
	Graph            *network
	GraphNote        string
	GraphLast        int
	Settings, Limits []fact
	Data             template.JS
}

// tile is one of the numbers on top.
type tile struct {
	Name, Value, Note string
	Bars              []bar
}

// fact is a name and what it is.
type fact struct{ Name, Value string }

// bar is an estimate with its interval, as places of 0 to 100 on a common scale.
type bar struct {
	Name, Value          string
	Own                  bool
	Low, High, Mid, Zero float64
	Known                bool
}

// method is a row of the comparison.
type method struct {
	Name, Meaning                 string
	Own                           bool
	RankIC, Interval              string
	Difference, DifferenceIn, By  string
	AUC, Accuracy, Costs, Verdict string
	Bar                           bar
}

type symbolRow struct {
	Symbol                           string
	Own                              bool
	Rows, Accuracy, AUC, Correlation string
	Candles, Snapshots, First, Last  string
}

type feature struct {
	Name, Across, Drop, Interval string
	Bar                          bar
}

func (v *view) text(key string) string {
	t, ok := texts[key]
	if !ok {
		panic("there is no text " + key)
	}
	return t.In(v.In.Lang)
}

func (v *view) textf(key string, a ...any) string { return fmt.Sprintf(v.text(key), a...) }

// symbolRows bounds the table of symbols: of a graph without time there may be
// any number.
const symbolRows = 500

func newView(in Input) (*view, error) {
	v := &view{static: newStatic(), In: in, Lang: map[bool]string{true: "ru", false: "en"}[in.Lang != "en"]}
	m := in.Metrics
	v.Title = in.Metadata.ModelName + " / " + in.Metadata.QueueID
	v.HasClasses = len(in.Metadata.Classes) > 0
	v.verdict()
	v.facts()
	if horizon := in.Metadata.Horizon; horizon > 0 && m.Backtest != nil {
		v.Equity = v.equity(in.Test.Course(horizon))
	}
	v.sharpe()
	v.IC, v.ICSum = v.ics(in.Test.RankICs())
	v.Calibration, v.Loss, v.Presence = v.reliability(m.Calibration), v.loss(), v.presence()
	v.methods()
	v.folds()
	if err := v.symbols(); err != nil {
		return nil, err
	}
	v.quality()
	v.importance()
	if v.Graph = newNetwork(in.Dataset, in.Metadata.Symbol); v.Graph != nil {
		v.GraphLast = len(v.Graph.Edges) - 1
		v.GraphNote = v.textf("graph note", len(v.Graph.Symbols), v.Graph.Total, len(v.Graph.Edges), graphEdges)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Settings)) {
		v.Settings = append(v.Settings, fact{name, in.Settings[name]})
	}
	return v, v.encode()
}

// encode gives the script what it draws.
func (v *view) encode() (err error) {
	charts := []*chart{}
	for _, c := range []*chart{v.Equity, v.IC, v.ICSum, v.Calibration, v.Loss, v.Presence} {
		if c != nil {
			charts = append(charts, c)
		}
	}
	words := map[string]string{}
	for _, key := range []string{"no edges here", "absent here", "cut here", "time"} {
		words[key] = v.text(key)
	}
	v.Data, err = encoded(struct {
		Charts []*chart          `json:"charts"`
		Graph  *network          `json:"graph"`
		Words  map[string]string `json:"words"`
	}{charts, v.Graph, words})
	return err
}

// costsShown is the cost a side, in bps, of which the tile shows what is left.
const costsShown = 2

// verdict is what stands on top.
func (v *view) verdict() {
	m := v.In.Metrics
	v.Outcome = map[result.Outcome]string{result.Better: "good", result.Worse: "bad", result.NoSkill: "bad"}[m.Verdict.Outcome]
	if v.Outcome == "" {
		v.Outcome = "even"
	}
	v.Label, v.Sentence = v.text("outcome "+string(m.Verdict.Outcome)), strings.ReplaceAll(m.Verdict.Text(m).In(v.In.Lang), " -0", " −0")
	headline := tile{Name: v.text("headline"), Value: decimals(m.Splits.Test.RankIC, 4)}
	estimates := []estimate{{v.text("model"), m.Splits.Test.RankIC, m.Splits.Test.RankICInterval, true}}
	if best, ok := m.Baselines[m.Verdict.BestBaseline]; ok {
		headline.Note = v.textf("best baseline", result.BaselineText(best.Name).In(v.In.Lang), decimals(best.Splits.Test.RankIC, 4))
		estimates = append(estimates, estimate{result.BaselineText(best.Name).In(v.In.Lang), best.Splits.Test.RankIC, best.Splits.Test.RankICInterval, false})
	}
	if finite(float64(m.Splits.Test.RankIC)) || !v.HasClasses {
		headline.Bars = barsOf(estimates, 4)
	} else {
		headline = tile{Name: v.text("headline accuracy"), Value: percent(m.Splits.Test.Accuracy, 1), Note: v.textf("majority", percent(m.Splits.Test.MajorityAccuracy, 1))}
	}
	v.Tiles = append(v.Tiles, headline)
	if b := m.Backtest; b != nil && b.DollarNeutral.Periods > 0 {
		costs := tile{Name: v.textf("after costs", costsShown), Value: v.afterCosts(b), Note: v.textf("break even", decimals(b.DollarNeutral.BreakEvenBps, 2))}
		if b.DollarNeutral.BreakEvenBps <= 0 {
			costs.Note = v.text("loses anyway")
		}
		if best := m.Baselines[m.Verdict.BestBaseline].Backtest; best != nil {
			costs.Note += "; " + v.textf("traded best", v.afterCosts(best))
		}
		v.Tiles = append(v.Tiles, costs)
		if left := returnAfter(b); finite(float64(left)) {
			word := map[bool]string{true: "lost", false: "earned"}[left < 0]
			v.Traded = v.textf("traded", v.textf(word, percent(math.Abs(float64(left)), 1)), costsShown)
		}
	}
	for _, c := range m.Comparisons {
		if m.Baseline == nil || c.Against != m.Baseline.Name {
			continue
		}
		words := map[int]string{1: "edges help", 0: "edges even", -1: "edges harm"}[c.Better()]
		if !finite(float64(c.Interval.Low)) {
			words = "edges unknown"
		}
		v.EdgesLine = v.textf("edges line", signed(c.Difference, 4), span(c.Interval, 4, signed[evaluation.Float]))
		v.Tiles = append(v.Tiles, tile{Name: v.text("edges tile"), Value: v.text(words), Note: v.EdgesLine})
	}
}

// sharpe says how likely the backtest's Sharpe ratio is more than the luck of the
// best of all trials.
func (v *view) sharpe() {
	b := v.In.Metrics.Backtest
	if b == nil {
		return
	}
	for _, c := range b.DollarNeutral.AfterCosts {
		if c.CostBps != costsShown || !finite(float64(c.Sharpe)) {
			continue
		}
		v.Sharpe = v.textf("sharpe", costsShown, decimals(c.Sharpe, 2), percent(c.Probabilistic, 1))
		if b.Trials != nil && finite(float64(c.Deflated)) {
			v.Sharpe += " " + v.textf("deflated", b.Trials.Count, percent(c.Deflated, 1))
		}
	}
}

// afterCosts is what is left of a backtest after costsShown.
func (v *view) afterCosts(b *evaluation.Backtest) string { return signedPercent(returnAfter(b), 1) }

func returnAfter(b *evaluation.Backtest) evaluation.Float {
	for _, c := range b.DollarNeutral.AfterCosts {
		if c.CostBps == costsShown {
			return c.Return
		}
	}
	return evaluation.Float(math.NaN())
}

// facts say in short lines what was run on what.
func (v *view) facts() {
	meta, m := v.In.Metadata, v.In.Metrics
	if v.In.Interrupted {
		v.Facts = append(v.Facts, v.text("interrupted"))
	}
	if meta.Interval != "" {
		v.Facts = append(v.Facts, v.textf("fact market", len(meta.Symbols), meta.Interval))
	} else {
		v.Facts = append(v.Facts, v.textf("fact nodes", len(meta.Symbols)))
	}
	if t := meta.Splits.Test; t.First != nil && t.Last != nil {
		first := *t.First // of the last fold
		if len(m.Folds) > 0 {
			first = m.Folds[0].Ranges.Test.First
		}
		v.Facts = append(v.Facts, v.textf("fact test", day(first), day(*t.Last)))
	}
	if meta.Horizon > 0 {
		v.Facts = append(v.Facts, v.textf("fact horizon", meta.Horizon, cmp.Or(meta.Label.Target, "–")))
	}
	if !v.HasClasses {
		v.Facts = append(v.Facts, v.textf("fact task", meta.Task))
	}
	v.Facts = append(v.Facts, v.textf("fact model", meta.ModelType, m.BestEpoch, m.EpochsRun))
}

// estimate is a value with its interval.
type estimate struct {
	name  string
	value evaluation.Float
	in    evaluation.Interval
	own   bool
}

// barsOf puts estimates and zero on one scale.
func barsOf(all []estimate, places int) []bar {
	low, high := 0.0, 0.0
	for _, e := range all {
		for _, x := range []evaluation.Float{e.value, e.in.Low, e.in.High} {
			if f := float64(x); finite(f) {
				low, high = min(low, f), max(high, f)
			}
		}
	}
	room := (high - low) * 0.05
	low, high = low-room, high+room
	place := func(x evaluation.Float) float64 {
		if high == low {
			return 50
		}
		return math.Round(1000*(float64(x)-low)/(high-low)) / 10
	}
	list := make([]bar, len(all))
	for i, e := range all {
		b := bar{Name: e.name, Own: e.own, Value: decimals(e.value, places) + " (" + span(e.in, places, decimals[evaluation.Float]) + ")", Zero: place(0)}
		if finite(float64(e.value)) {
			b.Known, b.Mid = true, place(e.value)
			b.Low, b.High = b.Mid, b.Mid
			if finite(float64(e.in.Low)) {
				b.Low, b.High = place(e.in.Low), place(e.in.High)
			}
		}
		list[i] = b
	}
	return list
}

// methods are the model and the baselines, the highest rank IC of the test split
// first.
func (v *view) methods() {
	m := v.In.Metrics
	differences := map[string]evaluation.Comparison{}
	for _, c := range m.Comparisons {
		differences[c.Against] = c
	}
	row := func(name, meaning string, own bool, test evaluation.SplitMetrics, b *evaluation.Backtest) method {
		r := method{
			Name: name, Meaning: meaning, Own: own, RankIC: decimals(test.RankIC, 4), Interval: span(test.RankICInterval, 4, decimals[evaluation.Float]),
			AUC: decimals(test.AUC, 4), Accuracy: percent(test.Accuracy, 1), Costs: absent, Difference: absent, Verdict: absent,
		}
		if b != nil {
			r.Costs = v.afterCosts(b)
		}
		return r
	}
	rows := []method{row(v.text("model"), v.In.Metadata.ModelType, true, m.Splits.Test, m.Backtest)}
	estimates := []estimate{{"", m.Splits.Test.RankIC, m.Splits.Test.RankICInterval, true}}
	for _, name := range slices.Sorted(maps.Keys(m.Baselines)) {
		b := m.Baselines[name]
		r := row(result.BaselineText(name).In(v.In.Lang), name, false, b.Splits.Test, b.Backtest)
		if c, ok := differences[name]; ok && finite(float64(c.Interval.Low)) {
			r.Difference, r.DifferenceIn = signed(c.Difference, 4), span(c.Interval, 4, signed[evaluation.Float])
			if c.Metric != "rank_ic" {
				r.By = v.text("by accuracy")
			}
			r.Verdict = v.text(map[int]string{1: "model better", 0: "no difference", -1: "model worse"}[c.Better()])
		}
		rows = append(rows, r)
		estimates = append(estimates, estimate{"", b.Splits.Test.RankIC, b.Splits.Test.RankICInterval, false})
	}
	for i, b := range barsOf(estimates, 4) {
		rows[i].Bar = b
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	key := func(i int) float64 {
		if r := float64(estimates[i].value); finite(r) {
			return r
		}
		return math.Inf(-1)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(key(b), key(a)) })
	for _, i := range order {
		v.Methods = append(v.Methods, rows[i])
	}
}

// folds are those of a walk-forward, each with its own model.
func (v *view) folds() {
	for _, f := range v.In.Metrics.Folds {
		test := f.Splits.Test
		v.Folds = append(v.Folds, []string{
			fmt.Sprint(f.Fold), day(f.Ranges.Test.First) + " … " + day(f.Ranges.Test.Last), decimals(f.Splits.Valid.RankIC, 4), decimals(test.RankIC, 4),
			span(test.RankICInterval, 4, decimals[evaluation.Float]), decimals(test.AUC, 4), fmt.Sprintf("%d / %d", f.BestEpoch, f.EpochsRun),
		})
	}
}

// symbols are the test rows of each, and what there is of its candles.
func (v *view) symbols() error {
	tests, err := v.In.Test.Symbols()
	if err != nil {
		return err
	}
	of := map[string]evaluation.SymbolTest{}
	for _, t := range tests {
		of[t.Symbol] = t
	}
	d := v.In.Dataset
	for i, name := range d.Symbols {
		r := symbolRow{Symbol: name, Own: name == v.In.Metadata.Symbol, Rows: "0", Accuracy: absent, AUC: absent, Correlation: absent, Candles: absent, Snapshots: absent, First: absent, Last: absent}
		if t, ok := of[name]; ok {
			r.Rows, r.Accuracy, r.AUC, r.Correlation = fmt.Sprint(max(t.Metrics.Count, t.Metrics.ReturnCount)), percent(t.Metrics.Accuracy, 1), decimals(t.Metrics.AUC, 4), decimals(t.Correlation, 4)
		}
		if d.Coverage != nil {
			c := d.Coverage[i]
			r.Candles, r.Snapshots = percent(float64(c.Candles)/float64(d.Axis.Bars), 1), percent(float64(c.Snapshots)/float64(d.Panel.Len()), 1)
			if c.First >= 0 {
				r.First, r.Last = day(d.Axis.OpenTime(c.First)), day(d.Axis.OpenTime(c.Last))
			}
		}
		v.Symbols = append(v.Symbols, r)
	}
	if len(v.Symbols) > symbolRows {
		slices.SortStableFunc(v.Symbols, func(a, b symbolRow) int { return map[bool]int{true: 1}[b.Own] - map[bool]int{true: 1}[a.Own] })
		v.SymbolsCut = v.textf("symbols cut", symbolRows, len(v.Symbols))
		v.Symbols = v.Symbols[:symbolRows]
	}
	return nil
}

// quality is what the data lack.
func (v *view) quality() {
	d, r := v.In.Dataset, v.In.Metrics.Data
	add := func(key, value string) { v.Quality = append(v.Quality, fact{v.text(key), value}) }
	if d.Coverage != nil {
		add("rows read", fmt.Sprint(r.Rows))
		add("missing bars", fmt.Sprint(r.Missing))
		add("duplicates", fmt.Sprint(r.Duplicates))
		add("disordered", fmt.Sprint(r.Disordered))
	}
	add("snapshots", fmt.Sprint(d.Panel.Len()))
	add("masked", percent(v.masked(), 2))
	add("edges a snapshot", decimals(v.In.Metrics.Graph.EdgesPerSnapshot, 1))
	add("density", percent(d.Density, 1))
	add("jumps", fmt.Sprint(len(d.Jumps)))
	for _, j := range d.Jumps[:min(len(d.Jumps), tableRows)] {
		v.Jumps = append(v.Jumps, [2]string{j.Symbol, stamp(j.OpenTime) + ": × " + decimals(j.Ratio, 3)})
	}
	for _, f := range d.Dropped {
		v.LeftOut = append(v.LeftOut, [2]string{f.Name, f.Reason})
	}
}

// importance are the features, the most important first.
func (v *view) importance() {
	m := v.In.Metrics.Importance
	if m == nil {
		return
	}
	all := slices.Clone(m.Features)
	slices.SortStableFunc(all, func(a, b result.FeatureImportance) int { return cmp.Compare(b.Mean, a.Mean) })
	var estimates []estimate
	for _, f := range all {
		estimates = append(estimates, estimate{f.Feature, f.Mean, f.Interval, false})
	}
	for i, b := range barsOf(estimates, 4) {
		f := all[i]
		v.Features = append(v.Features, feature{f.Feature, v.text("across " + f.Across), signed(f.Mean, 4), span(f.Interval, 4, signed[evaluation.Float]), b})
	}
	t := v.In.Metrics.Timing
	share := absent
	if t.TotalSeconds > 0 {
		share = percent(t.ImportanceSeconds/t.TotalSeconds, 1)
	}
	metric := v.text("metric " + all[0].Metric)
	v.ImportanceNote = v.textf("importance note", metric, m.Snapshots, share)
}
