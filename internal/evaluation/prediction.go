// Package evaluation measures predictions: rows of predictions enter, their
// metrics and predictions.parquet leave. It knows no network and no store.
package evaluation

import (
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/streamforge/gnn-trainer/data"
)

// Classes names the three directions; a class is an index into it.
var Classes = [3]string{"down", "flat", "up"}

// Prediction is what a model predicts of one symbol at one snapshot and horizon,
// and the realised outcome: one row of predictions.parquet, columns in this order.
type Prediction struct {
	OpenTime int64    // of the last bar known, Unix ms
	Symbol   string   // a node
	Split    string   // train, valid, test or live, at this horizon
	Horizon  int64    // bars; 0 for a graph without time
	Fold     int64    // that predicts it, from 1; 0: there is one alone
	Label    *int64   // class: 0 down, 1 flat, 2 up; nil: none, or not known yet
	Return   *float64 // log return over the horizon; nil: none, or not known yet
	Score    float64  // higher: a higher return is expected; with classes PUp - PDown, in [-1, 1]

	// Funding is what a long position pays over the horizon, a share of it; below 0
	// where it receives. 0 where it is not known. It is not in predictions.parquet.
	Funding float64

	PDown, PFlat, PUp float64 // NaN where the task has no such classes

	// Classes are the probabilities of a task whose classes the data decide, such as
	// those of a citation network's nodes; nil: the classes are the directions, or
	// there are none. Score is the greatest of them.
	Classes []float32
}

// HasClasses reports whether the task predicts classes.
func (p *Prediction) HasClasses() bool {
	return p.Classes != nil || !(math.IsNaN(p.PDown) && math.IsNaN(p.PFlat) && math.IsNaN(p.PUp))
}

// numbered begins the names of columns of classes without names: p_0, p_1 and so on.
const numbered = "p_0"

// SetProbabilities sets those of the classes by the names of their columns, and
// those of a task without classes to NaN. It may keep values.
func (p *Prediction) SetProbabilities(columns []string, values []float32) {
	p.PDown, p.PFlat, p.PUp = math.NaN(), math.NaN(), math.NaN()
	if len(columns) > 0 && columns[0] == numbered {
		p.Classes = values
		return
	}
	for j, name := range columns {
		switch name {
		case "p_down":
			p.PDown = float64(values[j])
		case "p_flat":
			p.PFlat = float64(values[j])
		case "p_up":
			p.PUp = float64(values[j])
		}
	}
}

// record is a Prediction as predictions.parquet has it.
type record struct {
	OpenTime int64    `parquet:"open_time,dict"`
	Symbol   string   `parquet:"symbol,dict"`
	Split    string   `parquet:"split,dict"`
	Horizon  int64    `parquet:"horizon,dict"`
	Label    *int64   `parquet:"label,optional"`
	Return   *float64 `parquet:"return,optional"`
	Score    float64  `parquet:"score"`
	PDown    *float64 `parquet:"p_down,optional"`
	PFlat    *float64 `parquet:"p_flat,optional"`
	PUp      *float64 `parquet:"p_up,optional"`
}

// record shares p's values.
func (p *Prediction) record() record {
	r := record{p.OpenTime, p.Symbol, p.Split, p.Horizon, p.Label, p.Return, p.Score, nil, nil, nil}
	if p.HasClasses() {
		r.PDown, r.PFlat, r.PUp = &p.PDown, &p.PFlat, &p.PUp
	}
	return r
}

// foldRecord is a record of a walk-forward.
type foldRecord struct {
	OpenTime int64    `parquet:"open_time,dict"`
	Symbol   string   `parquet:"symbol,dict"`
	Split    string   `parquet:"split,dict"`
	Horizon  int64    `parquet:"horizon,dict"`
	Fold     int64    `parquet:"fold,dict"`
	Label    *int64   `parquet:"label,optional"`
	Return   *float64 `parquet:"return,optional"`
	Score    float64  `parquet:"score"`
	PDown    *float64 `parquet:"p_down,optional"`
	PFlat    *float64 `parquet:"p_flat,optional"`
	PUp      *float64 `parquet:"p_up,optional"`
}

func (p *Prediction) foldRecord() foldRecord {
	r := p.record()
	return foldRecord{r.OpenTime, r.Symbol, r.Split, r.Horizon, p.Fold, r.Label, r.Return, r.Score, r.PDown, r.PFlat, r.PUp}
}

// Softmax runs in float32, so its sum and differences carry its rounding.
const probabilityTolerance = 1e-5

// Validate says what is wrong with a row in one sentence, or nil.
func (p *Prediction) Validate() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("prediction of %q at open_time %d: %s", p.Symbol, p.OpenTime, fmt.Sprintf(format, a...))
	}
	switch data.Split(p.Split) {
	case data.Train, data.Valid, data.Test:
	case data.Live:
		if p.Label != nil || p.Return != nil {
			return bad("a live row has a label or a return, which only the future holds: leave both nil")
		}
	default:
		return bad("split %q is none of train, valid, test, live: leave out rows of no split", p.Split)
	}
	if p.Horizon < 0 {
		return bad("the horizon is %d bars: give the number of bars ahead, or 0 for a graph without time", p.Horizon)
	}
	if p.Fold < 0 {
		return bad("the fold is %d: count folds from 1, or give 0 where there is one alone", p.Fold)
	}
	if p.Symbol == "" {
		return bad("the symbol is empty: name the node")
	}
	if p.Classes != nil {
		return p.validateClasses(bad)
	}
	if p.Label != nil && (*p.Label < 0 || *p.Label >= int64(len(Classes))) {
		return bad("label %d is none of 0 (down), 1 (flat), 2 (up): leave it nil where there is none", *p.Label)
	}
	if p.Return != nil && !finite(*p.Return) {
		return bad("return %v is not a number: leave it nil where there is none", *p.Return)
	}
	if !p.HasClasses() {
		if !finite(p.Score) {
			return bad("score %v is not a number: look for a model that diverged", p.Score)
		}
		return nil
	}
	for i, v := range p.probabilities() {
		if !(v >= 0 && v <= 1) {
			return bad("p_%s %v is no probability in [0, 1]: look for a model that diverged", Classes[i], v)
		}
	}
	if sum := p.PDown + p.PFlat + p.PUp; math.Abs(sum-1) > probabilityTolerance {
		return bad("probabilities sum to %v, not 1: pass the softmax of the logits", sum)
	}
	if want := p.PUp - p.PDown; !(math.Abs(p.Score-want) <= probabilityTolerance) {
		return bad("score %v is not p_up - p_down = %v: pass that", p.Score, want)
	}
	return nil
}

// validateClasses is the rest of Validate where the data decide the classes.
func (p *Prediction) validateClasses(bad func(format string, a ...any) error) error {
	if p.Label != nil && (*p.Label < 0 || *p.Label >= int64(len(p.Classes))) {
		return bad("label %d is none of the classes 0 to %d: leave it nil where there is none", *p.Label, len(p.Classes)-1)
	}
	sum, most := 0.0, 0.0
	for c, v := range p.Classes {
		if !(v >= 0 && v <= 1) {
			return bad("p_%d %v is no probability in [0, 1]: look for a model that diverged", c, v)
		}
		sum, most = sum+float64(v), max(most, float64(v))
	}
	if math.Abs(sum-1) > probabilityTolerance*max(1, float64(len(p.Classes))/10) {
		return bad("probabilities sum to %v, not 1: pass the softmax of the logits", sum)
	}
	if !(math.Abs(p.Score-most) <= probabilityTolerance) {
		return bad("score %v is not the greatest probability, %v: pass that", p.Score, most)
	}
	return nil
}

func (p *Prediction) probabilities() [3]float64 { return [3]float64{p.PDown, p.PFlat, p.PUp} }

// numClasses is how many classes have probabilities; there are some.
func (p *Prediction) numClasses() int {
	if p.Classes != nil {
		return len(p.Classes)
	}
	return len(Classes)
}

// probability is that of one class.
func (p *Prediction) probability(class int) float64 {
	if p.Classes != nil {
		return float64(p.Classes[class])
	}
	return p.probabilities()[class]
}

// class is the most probable one, the lower of equals.
func (p *Prediction) class() int {
	best := 0
	for c := range p.numClasses() {
		if p.probability(c) > p.probability(best) {
			best = c
		}
	}
	return best
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// OfSymbol keeps the rows of one symbol.
func OfSymbol(rows iter.Seq[Prediction], symbol string) iter.Seq[Prediction] {
	return func(yield func(Prediction) bool) {
		for p := range rows {
			if p.Symbol == symbol && !yield(p) {
				return
			}
		}
	}
}

const (
	rowGroupRows = 122_880 // the row group that DuckDB works in; about 10 MB here
	writeBatch   = 1024    // rows handed over at once
)

// WritePredictions writes rows in their order as a Parquet file: plain types
// only (int64, double, UTF-8 string; label, return and probabilities optional), zstd pages,
// row groups of 122,880 rows. Equal rows give equal bytes. A row that Validate
// rejects ends it with an error, and what was written is then no valid file.
func WritePredictions(w io.Writer, rows iter.Seq[Prediction]) error {
	return write(w, rows, (*Prediction).record)
}

// WriteFolds is WritePredictions of a walk-forward: with the column fold behind
// horizon.
func WriteFolds(w io.Writer, rows iter.Seq[Prediction]) error {
	return write(w, rows, (*Prediction).foldRecord)
}

func write[R any](w io.Writer, rows iter.Seq[Prediction], record func(*Prediction) R) error {
	pw := parquet.NewGenericWriter[R](w,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
	)
	n, records := 0, make([]R, writeBatch)
	for batch := range chunks(rows, writeBatch) {
		for i := range batch {
			if err := batch[i].Validate(); err != nil {
				return fmt.Errorf("writing predictions: row %d: %w", n+i, err)
			}
			records[i] = record(&batch[i])
		}
		if _, err := pw.Write(records[:len(batch)]); err != nil {
			return fmt.Errorf("writing predictions: %w", err)
		}
		n += len(batch)
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("closing predictions: %w", err)
	}
	return nil
}

// chunks groups rows by size; the slice is used again for the next group.
func chunks(rows iter.Seq[Prediction], size int) iter.Seq[[]Prediction] {
	return func(yield func([]Prediction) bool) {
		batch := make([]Prediction, 0, size)
		for p := range rows {
			batch = append(batch, p)
			if len(batch) == size {
				if !yield(batch) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}
