package checkpoint_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/pyg"
)

func origin() checkpoint.Origin {
	return checkpoint.Origin{
		Settings: map[string]string{"HIDDEN": "64", "SEED": "42", "EPOCHS": "10"},
		Data: checkpoint.Data{
			Symbols: []string{"A", "B"}, Features: []string{"f"}, Snapshots: 9,
			First: "2024-01-01T00:00:00Z", Last: "2024-01-01T00:40:00Z", SHA256: "aa",
		},
		Threads: 2, Device: "cpu", Versions: map[string]string{"torch": "2.11.0"},
	}
}

func state() checkpoint.State {
	return checkpoint.State{
		Epochs: []checkpoint.Epoch{
			{Number: 1, TrainLoss: 1.0999999999999999, ValidLoss: 1.1, Score: 0.5, Best: true, Seconds: 0.25},
			{Number: 2, TrainLoss: 1. / 3, ValidLoss: 2, Score: 0.25, Seconds: 0.5},
		},
		BestEpoch: 1, EarlyStop: true, Pass: checkpoint.Pass{Batches: 3, Labelled: 7, LossSum: 0.1 + 0.2, Seconds: 1},
		Weights: []checkpoint.Weights{
			{Name: "w", Shape: []int{2, 1}, Value: []float32{1, math.SmallestNonzeroFloat32}, Best: []float32{3, 4}, ExpAvg: []float32{5, 6}, ExpAvgSq: []float32{7, 8}, Steps: 9},
			{Name: "b", Shape: []int{1}, Value: []float32{-1}, Best: []float32{0}, ExpAvg: []float32{0}, ExpAvgSq: []float32{0}, Steps: 9},
		},
		RNG: []byte{0, 1, 255},
	}
}

func encoded(t testing.TB, s checkpoint.State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := checkpoint.Encode(&b, origin(), s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAStateComesBackToTheBit(t *testing.T) {
	o, s, err := checkpoint.Decode(encoded(t, state()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, state()) || !reflect.DeepEqual(o, origin()) {
		t.Errorf("got %+v of %+v", s, o)
	}
	if !bytes.Equal(encoded(t, state()), encoded(t, state())) {
		t.Error("one state, two files")
	}
}

func TestAMovingAverageComesBackToo(t *testing.T) {
	s := state()
	s.Averaged = true
	for i, w := range s.Weights {
		s.Weights[i].Average = make([]float32, len(w.Value))
		s.Weights[i].Average[0] = 0.5
	}
	if _, got, err := checkpoint.Decode(encoded(t, s)); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%+v, %v", got, err)
	}
	s.Weights[0].Average[0] = float32(math.Inf(1))
	if what := s.NonFinite(); what != "average.w" {
		t.Errorf("%q is not finite", what)
	}
}

func TestAScoreThatWasNotJudgedStaysSo(t *testing.T) {
	s := state()
	s.Epochs[1].Score = math.NaN()
	_, got, err := checkpoint.Decode(encoded(t, s))
	if err != nil || !math.IsNaN(got.Epochs[1].Score) || got.Epochs[0].Score != 0.5 {
		t.Errorf("%+v, %v", got.Epochs, err)
	}
}

func TestAFileThatIsNoCheckpointIsRefused(t *testing.T) {
	other := func(set func(*pyg.Dict)) []byte {
		var d pyg.Dict
		set(&d)
		var b bytes.Buffer
		if err := pyg.Save(&b, &d); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole := encoded(t, state())
	header := `{"format_version":1,"best_epoch":0,"parameters":["w"]}`
	for name, file := range map[string][]byte{
		"nothing":         nil,
		"half a file":     whole[:len(whole)/2],
		"another dict":    other(func(d *pyg.Dict) { d.Set("x", "y") }),
		"another version": other(func(d *pyg.Dict) { d.Set("header", `{"format_version":2}`) }),
		"no such epoch":   other(func(d *pyg.Dict) { d.Set("header", `{"format_version":1,"best_epoch":3}`) }),
		"no weights":      other(func(d *pyg.Dict) { d.Set("header", header) }),
		"moments of another size": other(func(d *pyg.Dict) {
			d.Set("header", header)
			d.Set("model.w", pyg.NewTensor([]float32{1, 2}, 2))
			for _, key := range []string{"best.w", "adam.exp_avg.w", "adam.exp_avg_sq.w"} {
				d.Set(key, pyg.NewTensor([]float32{1}, 1))
			}
		}),
	} {
		if _, _, err := checkpoint.Decode(file); !errors.Is(err, checkpoint.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStateThatIsNotFiniteIsNamedAndNeitherWrittenNorRead(t *testing.T) {
	one := func() checkpoint.State {
		ones := []float32{1, 1}
		return checkpoint.State{Weights: []checkpoint.Weights{{
			Name: "w", Shape: []int{2}, Value: ones, Best: ones, ExpAvg: ones, ExpAvgSq: ones, Steps: 1,
		}}}
	}
	if what := one().NonFinite(); what != "" {
		t.Errorf("%q of a finite state", what)
	}
	bad := []float32{1, float32(math.NaN())}
	for want, set := range map[string]func(*checkpoint.Weights){
		"model.w":           func(w *checkpoint.Weights) { w.Value = bad },
		"best.w":            func(w *checkpoint.Weights) { w.Best = bad },
		"adam.exp_avg.w":    func(w *checkpoint.Weights) { w.ExpAvg = bad },
		"adam.exp_avg_sq.w": func(w *checkpoint.Weights) { w.ExpAvgSq = []float32{float32(math.Inf(1)), 1} },
		"adam.step.w":       func(w *checkpoint.Weights) { w.Steps = bad[1] },
	} {
		s := one()
		set(&s.Weights[0])
		if what := s.NonFinite(); what != want {
			t.Errorf("%q, want %q", what, want)
		}
		if err := checkpoint.Encode(&bytes.Buffer{}, origin(), s); err == nil || !strings.Contains(err.Error(), want+" is not finite") {
			t.Errorf("%s is written: %v", want, err)
		}
	}
	// What an older version wrote.
	var d pyg.Dict
	d.Set("header", `{"format_version":1,"best_epoch":0,"parameters":["w"]}`)
	for _, key := range []string{"model.w", "best.w", "adam.exp_avg.w", "adam.exp_avg_sq.w"} {
		d.Set(key, pyg.NewTensor(bad, 2))
	}
	d.Set("adam.step.w", pyg.NewTensor([]float32{1}))
	d.Set("rng", pyg.NewTensor([]byte{1}, 1))
	var file bytes.Buffer
	if err := pyg.Save(&file, &d); err != nil {
		t.Fatal(err)
	}
	if _, _, err := checkpoint.Decode(file.Bytes()); !errors.Is(err, checkpoint.ErrInvalid) || !strings.Contains(err.Error(), "diverged: model.w is not finite") {
		t.Errorf("it is read: %v", err)
	}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*checkpoint.Origin)
		want   string // empty: no difference
	}{
		"nothing":          {func(*checkpoint.Origin) {}, ""},
		"a setting":        {func(o *checkpoint.Origin) { o.Settings["HIDDEN"] = "32" }, "HIDDEN was 64 and is 32"},
		"a new setting":    {func(o *checkpoint.Origin) { o.Settings["LAYERS"] = "3" }, "LAYERS was unset and is 3"},
		"one that may":     {func(o *checkpoint.Origin) { o.Settings["EPOCHS"] = "20" }, ""},
		"threads":          {func(o *checkpoint.Origin) { o.Threads = 1 }, ""},
		"nodes":            {func(o *checkpoint.Origin) { o.Data.Symbols = []string{"A"} }, "the nodes were A,B and are A"},
		"the last bar":     {func(o *checkpoint.Origin) { o.Data.Last, o.Data.Snapshots = "2024-01-02T00:00:00Z", 300 }, "and are 300 snapshots from"},
		"values only":      {func(o *checkpoint.Origin) { o.Data.SHA256 = "bb" }, "other values than before"},
		"a setting unset":  {func(o *checkpoint.Origin) { delete(o.Settings, "SEED") }, "SEED was 42 and is unset"},
		"another features": {func(o *checkpoint.Origin) { o.Data.Features = []string{"g"} }, "the features were f and are g"},
	} {
		now := origin()
		c.change(&now)
		got := strings.Join(origin().Differences(now, "EPOCHS"), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestEveryIsEpochsOrTime(t *testing.T) {
	for text, want := range map[string]checkpoint.Every{
		"1": {Epochs: 1}, "10": {Epochs: 10}, "5m": {Time: 5 * time.Minute}, "1h30m": {Time: 90 * time.Minute},
	} {
		var e checkpoint.Every
		if err := e.UnmarshalText([]byte(text)); err != nil || e != want {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
		var again checkpoint.Every
		if err := again.UnmarshalText([]byte(e.String())); err != nil || again != e {
			t.Errorf("%s is written as %s", text, e)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "ten", "10ms", "-5m", " 5"} {
		var e checkpoint.Every
		if err := e.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

// Whatever a file holds, decoding rejects it or gives a state that encodes.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, state()))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, file []byte) {
		o, s, err := checkpoint.Decode(file)
		if err != nil {
			if !errors.Is(err, checkpoint.ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if err := checkpoint.Encode(&bytes.Buffer{}, o, s); err != nil {
			t.Errorf("what was decoded does not encode: %v", err)
		}
	})
}
