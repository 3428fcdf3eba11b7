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

// Prediction is what the model says about one symbol at one snapshot, and
// what came of it: one row of predictions.parquet, columns in this order.
type Prediction struct {
	OpenTime int64    `parquet:"open_time,dict"` // of the last bar known, Unix ms
	Symbol   string   `parquet:"symbol,dict"`
	Split    string   `parquet:"split,dict"`      // train, valid, test or live
	Label    *int64   `parquet:"label,optional"`  // class: 0 down, 1 flat, 2 up; nil: none, or not known yet
	Return   *float64 `parquet:"return,optional"` // log return over HORIZON bars; nil: none, or not known yet
	Score    float64  `parquet:"score"`           // PUp - PDown, in [-1, 1]
	PDown    float64  `parquet:"p_down"`
	PFlat    float64  `parquet:"p_flat"`
	PUp      float64  `parquet:"p_up"`
}

// Softmax runs in float32, so its sum and differences carry its rounding.
const probabilityTolerance = 1e-5

// Validate tells what is wrong with a row in one sentence, or nil.
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
		return bad("split %q is none of train, valid, test, live: leave rows of no part out", p.Split)
	}
	if p.Symbol == "" {
		return bad("the symbol is empty: name the node")
	}
	if p.Label != nil && (*p.Label < 0 || *p.Label >= int64(len(Classes))) {
		return bad("label %d is none of 0 (down), 1 (flat), 2 (up): leave it nil where there is none", *p.Label)
	}
	if p.Return != nil && !finite(*p.Return) {
		return bad("return %v is not a number: leave it nil where there is none", *p.Return)
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

func (p *Prediction) probabilities() [3]float64 { return [3]float64{p.PDown, p.PFlat, p.PUp} }

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
// only (int64, double, UTF-8 string; label and return optional), zstd pages,
// row groups of 122,880 rows. Equal rows give equal bytes. A row that Validate
// refuses ends it with an error, and what was written is then no valid file.
func WritePredictions(w io.Writer, rows iter.Seq[Prediction]) error {
	pw := parquet.NewGenericWriter[Prediction](w,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
	)
	n := 0
	for batch := range chunks(rows, writeBatch) {
		for i := range batch {
			if err := batch[i].Validate(); err != nil {
				return fmt.Errorf("writing predictions: row %d: %w", n+i, err)
			}
		}
		if _, err := pw.Write(batch); err != nil {
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
