package doctor

import (
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/job"
)

func TestBarsAreComparedWithWhatTheFoldsNeed(t *testing.T) {
	c := data.Config{
		Recipe: data.Recipe{GraphWindow: 100}, TargetConfig: data.TargetConfig{Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig: data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2, WalkForward: data.WalkForward{Count: 8}},
	}
	if f := judgeBars(c, exactly(200)); f.status != OK || !strings.Contains(f.message, "FOLDS=8") {
		t.Errorf("200 bars: %+v", f)
	}
	// 29 labelled snapshots leave 6 for 8 windows.
	if f := judgeBars(c, exactly(130)); f.status != Warning || !strings.Contains(f.remedy, "lower FOLDS") {
		t.Errorf("130 bars: %+v", f)
	}
	c.Count = 1
	if f := judgeBars(c, exactly(130)); f.status != OK || strings.Contains(f.message, "FOLDS") {
		t.Errorf("130 bars for one split: %+v", f)
	}
}

func TestTheFoldOfACheckpointIsNamed(t *testing.T) {
	f := judgeEarlier(job.Previous{Location: "out", Checkpoint: true, Epochs: 3, Fold: 2}, "q")
	if !strings.Contains(f.message, "after epoch 3 of fold 2 in out") {
		t.Errorf("%+v", f)
	}
}
