package train

import (
	"context"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Method is a way to learn from a dataset. Network is one; a baseline that needs
// no network is another.
type Method interface {
	// Fit learns from the training split and may stop early by the validation
	// split; it never looks at the test split. Where ctx ends while it learns,
	// which is no error, the predictor is what was learned so far. The caller
	// closes it.
	Fit(ctx context.Context, d *data.Dataset) (Predictor, Result, error)
}

// Predictor predicts what its method was fitted to.
type Predictor interface {
	// Predict predicts snapshots of a panel of the predictor's features, in their
	// order: of the panel it was fitted on or of another one. Where ctx ends it
	// stops with the error of ctx and what it has predicted so far.
	Predict(ctx context.Context, p *data.Panel, snapshots []int) (Prediction, error)
	// Close frees what the predictor holds.
	Close()
}

// Releaser is a predictor that can free what only makes predictions of the panel
// that it was fitted on faster.
type Releaser interface{ Release() }

// Exporter is a predictor that other programs can load.
type Exporter interface {
	// Export gives model.pt, with metadata.json inside, and the state dict that is
	// weights.pt. The exported model is compared with the predictor on sample; that of
	// a network without edges ignores those that it is given.
	Export(metadata []byte, sample pyg.Data) (model []byte, weights *pyg.Dict, err error)
}

// Prediction is what is predicted of a list of snapshots.
type Prediction struct {
	Horizons, Columns int       // H, and the columns of the task
	Values            []float32 // [snapshots predicted, N, H, Columns]
}
