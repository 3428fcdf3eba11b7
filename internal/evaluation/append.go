package evaluation

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// liveRecord is a Prediction in a file of predictions of several bars and models.
type liveRecord struct {
	OpenTime     int64    `parquet:"open_time,dict"`
	Symbol       string   `parquet:"symbol,dict"`
	Split        string   `parquet:"split,dict"`
	Horizon      int64    `parquet:"horizon,dict"`
	Fold         *int64   `parquet:"fold,optional"`
	Label        *int64   `parquet:"label,optional"`
	Return       *float64 `parquet:"return,optional"`
	Score        float64  `parquet:"score"`
	PDown        *float64 `parquet:"p_down,optional"`
	PFlat        *float64 `parquet:"p_flat,optional"`
	PUp          *float64 `parquet:"p_up,optional"`
	ModelQueueID string   `parquet:"model_queue_id,dict"`
}

// AppendBar adds the rows of one bar to a file of predictions, nil at first, and gives
// the new file: the columns of predictions.parquet, fold null where there is one
// alone, and model_queue_id. Rows rise in time; those of a bar keep their order. A
// bar that the file has of the same model stays as it is, and nil is given. Equal
// bars in equal files give equal bytes.
func AppendBar(file []byte, rows iter.Seq[Prediction], modelQueueID string) ([]byte, error) {
	var all []liveRecord
	if file != nil {
		var err error
		if all, err = parquet.Read[liveRecord](bytes.NewReader(file), int64(len(file))); err != nil {
			return nil, fmt.Errorf("reading the predictions of earlier bars: %w", err)
		}
	}
	kept := map[int64]bool{} // bars that the file has of this model
	for _, r := range all {
		kept[r.OpenTime] = kept[r.OpenTime] || r.ModelQueueID == modelQueueID
	}
	for p := range rows {
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("writing predictions: %w", err)
		}
		if kept[p.OpenTime] {
			return nil, nil
		}
		r := p.record()
		live := liveRecord{r.OpenTime, r.Symbol, r.Split, r.Horizon, nil, r.Label, r.Return, r.Score, r.PDown, r.PFlat, r.PUp, modelQueueID}
		if p.Fold > 0 {
			live.Fold = &p.Fold
		}
		all = append(all, live)
	}
	slices.SortStableFunc(all, func(a, b liveRecord) int { return cmp.Compare(a.OpenTime, b.OpenTime) })
	var b bytes.Buffer
	w := parquet.NewGenericWriter[liveRecord](&b, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.MaxRowsPerRowGroup(rowGroupRows))
	if _, err := w.Write(all); err != nil {
		return nil, fmt.Errorf("writing predictions: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("closing predictions: %w", err)
	}
	return b.Bytes(), nil
}
