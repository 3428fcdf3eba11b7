package evaluation

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

// ofFold are rows of one fold, with their times moved.
func ofFold(rows []Prediction, fold, later int64) []Prediction {
	moved := slices.Clone(rows)
	for i := range moved {
		moved[i].Fold, moved[i].OpenTime = fold, moved[i].OpenTime+later
	}
	return moved
}

func TestPandasReadsTheFoldOfEachRow(t *testing.T) {
	rows := []Prediction{
		row(1, "A", "test", new(int64(0)), new(-0.1), 0.5, 0.25, 0.25),
		row(1, "A", "train", new(int64(0)), new(-0.1), 0.25, 0.25, 0.5),
	}
	rows[0].Fold, rows[1].Fold = 1, 2
	var b bytes.Buffer
	if err := WriteFolds(&b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "predictions.parquet")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Columns, Arrow []string
		Rows           [][]any
	}
	runPython(t, &got, "read_predictions.py", path)
	if want := []string{"open_time", "symbol", "split", "horizon", "fold", "label", "return", "score", "p_down", "p_flat", "p_up"}; !slices.Equal(got.Columns, want) {
		t.Errorf("columns %v, want %v", got.Columns, want)
	}
	if got.Arrow[4] != "int64" || got.Rows[0][4] != 1.0 || got.Rows[1][4] != 2.0 || got.Rows[1][7] != 0.25 {
		t.Errorf("%v of types %v", got.Rows, got.Arrow)
	}
}

// Each fold has its own majority class, and its own calibration.
func TestEachFoldsRowsAreMeasuredByWhatThatFoldKnew(t *testing.T) {
	var rows []Prediction
	for fold, labels := range [][]int64{{0, 0, 1}, {2, 2, 2, 0}} { // of test rows
		for i, label := range labels {
			p := row(int64(fold*10+i), "A", "test", &label, nil, 0.5, 0.25, 0.25)
			p.Fold = int64(fold + 1)
			rows = append(rows, p)
		}
	}
	for _, c := range []struct {
		commonest []int64
		want      float64
	}{{[]int64{0, 2}, 5.0 / 7}, {[]int64{1, 0}, 2.0 / 7}, {[]int64{0, pyg.Unlabelled}, math.NaN()}, {[]int64{0}, math.NaN()}} {
		m, err := EvaluateFolds(slices.Values(rows), c.commonest)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(m.Test.MajorityAccuracy); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("commonest %v: majority accuracy %v, want %v", c.commonest, got, c.want)
		}
	}
}

func TestACalibrationOfFoldsIsThatOfEachTogether(t *testing.T) {
	first, second := ofFold(confident(1, 3000, 0.4), 1, 0), ofFold(confident(2, 1500, 2), 2, 10_000)
	a, b := NewCalibration(slices.Values(first), 2), NewCalibration(slices.Values(second), 2)
	both := NewCalibration(slices.Values(slices.Concat(first, second)), 2)
	mean := func(x, y Float) float64 {
		return (float64(x)*float64(a.Count) + float64(y)*float64(b.Count)) / float64(a.Count+b.Count)
	}
	if both.Count != a.Count+b.Count || both.Temperature != b.Temperature || a.Temperature == b.Temperature {
		t.Errorf("%d rows at temperature %v, want %d at %v", both.Count, both.Temperature, a.Count+b.Count, b.Temperature)
	}
	for name, of := range map[string][2]float64{
		"log loss": {float64(both.LogLoss), mean(a.LogLoss, b.LogLoss)},
		"coverage": {float64(both.Sets.Coverage), mean(a.Sets.Coverage, b.Sets.Coverage)},
		"size":     {float64(both.Sets.MeanSize), mean(a.Sets.MeanSize, b.Sets.MeanSize)},
	} {
		if math.Abs(of[0]-of[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, of[0], of[1])
		}
	}
	rows := 0
	for _, bin := range both.Reliability {
		rows += bin.Count
	}
	if rows != both.Count {
		t.Errorf("the reliability curve has %d rows, want %d", rows, both.Count)
	}
	second = slices.DeleteFunc(second, func(p Prediction) bool { return p.Split == "valid" })
	if NewCalibration(slices.Values(slices.Concat(first, second)), 2) != nil {
		t.Error("a fold without validation has a calibration")
	}
}
