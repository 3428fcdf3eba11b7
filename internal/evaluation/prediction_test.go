package evaluation

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// row makes a valid prediction; score follows from the probabilities.
func row(openTime int64, symbol, split string, label *int64, ret *float64, down, flat, up float64) Prediction {
	return Prediction{
		OpenTime: openTime, Symbol: symbol, Split: split, Horizon: 6, Label: label, Return: ret,
		Score: up - down, PDown: down, PFlat: flat, PUp: up,
	}
}

func writeFile(t *testing.T, rows []Prediction) string {
	t.Helper()
	var b bytes.Buffer
	if err := WritePredictions(&b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "predictions.parquet")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPandasReadsThePredictionsThatWereWritten(t *testing.T) {
	path := writeFile(t, []Prediction{
		row(1722500000000, "BTCUSDT", "train", new(int64(0)), new(-0.1), 0.5, 0.25, 0.25),
		row(1722500000000, "ЕЖUSDT", "valid", nil, new(1e-9), 0.2, 0.2, 0.6),
		row(1722500300000, "BTCUSDT", "test", new(int64(2)), nil, 0.1, 0.7, 0.2),
		row(1722500600000, "ETHUSDT", "live", nil, nil, 0, 0, 1),
	})
	var got map[string]any
	runPython(t, &got, "read_predictions.py", path)
	// As they went in: the differences keep their float64 rounding.
	up, down := 0.6, 0.1
	want := map[string]any{
		"columns":     []any{"open_time", "symbol", "split", "horizon", "label", "return", "score", "p_down", "p_flat", "p_up"},
		"dtypes":      []any{"int64", "string", "string", "int64", "float64", "float64", "float64", "float64", "float64", "float64"},
		"arrow":       []any{"int64", "string", "string", "int64", "int64", "double", "double", "double", "double", "double"},
		"nullable":    []any{false, false, false, false, true, true, false, true, true, true},
		"compression": []any{"ZSTD"},
		"rows": []any{
			[]any{1722500000000.0, "BTCUSDT", "train", 6.0, 0.0, -0.1, -0.25, 0.5, 0.25, 0.25},
			[]any{1722500000000.0, "ЕЖUSDT", "valid", 6.0, nil, 1e-9, up - 0.2, 0.2, 0.2, 0.6},
			[]any{1722500300000.0, "BTCUSDT", "test", 6.0, 2.0, nil, 0.2 - down, 0.1, 0.7, 0.2},
			[]any{1722500600000.0, "ETHUSDT", "live", 6.0, nil, nil, 1.0, 0.0, 0.0, 1.0},
		},
	}
	for key := range want {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s:\n got %v\nwant %v", key, got[key], want[key])
		}
	}
}

// manyRows are n distinct rows, snapshots of 50 symbols.
func manyRows(n int) iter.Seq[Prediction] {
	return func(yield func(Prediction) bool) {
		for i := range n {
			up := float64(i%97) / 97
			p := row(int64(i/50)*300_000, "S"+string(rune('A'+i%50)), "train", new(int64(i%3)), new(float64(i)*1e-6), 1-up, 0, up)
			if !yield(p) {
				return
			}
		}
	}
}

func TestRowGroupsAreBoundedAndRowsKeepTheirOrder(t *testing.T) {
	const n = rowGroupRows + writeBatch + 7
	var b bytes.Buffer
	if err := WritePredictions(&b, manyRows(n)); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for _, g := range f.RowGroups() {
		sizes = append(sizes, g.NumRows())
	}
	if want := []int64{rowGroupRows, n - rowGroupRows}; !slices.Equal(sizes, want) {
		t.Errorf("row groups of %v rows, want %v", sizes, want)
	}
	rows, err := parquet.Read[record](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var want []record
	for p := range manyRows(n) {
		want = append(want, p.record())
	}
	if !reflect.DeepEqual(rows, want) {
		t.Error("what was read is not what was written")
	}
}

func TestEqualRowsGiveEqualBytes(t *testing.T) {
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := WritePredictions(w, manyRows(5000)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writings of the same rows differ")
	}
}

func TestNoRowsAreAFileWithoutRows(t *testing.T) {
	var b bytes.Buffer
	if err := WritePredictions(&b, manyRows(0)); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 0 || len(f.Schema().Columns()) != 10 {
		t.Errorf("%d rows and %d columns, want 0 and 10", f.NumRows(), len(f.Schema().Columns()))
	}
}

func TestARowThatCannotBeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Prediction)
		says   string
	}{
		{"a split of no part", func(p *Prediction) { p.Split = "gap" }, `split "gap" is none of`},
		{"no symbol", func(p *Prediction) { p.Symbol = "" }, "symbol is empty"},
		{"a fourth class", func(p *Prediction) { p.Label = new(int64(3)) }, "label 3 is none of"},
		{"PyG's unlabelled", func(p *Prediction) { p.Label = new(int64(-100)) }, "label -100 is none of"},
		{"a return that is NaN", func(p *Prediction) { p.Return = new(math.NaN()) }, "return NaN"},
		{"an infinite return", func(p *Prediction) { p.Return = new(math.Inf(-1)) }, "return -Inf"},
		{"a probability that is NaN", func(p *Prediction) { p.PUp = math.NaN() }, "p_up NaN"},
		{"a logit in place of a probability", func(p *Prediction) { p.PDown = -1.5 }, "p_down -1.5"},
		{"probabilities that are not one in all", func(p *Prediction) { p.PFlat = 0.2 }, "sum to"},
		{"a score of another kind", func(p *Prediction) { p.Score = p.PUp }, "is not p_up - p_down"},
		{"a score that is NaN", func(p *Prediction) { p.Score = math.NaN() }, "score NaN"},
		{"a live row that knows its return", func(p *Prediction) { p.Split, p.Label = "live", nil }, "only the future holds"},
		{"a live row that knows its label", func(p *Prediction) { p.Split, p.Return = "live", nil }, "only the future holds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := row(1722500000000, "BTCUSDT", "train", new(int64(1)), new(0.01), 0.2, 0.5, 0.3)
			bad := good
			c.change(&bad)
			err := WritePredictions(io.Discard, slices.Values([]Prediction{good, bad}))
			if err == nil {
				t.Fatal("it was written")
			}
			for _, part := range []string{c.says, "row 1", "1722500000000"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if _, err := Evaluate(slices.Values([]Prediction{good, bad}), 1); err == nil {
				t.Error("it was evaluated")
			}
			if _, err := EvaluateSplits(slices.Values([]Prediction{good, bad})); err == nil {
				t.Error("it was evaluated among splits")
			}
		})
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestAWriterThatFailsIsToldOf(t *testing.T) {
	if err := WritePredictions(fullDisk{}, manyRows(10)); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestOfSymbolKeepsOneSymbolAndStopsWhenToldTo(t *testing.T) {
	var times []int64
	for p := range OfSymbol(manyRows(200), "SB") {
		if p.Symbol != "SB" {
			t.Fatalf("a row of %s", p.Symbol)
		}
		times = append(times, p.OpenTime)
		if len(times) == 3 {
			break
		}
	}
	if want := []int64{0, 300_000, 600_000}; !slices.Equal(times, want) {
		t.Errorf("rows at %v, want %v", times, want)
	}
}

func TestATaskWithoutClassesHasNoProbabilities(t *testing.T) {
	ret := 0.25
	p := Prediction{OpenTime: 1, Symbol: "A", Split: "test", Horizon: 6, Return: &ret, Score: 3.5, PDown: math.NaN(), PFlat: math.NaN(), PUp: math.NaN()}
	var b bytes.Buffer
	if err := WritePredictions(&b, slices.Values([]Prediction{p, {OpenTime: 1, Symbol: "B", Split: "test", Horizon: 6, Score: 1, PUp: 1}})); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[record](bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.PDown != nil || r.PFlat != nil || r.PUp != nil || r.Score != 3.5 || *r.Return != 0.25 {
		t.Errorf("%+v", r)
	}
	if r := rows[1]; r.PUp == nil || *r.PUp != 1 || *r.PDown != 0 {
		t.Errorf("%+v", r)
	}
	m, err := EvaluateSplits(slices.Values([]Prediction{p}))
	if err != nil || m.Test.ReturnCount != 1 || m.Test.Count != 0 || !math.IsNaN(float64(m.Test.Accuracy)) {
		t.Errorf("%+v, %v", m.Test, err)
	}
	p.Score = math.Inf(1)
	if err := p.Validate(); err == nil {
		t.Error("an infinite score passes")
	}
}
