package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// line is a Prediction as a line of JSON has it: the columns of
// predictions.parquet in their order, and whose model it is of.
type line struct {
	OpenTime int64    `json:"open_time"`
	Symbol   string   `json:"symbol"`
	Split    string   `json:"split"`
	Horizon  int64    `json:"horizon"`
	Fold     int64    `json:"fold,omitempty"`
	Label    *int64   `json:"label"`
	Return   *float64 `json:"return"`
	Score    float64  `json:"score"`
	PDown    *float64 `json:"p_down"`
	PFlat    *float64 `json:"p_flat"`
	PUp      *float64 `json:"p_up"`

	ModelQueueID string `json:"model_queue_id"`
}

func (p *Prediction) line(modelQueueID string) (line, error) {
	if err := p.Validate(); err != nil {
		return line{}, fmt.Errorf("writing predictions: %w", err)
	}
	r := p.record()
	return line{r.OpenTime, r.Symbol, r.Split, r.Horizon, p.Fold, r.Label, r.Return, r.Score, r.PDown, r.PFlat, r.PUp, modelQueueID}, nil
}

// WriteLines writes rows in their order as JSON, an object a line, each with the
// QUEUE_ID of the run whose model predicts. A number has as many digits as it takes
// to read the same bits. Nothing is written where Validate rejects a row.
func WriteLines(w io.Writer, rows iter.Seq[Prediction], modelQueueID string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for p := range rows {
		one, err := p.line(modelQueueID)
		if err != nil {
			return err
		}
		if err := e.Encode(one); err != nil {
			return fmt.Errorf("encoding predictions: %w", err)
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing predictions: %w", err)
	}
	return nil
}

// Bar says of which bar a message is, and whose.
type Bar struct {
	ModelName    string `json:"model_name"`
	ModelQueueID string `json:"model_queue_id"`
	Interval     string `json:"interval"`   // as in INTERVAL
	OpenTime     int64  `json:"open_time"`  // Unix ms
	CloseTime    int64  `json:"close_time"` // Unix ms
}

// Message is the rows of a bar as one JSON object: what Bar has, and under
// predictions the objects of WriteLines. Equal rows give equal bytes.
func Message(b Bar, rows iter.Seq[Prediction]) ([]byte, error) {
	m := struct {
		Bar
		Predictions []line `json:"predictions"`
	}{Bar: b, Predictions: []line{}}
	for p := range rows {
		one, err := p.line(b.ModelQueueID)
		if err != nil {
			return nil, err
		}
		m.Predictions = append(m.Predictions, one)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("encoding predictions: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
