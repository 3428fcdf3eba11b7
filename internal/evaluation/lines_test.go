package evaluation

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestALineHasTheColumnsOfTheParquetFileAndEveryBit(t *testing.T) {
	p := Prediction{OpenTime: 1717200000000, Symbol: "BTCUSDT", Split: "live", Horizon: 6}
	p.SetProbabilities([]string{"p_down", "p_flat", "p_up"}, []float32{0.1, 0.2, 0.7})
	p.Score = float64(float32(0.7) - float32(0.1))
	score := Prediction{OpenTime: 1717200000000, Symbol: "ETHUSDT", Split: "live", Horizon: 1, Fold: 3, Score: math.Nextafter(0.1, 1)}
	score.SetProbabilities([]string{"score"}, []float32{0.1})
	var b strings.Builder
	if err := WriteLines(&b, slices.Values([]Prediction{p, score}), "q1"); err != nil {
		t.Fatal(err)
	}
	want := `{"open_time":1717200000000,"symbol":"BTCUSDT","split":"live","horizon":6,"label":null,"return":null,"score":0.5999999642372131,` +
		`"p_down":0.10000000149011612,"p_flat":0.20000000298023224,"p_up":0.699999988079071,"model_queue_id":"q1"}` + "\n" +
		`{"open_time":1717200000000,"symbol":"ETHUSDT","split":"live","horizon":1,"fold":3,"label":null,"return":null,"score":0.10000000000000002,` +
		`"p_down":null,"p_flat":null,"p_up":null,"model_queue_id":"q1"}` + "\n"
	if b.String() != want {
		t.Errorf("written as\n%s", b.String())
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	var read struct{ Score float64 }
	if err := json.Unmarshal([]byte(first), &read); err != nil || read.Score != p.Score {
		t.Errorf("the score is read as %v, %v", read.Score, err)
	}
	b.Reset()
	score.Score = math.NaN()
	if err := WriteLines(&b, slices.Values([]Prediction{p, score}), "q1"); err == nil || b.Len() > 0 {
		t.Errorf("a diverged model writes %q, %v", b.String(), err)
	}
}

func TestAMessageHasTheLinesOfItsBar(t *testing.T) {
	rows := barOf(1717200000000, 0)
	got, err := Message(Bar{"m<1", "q1", "5m", 1717200000000, 1717200300000}, slices.Values(rows))
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	if err := WriteLines(&lines, slices.Values(rows), "q1"); err != nil {
		t.Fatal(err)
	}
	want := `{"model_name":"m<1","model_queue_id":"q1","interval":"5m","open_time":1717200000000,"close_time":1717200300000,"predictions":[` +
		strings.Join(strings.Fields(lines.String()), ",") + `]}`
	if string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, err := Message(Bar{}, slices.Values([]Prediction{})); err != nil || !strings.HasSuffix(string(got), `"predictions":[]}`) {
		t.Errorf("of nothing: %s, %v", got, err)
	}
}
