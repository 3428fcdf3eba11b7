package job

import (
	"bytes"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/pyg"
)

func datasetOf(t *testing.T, folds int) *data.Dataset {
	t.Helper()
	d, err := data.Build(walking(400), data.Config{
		Recipe:       data.Recipe{MaxGap: 7, GraphWindow: 30, EdgeTopK: 2, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetOpen, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2, WalkForward: data.WalkForward{Count: folds}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheNewestSnapshotsAreKeptThatFitAFile(t *testing.T) {
	d := datasetOf(t, 1)
	n := d.Len()
	size := func(k kept) int64 {
		var file bytes.Buffer
		if err := pyg.SaveCollated(&file, len(k.rows), func(i int) pyg.Data { return d.Snapshot(k.rows[i]) }); err != nil {
			t.Fatal(err)
		}
		return int64(file.Len())
	}
	whole := size(keep(d, config.Dataset{Which: config.DatasetAll}, 0))
	for _, limit := range []int64{whole / 10, whole / 3, whole - 2*pyg.CollatedOverhead} {
		k := keep(d, config.Dataset{}, limit)
		if k.which != config.DatasetNewest || k.rows[len(k.rows)-1] != n-1 || k.rows[0] != n-len(k.rows) {
			t.Errorf("below %d of %d bytes it keeps %s, %v", limit, whole, k.which, k.rows)
		}
		// One more might not fit.
		if got := size(k); got >= limit || got < limit-2*pyg.CollatedOverhead {
			t.Errorf("the file has %d bytes, and %d are the limit", got, limit)
		}
	}
	if k := keep(d, config.Dataset{}, whole+pyg.CollatedOverhead); k.which != config.DatasetAll || len(k.rows) != n {
		t.Errorf("of a file that is small it keeps %s, %d snapshots", k.which, len(k.rows))
	}
	if k := keep(d, config.Dataset{}, pyg.CollatedOverhead); k.which != config.DatasetNone || len(k.rows) != 0 {
		t.Errorf("where none fits it keeps %s, %d snapshots", k.which, len(k.rows))
	}
}

func TestDatasetChoosesTheSnapshots(t *testing.T) {
	for folds := 1; folds <= 2; folds++ {
		d := datasetOf(t, folds)
		n := d.Len()
		var tested []int
		for k := 1; k <= folds; k++ {
			of := d.OfFold(k)
			tested = append(tested, of.Snapshots(data.Test)...)
		}
		slices.Sort(tested)
		for _, c := range []struct {
			chosen      config.Dataset
			which       string
			first, last int
			count       int
		}{
			{config.Dataset{Which: "all"}, "all", 0, n - 1, n},
			{config.Dataset{Which: "newest", Newest: 7}, "newest", n - 7, n - 1, 7},
			{config.Dataset{Which: "newest", Newest: n + 1}, "all", 0, n - 1, n},
			{config.Dataset{Which: "test"}, "test", tested[0], tested[len(tested)-1], len(tested)},
		} {
			k := keep(d, c.chosen, 1)
			if k.which != c.which || len(k.rows) != c.count || k.rows[0] != c.first || k.rows[len(k.rows)-1] != c.last {
				t.Errorf("%d folds, %v: %s, %v", folds, c.chosen, k.which, k.rows)
			}
			if c.which == "test" && !slices.Equal(k.rows, tested) {
				t.Errorf("%d folds: %v, and the test windows are %v", folds, k.rows, tested)
			}
		}
		if k := keep(d, config.Dataset{Which: "none"}, 1<<40); k.which != "none" || k.rows != nil {
			t.Errorf("none keeps %v", k)
		}
	}
}
