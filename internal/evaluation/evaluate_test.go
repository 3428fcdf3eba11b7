package evaluation

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

// randomRows are predictions with the awkward cases in them: tied
// probabilities and scores, returns of exactly 0, missing labels and returns,
// snapshots of one or two symbols, constant scores or returns, and
// probabilities of exactly 0.
func randomRows(rng *rand.Rand, snapshots int) []Prediction {
	var rows []Prediction
	for t := range snapshots {
		split := []string{"train", "valid", "test", "live"}[min(t*4/snapshots, 3)]
		constantScore, constantReturn := rng.IntN(9) == 0, rng.IntN(9) == 0
		for i := range 1 + rng.IntN(12) {
			// Quarters tie often and are exact.
			down := float64(rng.IntN(5))
			flat := float64(rng.IntN(5 - int(down)))
			if constantScore {
				down, flat = 1, 2
			}
			var label *int64
			var ret *float64
			if split != "live" && rng.IntN(8) > 0 {
				label = new(int64(min(rng.IntN(4), 2)))
			}
			if split != "live" && rng.IntN(8) > 0 {
				ret = new(float64(rng.IntN(7)-3) / 512)
				if constantReturn {
					*ret = 0.125
				}
			}
			rows = append(rows, row(int64(t)*300_000, fmt.Sprintf("S%d", i), split, label, ret, down/4, flat/4, (4-down-flat)/4))
		}
	}
	return rows
}

func TestMetricsAgreeWithScikitLearnAndPandas(t *testing.T) {
	cases := []struct {
		name string
		rows []Prediction
	}{
		{"ties and gaps", randomRows(rand.New(rand.NewPCG(1, 2)), 400)},
		{"few rows", randomRows(rand.New(rand.NewPCG(3, 4)), 12)},
		{"smooth scores", smoothRows(rand.New(rand.NewPCG(5, 6)), 120, 20)},
	}
	var files []string
	for _, c := range cases {
		files = append(files, writeFile(t, c.rows))
	}
	var want []any // all in one run of Python, whose start is what takes long
	runPython(t, &want, "metrics_reference.py", files...)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			splits, err := EvaluateSplits(slices.Values(c.rows))
			if err != nil {
				t.Fatal(err)
			}
			got := asJSON(t, splits)
			for _, split := range got { // drawn: blocks_test.go looks at it
				for _, interval := range []string{"auc_interval", "ic_interval", "rank_ic_interval"} {
					delete(split.(map[string]any), interval)
				}
				for _, at := range split.(map[string]any)["precision"].(map[string]any) {
					delete(at.(map[string]any), "interval")
				}
			}
			compare(t, "", got, want[i], 1e-12)
		})
	}
}

// smoothRows are what a model with some skill gives: softmax of logits that
// lean on the return.
func smoothRows(rng *rand.Rand, snapshots, symbols int) []Prediction {
	var rows []Prediction
	for t := range snapshots {
		for i := range symbols {
			ret := rng.NormFloat64() * 0.01
			lean := 10*ret + rng.NormFloat64()*0.3
			down, flat, up := math.Exp(-lean), 1.1, math.Exp(lean)
			sum := down + flat + up
			label := int64(1)
			if math.Abs(ret) > 0.004 {
				label = int64(1 + math.Copysign(1, ret))
			}
			split := []string{"train", "valid", "test"}[t*3/snapshots]
			rows = append(rows, row(int64(t), fmt.Sprintf("S%d", i), split, &label, &ret, down/sum, flat/sum, up/sum))
		}
	}
	return rows
}

func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// compare fails where two JSON values differ in names, in what is null, or
// in a number by more than the tolerance.
func compare(t *testing.T, path string, got, want any, tolerance float64) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			t.Errorf("%s: got %v, want %v", path, got, want)
			return
		}
		for k := range w {
			if _, ok := g[k]; !ok {
				t.Errorf("%s has no %s", path, k)
				continue
			}
			compare(t, strings.TrimPrefix(path+"."+k, "."), g[k], w[k], tolerance)
		}
	case float64:
		if g, ok := got.(float64); !ok || math.Abs(g-w) > tolerance {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	default:
		if got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestMetricsOfPredictionsCountedByHand(t *testing.T) {
	// Labels 0 0 1 2, predicted 0 1 1 0: recalls 1/2, 1, 0.
	rows := []Prediction{
		row(1, "A", "valid", new(int64(0)), new(-0.2), 0.5, 0.25, 0.25),
		row(1, "B", "valid", new(int64(0)), new(-0.1), 0.25, 0.5, 0.25),
		row(1, "C", "valid", new(int64(1)), new(0.1), 0, 0.75, 0.25),
		row(1, "D", "valid", new(int64(2)), new(0.2), 0.5, 0, 0.5), // a tie: the lower class
	}
	got, err := Evaluate(slices.Values(rows), 0)
	if err != nil {
		t.Fatal(err)
	}
	metrics, none := asJSON(t, got), map[string]any{"low": nil, "high": nil}
	delete(metrics, "auc_interval") // drawn
	compare(t, "", metrics, map[string]any{
		"count":    4.0,
		"accuracy": 0.5, "balanced_accuracy": 0.5,
		// F1: 2*1/(2+2), 2*1/(1+2), 0
		"f1_macro": (0.5 + 2.0/3) / 3,
		"log_loss": (math.Ln2 + 2*math.Ln2 - math.Log(0.75) + math.Ln2) / 4,
		"brier":    (0.375 + 0.875 + 0.125 + 0.5) / 4,
		// 2 hits of 4; labels 2 1 1, predictions 2 2 0.
		"mcc": (2*4 - 6) / math.Sqrt((16-6)*(16-8)),
		// Scores -1/4, 0, 1/4, 0: of the pairs with B one ties.
		"return_count": 4.0, "auc": 3.5 / 4,
		// Scores around 0 with squares 1/16 + 1/16, returns with 0.1.
		"ic": 0.075 / math.Sqrt(0.125*0.1), "ic_ir": nil, "ic_t": nil,
		// Ranks 1 2.5 4 2.5 and 1 2 3 4.
		"rank_ic": (1.5*1.5 + 0.5*1.5) / math.Sqrt(4.5*5), "rank_ic_ir": nil, "rank_ic_t": nil,
		"ic_interval": none, "rank_ic_interval": none, // of one snapshot
		// The highest score is C's, the lowest A's; the median return is 0.
		"precision": map[string]any{
			"top_1":        map[string]any{"value": 1.0, "interval": none},
			"top_third":    map[string]any{"value": 1.0, "interval": none},
			"bottom_third": map[string]any{"value": 1.0, "interval": none},
		},
		"ic_snapshots":      1.0,
		"class_shares":      map[string]any{"down": 0.5, "flat": 0.25, "up": 0.25},
		"predicted_shares":  map[string]any{"down": 0.5, "flat": 0.5, "up": 0.0},
		"majority_accuracy": 0.5,
	}, 1e-15)
}

func TestWhatCannotBeKnownIsNullInJSON(t *testing.T) {
	unlabelled := []Prediction{
		row(1, "A", "valid", nil, new(0.1), 0.5, 0.25, 0.25),
		row(1, "B", "valid", nil, new(0.2), 0.25, 0.5, 0.25),
		row(1, "C", "valid", nil, new(0.3), 0.25, 0.25, 0.5),
	}
	withoutReturn := []Prediction{row(1, "A", "valid", new(int64(0)), nil, 0.5, 0.25, 0.25)}
	twoSymbols := []Prediction{unlabelled[0], unlabelled[1]}
	for _, c := range []struct {
		name      string
		rows      []Prediction
		commonest int64
		null      []string
		known     []string
	}{
		{"no rows", nil, 0, []string{"accuracy", "balanced_accuracy", "f1_macro", "log_loss", "auc", "ic", "ic_ir", "rank_ic", "majority_accuracy"}, []string{"count"}},
		{"no labels, rises only", unlabelled, 2, []string{"accuracy", "log_loss", "auc", "ic_ir", "majority_accuracy"}, []string{"ic", "rank_ic"}},
		{"no returns", withoutReturn, 0, []string{"auc", "ic", "rank_ic"}, []string{"accuracy", "log_loss", "majority_accuracy"}},
		{"no labels to train on", withoutReturn, pyg.Unlabelled, []string{"majority_accuracy"}, []string{"accuracy"}},
		{"two symbols", twoSymbols, 0, []string{"ic", "rank_ic"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Evaluate(slices.Values(c.rows), c.commonest)
			if err != nil {
				t.Fatal(err)
			}
			got := asJSON(t, m)
			for _, key := range c.null {
				if v, ok := got[key]; !ok || v != nil {
					t.Errorf("%s is %v, want null", key, v)
				}
			}
			for _, key := range c.known {
				if got[key] == nil {
					t.Errorf("%s is null", key)
				}
			}
		})
	}
}

func TestTheCommonestClassMustBeOne(t *testing.T) {
	for _, class := range []int64{-1, 3} {
		if _, err := Evaluate(manyRows(1), class); err == nil || !strings.Contains(err.Error(), fmt.Sprint(class)) {
			t.Errorf("class %d: %v", class, err)
		}
	}
}

func TestTheMajorityIsThatOfTheTrainingPart(t *testing.T) {
	label := func(split string, class int64) Prediction {
		return row(1, "A", split, &class, nil, 1, 0, 0)
	}
	splits, err := EvaluateSplits(slices.Values([]Prediction{
		label("train", 2), label("train", 2), label("train", 0),
		label("test", 0), label("test", 0), label("test", 2), label("test", 0),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := splits.Train.MajorityAccuracy; got != Float(2.0/3) {
		t.Errorf("train: %v, want 2/3", got)
	}
	if got := splits.Test.MajorityAccuracy; got != 0.25 {
		t.Errorf("test: %v, want 1/4", got)
	}
	splits, err = EvaluateSplits(slices.Values([]Prediction{label("test", 0)}))
	if err != nil {
		t.Fatal(err)
	}
	if got := splits.Test.MajorityAccuracy; !math.IsNaN(float64(got)) {
		t.Errorf("without a training split: %v, want NaN", got)
	}
}

func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	rows := randomRows(rng, 60)
	inOrder, err := EvaluateSplits(slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	shuffled, err := EvaluateSplits(slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "", asJSON(t, shuffled), asJSON(t, inOrder), 1e-13)
}

func TestAProbabilityOfZeroHasALargeButFiniteLoss(t *testing.T) {
	m, err := Evaluate(slices.Values([]Prediction{row(1, "A", "test", new(int64(0)), nil, 0, 0, 1)}), 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := Float(52 * math.Ln2); math.Abs(float64(m.LogLoss-want)) > 1e-12 {
		t.Errorf("log loss %v, want %v", m.LogLoss, want)
	}
}
