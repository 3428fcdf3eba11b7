package job

import (
	"context"
	"math"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// choose is the network that the result is of: w, or with SELECT=best its twin
// without edges, where that has the lower validation loss. other is the one that
// was left; nil where the twin is not trained yet, or a stop came before it was.
func (t *trainer) choose(ctx, graceCtx context.Context, w *walk) (chosen, other *walk, how *result.Selection, err error) {
	how = &result.Selection{Select: t.config.Train.Select, Selected: result.WithEdges}
	if t.config.Data.Edges == data.EdgesNone {
		how.Selected = config.BaselineNoEdges
	}
	if how.Select != config.SelectBest || ctx.Err() != nil {
		return w, nil, how, nil
	}
	other, err = t.trainTwin(ctx, graceCtx, noEdges)
	if err != nil {
		other.close()
		if isStop(ctx, err) {
			err = nil
		}
		return w, nil, how, err
	}
	how.ValidLoss = map[string]evaluation.Float{result.WithEdges: evaluation.Float(validLoss(w)), config.BaselineNoEdges: evaluation.Float(validLoss(other))}
	chosen = w
	if validLoss(other) < validLoss(w) {
		chosen, other = other, w
		how.Selected = config.BaselineNoEdges
	}
	t.reporter.log.Info().Str("selected", how.Selected).Float64("valid_loss", round(evaluation.Float(validLoss(chosen)))).
		Float64("valid_loss_of_the_other", round(evaluation.Float(validLoss(other)))).Msg("network selected by validation loss")
	return chosen, other, how, nil
}

// validLoss is the lowest validation loss, at whose weights the network is; NaN
// where no epoch ended. Of several folds it is the first one's: the validation of
// the others lies in test windows of folds before, and the choice may not know them.
func validLoss(w *walk) float64 {
	if len(w.folds) > 0 {
		f := w.folds[0]
		return lossAt(f.BestEpoch, len(f.History.ValidLoss), func(i int) float64 { return float64(f.History.ValidLoss[i]) })
	}
	f := w.model.fitted
	return lossAt(f.BestEpoch, len(f.Epochs), func(i int) float64 { return f.Epochs[i].ValidLoss })
}

// lossAt is the loss of an epoch, from 1, of so many; NaN where there is none.
func lossAt(epoch, epochs int, loss func(int) float64) float64 {
	if epoch < 1 || epoch > epochs {
		return math.NaN()
	}
	return loss(epoch - 1)
}
