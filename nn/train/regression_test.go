package train_test

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/pyg"
)

// A task of returns learns them in units of volatility, not as they are.
func TestARegressionLearnsTheRelativeTargets(t *testing.T) {
	f := newFixture(t)
	m, _, err := source.Load(t.Context(), source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:8", Interval: "5m", Lookback: "2d", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{data.TaskRank, data.TaskReturn} {
		d, err := data.Build(m, data.Config{
			Recipe:       data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
			TargetConfig: data.TargetConfig{Task: name, Target: data.TargetOpen, Horizons: data.Horizons{1, 3}},
			FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.dataset, f.valid = d, d.Snapshots(data.Valid)
		if f.task, err = nn.NewTask(name); err != nil {
			t.Fatal(err)
		}
		p, r := f.fit(t.Context(), t, f.network(1))
		outputs, sum, labelled := f.predict(t, p, f.valid), 0.0, 0.0
		for _, s := range f.valid {
			class, _ := d.Targets.At(s)
			bar := 0.0
			for i := 0; i < len(class); i += 2 { // of the first horizon
				if d.Mask(s)[i/2] {
					bar += float64(outputs[i])
				}
				if class[i] == pyg.Unlabelled {
					continue
				}
				labelled++
				if e := math.Abs(float64(outputs[i] - d.Targets.Relative(s)[i])); e < 1 {
					sum += e * e / 2
				} else {
					sum += e - 0.5
				}
			}
			if name == data.TaskRank && math.Abs(bar) > 1e-4 {
				t.Errorf("the outputs of snapshot %d of present nodes sum to %v", s, bar)
			}
			outputs = outputs[len(class):]
		}
		if got, want := r.Epochs[0].ValidLoss, sum/labelled; math.Abs(got-want) > 1e-5 || want < 1e-3 {
			t.Errorf("TASK=%s: the validation loss is %v, that of the relative targets %v", name, got, want)
		}
	}
}
