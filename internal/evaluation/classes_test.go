package evaluation

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// classified are test rows of four classes, of which three are predicted right.
func classified() []Prediction {
	row := func(symbol string, label int64, p ...float32) Prediction {
		return Prediction{Symbol: symbol, Split: "test", Label: &label, Score: float64(slices.Max(p)), Classes: p}
	}
	return []Prediction{
		row("a", 0, 0.7, 0.1, 0.1, 0.1), row("b", 3, 0, 0.25, 0.25, 0.5),
		row("c", 1, 0.25, 0.5, 0.25, 0), row("d", 2, 0.5, 0.25, 0.25, 0),
	}
}

func TestTasksOfOtherClassesAreMeasuredByTheirOwn(t *testing.T) {
	m, err := EvaluateSplits(slices.Values(classified()))
	if err != nil {
		t.Fatal(err)
	}
	logLoss := -(math.Log(0.7) + 2*math.Log(0.5) + math.Log(0.25)) / 4
	if got := m.Test; got.Count != 4 || got.Accuracy != 0.75 || got.BalancedAccuracy != 0.75 || math.Abs(float64(got.LogLoss)-logLoss) > 1e-7 {
		t.Errorf("%+v", got)
	}
	if !math.IsNaN(float64(m.Test.ClassShares.Flat)) {
		t.Errorf("%v of the labels are flat", m.Test.ClassShares.Flat)
	}
	rows := append(classified(), Prediction{Symbol: "e", Split: "test", Label: new(int64(1)), PFlat: 1})
	if _, err := EvaluateSplits(slices.Values(rows)); err == nil || !strings.Contains(err.Error(), "rows of 4 and of 3 classes") {
		t.Errorf("got %v", err)
	}
}

func TestRowsOfOtherClassesAreChecked(t *testing.T) {
	for says, change := range map[string]func(*Prediction){
		"label 4 is none of the classes 0 to 3":          func(p *Prediction) { p.Label = new(int64(4)) },
		"p_1 1.5 is no probability":                      func(p *Prediction) { p.Classes[1] = 1.5 },
		"not 1: pass the softmax":                        func(p *Prediction) { p.Classes[1] = 0.2 },
		"score 0.1 is not the greatest probability, 0.7": func(p *Prediction) { p.Score = 0.1 },
	} {
		p := classified()[0]
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "0.699999988079071", "0.7"), says) {
			t.Errorf("got %v, want an error of %q", err, says)
		}
	}
}

func TestAComparisonOfOtherClassesIsByAccuracyOverNodes(t *testing.T) {
	var mine, other []Prediction
	for i := range 60 {
		for k, p := range classified() {
			p.Symbol += string(rune('A' + i))
			mine = append(mine, p)
			p.Classes = []float32{1, 0, 0, 0}
			if p.Score = 1; k == 3 {
				p.Classes = classified()[3].Classes
				p.Score = 0.5
			}
			other = append(other, p)
		}
	}
	c := NewTestSplit(slices.Values(mine)).Compare(NewTestSplit(slices.Values(other)), "other", 0)
	if c.Metric != "accuracy" || math.Abs(float64(c.Difference)-0.5) > 1e-9 || c.Better() != 1 {
		t.Errorf("%+v", c)
	}
}

func TestTheColumnsOfOtherClassesAreNumbered(t *testing.T) {
	var file bytes.Buffer
	rows := classified()
	rows[1].Label = nil
	if err := WriteClasses(&file, slices.Values(rows), 4); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, column := range f.Schema().Columns() {
		names = append(names, strings.Join(column, "."))
	}
	if want := strings.Fields("open_time symbol split horizon label return score p_0 p_1 p_2 p_3"); !slices.Equal(names, want) {
		t.Errorf("the columns are %v", names)
	}
	type read struct {
		Symbol string  `parquet:"symbol"`
		Label  *int64  `parquet:"label,optional"`
		P1     float64 `parquet:"p_1"`
		P3     float64 `parquet:"p_3"`
	}
	got, err := parquet.Read[read](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[1].Symbol != "b" || got[1].Label != nil || got[1].P1 != 0.25 || got[1].P3 != 0.5 || *got[2].Label != 1 {
		t.Errorf("%+v", got)
	}
	if err := WriteClasses(io.Discard, slices.Values(rows), 5); err == nil || !strings.Contains(err.Error(), "row 0 has 4 classes, not 5") {
		t.Errorf("got %v", err)
	}
}
