package evaluation

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// barOf is a bar of predictions of three symbols.
func barOf(openTime int64, fold int64) []Prediction {
	var rows []Prediction
	for i := range 3 {
		p := Prediction{OpenTime: openTime, Symbol: fmt.Sprintf("S%d", i), Split: "live", Horizon: 1, Fold: fold, Score: math.Sqrt(float64(i) + float64(openTime))}
		p.SetProbabilities([]string{"score"}, []float32{1})
		rows = append(rows, p)
	}
	return rows
}

func TestABarIsInAFileOnceWhateverComesAgainAndInWhateverOrder(t *testing.T) {
	add := func(file []byte, bar []Prediction, model string) []byte {
		t.Helper()
		added, err := AppendBar(file, slices.Values(bar), model)
		if err != nil {
			t.Fatal(err)
		}
		if added == nil {
			return file
		}
		return added
	}
	var file []byte
	for _, at := range []int64{100, 300, 200} { // one is late
		file = add(file, barOf(at, 0), "q1")
	}
	for _, at := range []int64{300, 100, 200} {
		again := barOf(at, 0)
		again[0].Score = 7
		if more, err := AppendBar(file, slices.Values(again[:2]), "q1"); err != nil || more != nil {
			t.Errorf("the bar %d is written again: %v", at, err)
		}
	}
	file = add(file, barOf(200, 2), "q2") // another model
	rows, err := parquet.Read[liveRecord](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(rows) != 12 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%d %s %s", r.OpenTime, r.Symbol, r.ModelQueueID))
		if r.Score != math.Sqrt(float64(r.Symbol[1]-'0')+float64(r.OpenTime)) || r.PUp != nil || r.Label != nil || (r.Fold != nil) != (r.ModelQueueID == "q2") {
			t.Errorf("%+v", r)
		}
	}
	var want []string
	for _, bar := range []string{"100 %s q1", "200 %s q1", "200 %s q2", "300 %s q1"} {
		for _, symbol := range []string{"S0", "S1", "S2"} {
			want = append(want, fmt.Sprintf(bar, symbol))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// The same bars in the same order have the same bytes.
	same := add(add(add(add(nil, barOf(100, 0), "q1"), barOf(300, 0), "q1"), barOf(200, 0), "q1"), barOf(200, 2), "q2")
	if !bytes.Equal(file, same) {
		t.Error("equal bars have other bytes")
	}
	if _, err := AppendBar(file[:len(file)/2], slices.Values(barOf(400, 0)), "q1"); err == nil {
		t.Error("half a file is taken")
	}
	wrong := barOf(400, 0)
	wrong[2].Score = math.NaN()
	if more, err := AppendBar(file, slices.Values(wrong), "q1"); err == nil || more != nil {
		t.Error("a diverged model is written")
	}
}
