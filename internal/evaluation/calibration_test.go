package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// confident are rows whose labels are drawn from probabilities, which are then
// reported at another temperature.
func confident(seed uint64, n int, temperature float64) []Prediction {
	r := rand.New(rand.NewPCG(seed, 11))
	var rows []Prediction
	for i := range n {
		var truth, reported [3]float64
		sum, sumReported := 0.0, 0.0
		for c := range truth {
			logit := r.NormFloat64()
			truth[c], reported[c] = math.Exp(logit), math.Exp(logit/temperature)
			sum, sumReported = sum+truth[c], sumReported+reported[c]
		}
		draw, label := r.Float64()*sum, int64(2)
		if draw < truth[0] {
			label = 0
		} else if draw < truth[0]+truth[1] {
			label = 1
		}
		split := []string{"train", "valid", "test"}[i*3/n]
		rows = append(rows, row(int64(i), "S", split, &label, nil, reported[0]/sumReported, reported[1]/sumReported, reported[2]/sumReported))
	}
	return rows
}

func TestCalibrationAgreesWithSciPy(t *testing.T) {
	cases := [][]Prediction{confident(1, 3000, 1), confident(2, 3000, 0.4), smoothRows(rand.New(rand.NewPCG(5, 6)), 120, 20)}
	var files []string
	for _, rows := range cases {
		files = append(files, writeFile(t, rows))
	}
	var want []any
	runPython(t, &want, "calibration_reference.py", files...)
	for i, rows := range cases {
		got, theirs := asJSON(t, NewCalibration(slices.Values(rows), 2)), want[i].(map[string]any)
		got["reliability"], theirs["reliability"] = indexed(got["reliability"]), indexed(theirs["reliability"])
		// A flat minimum is found to the root of the precision.
		if a, b := got["temperature"].(float64), theirs["temperature"].(float64); math.Abs(a/b-1) > 1e-5 {
			t.Errorf("case %d: temperature %v, scipy finds %v", i, a, b)
		}
		for _, name := range []string{"temperature", "log_loss_with_temperature"} { // which follows from it
			delete(got, name)
			delete(theirs, name)
		}
		compare(t, "", got, theirs, 1e-9)
	}
}

func TestATemperatureUndoesOverconfidence(t *testing.T) {
	for _, temperature := range []float64{0.4, 1, 2.5} {
		rows := confident(3, 30_000, temperature)
		c := NewCalibration(slices.Values(rows), 2)
		if got := float64(c.Temperature) * temperature; math.Abs(got-1) > 0.05 {
			t.Errorf("reported at temperature %v: corrected by %v", temperature, c.Temperature)
		}
		if off := float64(c.ECE); (temperature == 1) != (off < 0.03) {
			t.Errorf("reported at temperature %v: ECE %.3f", temperature, off)
		}
		if held := float64(c.Sets.Coverage); math.Abs(held-0.9) > 0.01 {
			t.Errorf("reported at temperature %v: coverage %.3f", temperature, held)
		}
	}
}

func TestWithoutLabelsThereIsNoCalibration(t *testing.T) {
	if c := NewCalibration(slices.Values([]Prediction{row(1, "A", "test", nil, nil, 0.2, 0.3, 0.5)}), 1); c != nil {
		t.Errorf("%+v", c)
	}
}

func TestPredictionSetsFollowAMarketThatChanges(t *testing.T) {
	rows := confident(4, 30_000, 1)
	for i := range rows {
		if rows[i].Split == "test" { // the probabilities say nothing any more
			rows[i].Label = new(int64(i % 3))
		}
	}
	if c := NewCalibration(slices.Values(rows), 1); math.Abs(float64(c.Sets.Coverage)-0.9) > 0.02 || c.Sets.MeanSize < 2.5 {
		t.Errorf("%+v", c.Sets)
	}
}
