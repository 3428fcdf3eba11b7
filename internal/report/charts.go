package report

import (
	"fmt"
	"math"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// A chart is one figure: what the script draws, and the same as words and as a
// table for who cannot see it.
type chart struct {
	ID      string   `json:"id"`
	Time    bool     `json:"time"` // x is in seconds of Unix time
	X       []number `json:"x"`
	XLabel  string   `json:"x_label"`
	XUnit   string   `json:"x_unit,omitempty"`
	Series  []series `json:"series"`
	Unit    string   `json:"unit,omitempty"` // of y
	Digits  int      `json:"digits"`         // of y, after the point
	Summary string   `json:"-"`              // the text in place of the drawing
	Note    string   `json:"-"`
	Columns []string `json:"-"`
	Rows    [][]string
}

// series is one line; of its kinds bars, points and dashes are drawn so.
type series struct {
	Label  string   `json:"label"`
	Kind   string   `json:"kind"`
	Color  int      `json:"color"` // of the palette
	Values []number `json:"values"`
}

const (
	line   = "line"
	bars   = "bars"
	dashed = "dashed"
	points = "points"
)

// What bounds a chart, and the table beside it.
const (
	chartPoints = 500
	tableRows   = 25
)

// table makes the table of the chart's points, of fewer where there are many.
func (c *chart) table(x string, label func(number) string) {
	c.XLabel, c.Columns = x, []string{x}
	for _, s := range c.Series {
		c.Columns = append(c.Columns, s.Label)
	}
	for _, at := range spread(len(c.X), tableRows) {
		row := []string{label(c.X[at])}
		for _, s := range c.Series {
			cell := decimals(s.Values[at], c.Digits)
			if c.Unit != "" && cell != absent {
				cell += unbroken + c.Unit
			}
			row = append(row, cell)
		}
		c.Rows = append(c.Rows, row)
	}
}

func ofTime(x number) string { return stamp(int64(x) * 1000) }

func seconds(ms []int64) []number {
	list := make([]number, len(ms))
	for i, v := range ms {
		list[i] = number(v / 1000)
	}
	return list
}

// equity is the capital of the backtest after costs; nil where there is none.
func (v *view) equity(c *evaluation.Course) *chart {
	if c == nil {
		return nil
	}
	places := spread(len(c.OpenTimes), chartPoints)
	f := &chart{ID: "chart-equity", Time: true, X: seconds(chosen(c.OpenTimes, places)), Unit: "%", Digits: 2}
	gains := func(course []float64) []number {
		list := make([]number, len(places))
		for k, at := range places {
			list[k] = number(100 * (course[at] - 1))
		}
		return list
	}
	for k, cost := range evaluation.CostsBps {
		f.Series = append(f.Series, series{v.textf("bps a side", cost), line, k, gains(c.DollarNeutral[k])})
	}
	f.Series = append(f.Series, series{v.text("equal weight"), dashed, 4, gains(c.EqualWeight)})
	ends := make([]any, len(c.DollarNeutral))
	for k, course := range c.DollarNeutral {
		ends[k] = signedPercent(course[len(course)-1]-1, 1)
	}
	f.Summary = v.textf("equity summary", ends...)
	f.table(v.text("time"), ofTime)
	return f
}

const dayMillis = 86_400_000

// ics are the mean rank IC of each day (hour, where there are fewer than ten
// days), and its running sum.
func (v *view) ics(all []evaluation.Dated) (each, sum *chart) {
	if len(all) == 0 || all[0].OpenTime == all[len(all)-1].OpenTime {
		return nil, nil
	}
	unit, name := int64(dayMillis), "rank IC of a day"
	if (all[len(all)-1].OpenTime-all[0].OpenTime)/dayMillis < 10 {
		unit, name = dayMillis/24, "rank IC of an hour"
	}
	var times []int64
	var means, sums []float64
	total := 0.0
	for from, to := 0, 0; from < len(all); from = to {
		mean := 0.0
		for to = from; to < len(all) && floor(all[to].OpenTime, unit) == floor(all[from].OpenTime, unit); to++ {
			mean += all[to].Value
		}
		mean /= float64(to - from)
		total += mean
		times, means, sums = append(times, floor(all[from].OpenTime, unit)), append(means, mean), append(sums, total)
	}
	above := 0
	for _, m := range means {
		if m > 0 {
			above++
		}
	}
	each = &chart{ID: "chart-ic", Time: true, X: seconds(times), Digits: 4, Series: []series{{v.text(name), bars, 0, numbers(means)}}}
	each.Summary = v.textf(name+" summary", above, len(means))
	each.table(v.text("time"), ofTime)
	sum = &chart{ID: "chart-ic-sum", Time: true, X: seconds(times), Digits: 3, Series: []series{{v.text("running sum"), line, 0, numbers(sums)}}}
	sum.Summary = v.textf("running sum summary", total, stamp(times[len(times)-1]))
	sum.table(v.text("time"), ofTime)
	return each, sum
}

func floor(ms, unit int64) int64 { return int64(math.Floor(float64(ms)/float64(unit))) * unit }

// reliability is the curve of calibration; nil where there is none.
func (v *view) reliability(c *evaluation.Calibration) *chart {
	if c == nil || len(c.Reliability) < 2 {
		return nil
	}
	f := &chart{ID: "chart-calibration", XUnit: "%", Digits: 1, Unit: "%", Series: []series{
		{v.text("came true"), points, 0, nil}, {v.text("perfect"), dashed, 4, nil},
	}}
	for _, b := range c.Reliability {
		f.X = append(f.X, number(100*b.Confidence))
		f.Series[0].Values = append(f.Series[0].Values, number(100*b.Accuracy))
		f.Series[1].Values = append(f.Series[1].Values, number(100*b.Confidence))
	}
	f.Summary = v.textf("calibration summary", 100*c.ECE)
	f.Note = v.textf("calibration note", float64(c.Temperature), 100*float64(c.Sets.Coverage), float64(c.Sets.MeanSize), 100*float64(c.Sets.Level))
	f.table(v.text("confidence"), func(x number) string { return decimals(x, 1) + " %" })
	return f
}

// loss is the course of the training; nil where no epoch has ended.
func (v *view) loss() *chart {
	h := v.In.Metrics.History
	if len(h.TrainLoss) == 0 {
		return nil
	}
	f := &chart{ID: "chart-loss", Digits: 4}
	best := make([]number, len(h.TrainLoss))
	for k := range h.TrainLoss {
		f.X, best[k] = append(f.X, number(k+1)), number(math.NaN())
	}
	if at := v.In.Metrics.BestEpoch - 1; at >= 0 && at < len(best) {
		best[at] = number(h.ValidLoss[at])
	}
	f.Series = []series{
		{v.text("train"), line, 0, numbers(h.TrainLoss)}, {v.text("valid"), line, 1, numbers(h.ValidLoss)}, {v.text("best epoch"), points, 2, best},
	}
	f.Summary = v.textf("loss summary", v.In.Metrics.EpochsRun, v.In.Metrics.BestEpoch)
	if h.Metric != "" {
		f.Summary = v.textf("metric summary", v.In.Metrics.EpochsRun, v.In.Metrics.BestEpoch, h.Metric)
	}
	f.table(v.text("epoch"), func(x number) string { return fmt.Sprint(int(x)) })
	return f
}

// presence is how many nodes are there and how densely they are joined, over time.
func (v *view) presence() *chart {
	d := v.In.Dataset
	times := d.OpenTimes()
	if len(times) < 2 {
		return nil
	}
	places := spread(len(times), chartPoints/2)
	masked, density := make([]number, len(places)), make([]number, len(places))
	for k, t := range places {
		here := 0
		for _, ok := range d.Mask(t) {
			if ok {
				here++
			}
		}
		masked[k] = number(100 * float64(d.NumNodes()-here) / float64(d.NumNodes()))
		density[k] = number(math.NaN())
		if here > 1 {
			density[k] = number(100 * float64(len(d.Edges(t).Sources)) / float64(max(1, len(d.EdgeTypes))*here*(here-1)))
		}
	}
	f := &chart{ID: "chart-presence", Time: true, X: seconds(chosen(times, places)), Unit: "%", Digits: 1, Series: []series{
		{v.text("masked nodes"), line, 3, masked}, {v.text("density"), line, 0, density},
	}}
	f.Summary = v.textf("presence summary", 100*v.masked(), 100*d.Density)
	f.table(v.text("time"), ofTime)
	return f
}

// masked is the mean share of masked nodes of a snapshot.
func (v *view) masked() float64 {
	d, count := v.In.Dataset, 0
	for t := range d.Panel.Len() {
		for _, ok := range d.Mask(t) {
			if !ok {
				count++
			}
		}
	}
	return float64(count) / float64(d.Panel.Len()*d.NumNodes())
}
