package audit

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
)

// knowing is a dataset that knows later candles in one place: at one node, from
// one snapshot on, or in its scaler.
type knowing struct {
	column     string // that the finding names
	what       string // is in its sentence
	cause      string
	remedy     string
	everywhere bool // of all symbols and times
	// change makes it so, and tells the first value and what it was.
	change func(t *testing.T, d *data.Dataset, node, from int) (value, expected float64)
}

const ofLater, defect = "is computed from candles later than its bar", "report this defect of the program"

var knowings = []knowing{
	{"volume_ratio", "without the later candles", ofLater, defect, false, func(_ *testing.T, d *data.Dataset, node, from int) (float64, float64) {
		place := node*d.NumFeatures() + slices.Index(d.Features, "volume_ratio")
		was := d.X(from)[place]
		for s := from; s < d.Len(); s++ {
			d.X(s)[place] *= 1.5
		}
		return float64(d.X(from)[place]), float64(was)
	}},
	{"mask", "takes part changes with later candles", ofLater, defect, false, func(_ *testing.T, d *data.Dataset, node, from int) (float64, float64) {
		for s := from; s < d.Len(); s++ {
			d.Mask(s)[node] = false
		}
		return 0, 1
	}},
	{"edges", "edge 1 to ", ofLater, defect, false, func(_ *testing.T, d *data.Dataset, node, from int) (float64, float64) {
		e := d.Edges(from)
		was := e.Attr[e.RowPtr[node]]
		for s := from; s < d.Len(); s++ {
			if e := d.Edges(s); e.RowPtr[node] < e.RowPtr[node+1] {
				e.Attr[e.RowPtr[node]] = 1
			}
		}
		return 1, float64(was)
	}},
	{"targets", "the return over 1 bar changes with candles after its end", ofLater, defect, false, func(_ *testing.T, d *data.Dataset, node, from int) (float64, float64) {
		_, y := d.Targets.At(from)
		was := y[node]
		for s := from; s < d.Len(); s++ {
			_, y := d.Targets.At(s)
			y[node] += 0.25
		}
		return float64(y[node]), float64(was)
	}},
	{"", "on the train split alone", "fitted on more than the train split", defect, true, func(t *testing.T, d *data.Dataset, _, _ int) (float64, float64) {
		all := make([]int, d.Len())
		for s := range all {
			all[s] = s
		}
		s, err := data.FitScaler(d.Panel, all)
		if err != nil {
			t.Fatal(err)
		}
		was := d.Mean
		d.Mean = s.Mean
		return float64(s.Mean[0]), float64(was[0])
	}},
}

func TestWhatKnowsLaterCandlesIsNamed(t *testing.T) {
	for _, k := range knowings {
		for seed := range seeds() {
			short := seed%2 == 1
			m, c := whole(t, seed), config()
			a := Begin(Input{Market: m, Config: c, Short: short})
			d, err := data.Build(m, c)
			if err != nil {
				t.Fatal(err)
			}
			// In the train split, where each snapshot is made again, the first one is
			// named; the short form looks at a few stretches.
			train := d.Snapshots(data.Train)
			node, from := seed%len(m.Symbols), train[(37+311*seed)%(len(train)*3/4)]
			value, expected := k.change(t, d, node, from)
			if !k.everywhere { // the scaler is fitted on what is there
				if d.Scaler, err = data.FitScaler(d.Panel, train); err != nil {
					t.Fatal(err)
				}
			}
			column, symbol, time := k.column, m.Symbols[node], d.OpenTimes()[from]
			if k.everywhere {
				column, symbol, time = few(d.Features), "", d.OpenTimes()[0]
			}
			r := a.End(d)
			expect(t, r, "causality", column, k.what, k.remedy)
			for _, f := range r.Findings {
				found := *f.OpenTime
				if f.Symbol != symbol || !strings.Contains(f.Cause, k.cause) || found < time || found > time && (!short || k.everywhere) {
					t.Errorf("%s, seed %d: want %s from %d on and a cause that %s, found %+v", column, seed, symbol, time, k.cause, f)
				}
				if found == time && (float64(f.Value) != value || float64(f.Expected) != expected) {
					t.Errorf("%s, seed %d: %v and %v, want %v and %v", column, seed, f.Value, f.Expected, value, expected)
				}
				if math.IsNaN(float64(f.Value)) || f.Value == f.Expected {
					t.Errorf("%s, seed %d: %v and %v", column, seed, f.Value, f.Expected)
				}
			}
		}
	}
}
