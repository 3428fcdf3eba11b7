package train

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"
)

// scheduleCase is a schedule, and how long it goes.
type scheduleCase struct {
	Kind     string  `json:"kind"`
	Base     float64 `json:"base"`
	Warmup   float64 `json:"warmup"`
	Steps    int     `json:"steps"`
	Patience int     `json:"patience"`
	Lower    bool    `json:"lower"`
	Values   []any   `json:"values"`
}

func (c scheduleCase) rates() []float64 {
	s := Schedule{Kind: c.Kind, Warmup: c.Warmup, Patience: c.Patience}
	var rates []float64
	if c.Kind != SchedulePlateau {
		for step := range c.Steps {
			rates = append(rates, s.rate(c.Base, step, c.Steps))
		}
		return rates
	}
	var values []float64
	rates = append(rates, s.plateau(c.Base, nil, c.Lower))
	for _, v := range c.Values {
		if v == nil {
			v = math.NaN()
		}
		values = append(values, v.(float64))
		rates = append(rates, s.plateau(c.Base, values, c.Lower))
	}
	return rates
}

// optim is what PyTorch itself gives.
type optim struct {
	Rates   [][]float64
	Average []float64
}

func byPyTorch(t *testing.T, schedules []scheduleCase, decay float64, weights [][]float32) (o optim) {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "../../.venv/bin/python"
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("no Python with PyTorch to compare with (make setup): %v", err)
	}
	asked, err := json.Marshal(map[string]any{"schedules": schedules, "decay": decay, "weights": weights})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/optim.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), os.Stderr
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		t.Fatalf("running PyTorch: %v", err)
	}
	return o
}

func TestTheLearningRateIsThatOfPyTorchsSchedulers(t *testing.T) {
	var cases []scheduleCase
	for _, kind := range []string{ScheduleOneCycle, ScheduleCosine} {
		for _, steps := range []int{2, 7, 40, 1001} {
			for _, warmup := range []float64{0, 0.15, 0.3, 0.9} {
				cases = append(cases, scheduleCase{Kind: kind, Base: 0.002, Warmup: warmup, Steps: steps})
			}
		}
	}
	falling := []any{1., .9, .95, .9, .90001, .8, nil, .8, .79999, .9, .9, .9, .9, .9, .9}
	rising := []any{-.1, -.05, -.05, nil, .01, .01, .005, 0., .02, .0200001, .01, .01, .01}
	for _, patience := range []int{0, 1, 2, 5} {
		cases = append(cases,
			scheduleCase{Kind: SchedulePlateau, Base: 0.01, Patience: patience, Lower: true, Values: falling},
			scheduleCase{Kind: SchedulePlateau, Base: 0.01, Patience: patience, Values: rising},
			scheduleCase{Kind: SchedulePlateau, Base: 3e-8, Patience: patience, Values: rising})
	}
	want := byPyTorch(t, cases, 0.5, [][]float32{{0}}).Rates
	for i, c := range cases {
		got := c.rates()
		if len(got) != len(want[i]) {
			t.Fatalf("%+v: %d rates, PyTorch has %d", c, len(got), len(want[i]))
		}
		for k := range got {
			if math.Abs(got[k]-want[i][k]) > 1e-9*c.Base {
				t.Errorf("%+v: rate %d is %v, PyTorch's %v", c, k, got[k], want[i][k])
				break
			}
		}
	}
}

func TestAWarmUpOfOneStepBeginsAtTheTop(t *testing.T) {
	if got := (Schedule{Kind: ScheduleOneCycle, Warmup: 0.25}).rate(1, 0, 4); got != 1 {
		t.Errorf("it begins at %v", got)
	}
}

func TestWithoutAScheduleTheRateIsTheGivenOne(t *testing.T) {
	for _, kind := range []string{"", ScheduleNone} {
		if got := (Schedule{Kind: kind, Warmup: 0.15}).rate(0.3, 5, 10); got != 0.3 {
			t.Errorf("%q gives %v", kind, got)
		}
	}
}
