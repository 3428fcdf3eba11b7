package job

import (
	"context"
	"fmt"
	"path"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// twin is a network that is trained the same way as the model, from the same seed:
// the same one but for its edges, whose difference is what they are worth, or the
// mixer.
type twin struct {
	name        string // of the baseline
	kind        string // of its checkpoints and metrics
	title       string
	description string
	begins      kafka.Text
}

var (
	noEdges = &twin{
		config.BaselineNoEdges, baselineKind, "baseline", "the same network, trained the same way, without edges",
		kafka.Text{Russian: "Обучение базовой модели без рёбер", English: "Training the baseline without edges"},
	}
	shuffledEdges = &twin{
		config.BaselineShuffledEdges, shuffledKind, "shuffled edges", "the same network, trained the same way, with other nodes at the ends of its edges, the same in every snapshot",
		kafka.Text{Russian: "Обучение базовой модели с перемешанными рёбрами", English: "Training the baseline with shuffled edges"},
	}
	mixer = &twin{
		config.BaselineMixer, mixerKind, "mixer", "MODEL_TYPE=none ENCODER=mixer on the same windows, trained the same way",
		kafka.Text{Russian: "Обучение базовой модели-миксера", English: "Training the baseline mixer"},
	}
)

// isolated and shuffled say what is done to the edges; nil is the model itself. The
// mixer reads none.
func (w *twin) isolated() bool { return w == noEdges || w == mixer }

func (w *twin) shuffled() bool { return w == shuffledEdges }

// of is the configuration of the network.
func (w *twin) of(c config.Config) config.Config {
	if w == mixer {
		return c.WithMixer()
	}
	return c
}

// begun is what it begins with; nil: weights are drawn. The mixer has another shape
// than the weights of INIT_FROM.
func (w *twin) begun(i *initial) *initial {
	if w == mixer {
		return nil
	}
	return i
}

// trainTwin trains a twin in each fold. A stop is an error: a baseline is reported
// whole or not at all. The caller closes it, whatever comes of it.
func (t *trainer) trainTwin(ctx, graceCtx context.Context, of *twin) (*walk, error) {
	t.reporter.enter(metrics.Comparing, of.begins)
	w := &walk{title: of.title, kind: of.kind, twin: of}
	err := t.walk(ctx, graceCtx, w)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = fmt.Errorf("training the baseline %s: %w", of.name, err)
	}
	return w, err
}

// compareWithTwins compares the model with the network that it was chosen over,
// where there is one, and with the twins that are left to be trained. It returns
// what they took; stop is what ended the run before the last of them.
func (t *trainer) compareWithTwins(ctx, graceCtx context.Context, a *artefacts, other *walk, model *predictions, m *result.Metrics) (took result.Timing, stop, err error) {
	var left []*twin
	if t.config.TrainsTwin() && other == nil {
		left = append(left, noEdges)
	}
	if t.config.TrainsShuffled() {
		left = append(left, shuffledEdges)
	}
	switch {
	case t.config.TrainsMixer():
		left = append(left, mixer)
	case t.config.Train.Baselines.Has(config.BaselineMixer):
		t.reporter.log.Info().Str("baseline", config.BaselineMixer).Msg("left out: the model is this network itself")
	}
	compare := func(w *walk) error {
		defer w.close()
		p, err := t.lastPredictions(ctx, w)
		if err == nil {
			err = t.addNetwork(graceCtx, a, w, p, model, m)
		}
		return err
	}
	if other != nil {
		if err := compare(other); err != nil {
			return took, nil, err
		}
		took.BaselineSeconds = other.seconds
		took.CheckpointSeconds += other.checkpointSeconds
	}
	for _, of := range left {
		w, err := t.trainTwin(ctx, graceCtx, of)
		if err == nil {
			err = compare(w)
		}
		w.close()
		took.CheckpointSeconds += w.checkpointSeconds
		switch of {
		case noEdges:
			took.BaselineSeconds = w.seconds
		case shuffledEdges:
			took.ShuffledSeconds = w.seconds
		case mixer:
			took.MixerSeconds = w.seconds
		}
		switch {
		case isStop(ctx, err):
			return took, err, nil
		case err != nil:
			return took, nil, err
		}
	}
	return took, nil, nil
}

// addNetwork adds a trained network to the baselines, and stores it where it can
// be used in the model's place.
func (t *trainer) addNetwork(ctx context.Context, a *artefacts, w *walk, p, model *predictions, m *result.Metrics) error {
	b := result.Baseline{Name: result.WithEdges, Description: "the network with edges, which SELECT=best left for the one without"}
	if w.twin != nil {
		b.Name, b.Description = w.twin.name, w.twin.description
	}
	var err error
	if b.Splits, b.Horizons, err = p.evaluate(); err != nil {
		return err
	}
	b.Backtest = p.backtest()
	for _, f := range w.folds {
		b.Folds = append(b.Folds, result.BaselineFold{Fold: f.Fold, Valid: f.Splits.Valid, Test: f.Splits.Test})
	}
	t.reporter.metrics.Evaluated(w.kind, b.Splits)
	addBaseline(m, b, model.compareAll(p, b.Name))
	if w.twin == noEdges {
		m.Baseline = &b
	}
	if w.twin.shuffled() {
		return nil // its edges are of no use to anybody
	}
	metadata, err := t.metadataOf(w)
	if err != nil {
		return err
	}
	dir := path.Join(store.BaselinesDir, b.Name)
	if err := putNetwork(ctx, a, dir, t, w.model.predictor, metadata); err != nil {
		return err
	}
	return a.put(ctx, path.Join(dir, "predictions.parquet"), p.write)
}

// metadataOf describes a network of the run. One without edges needs none.
func (t *trainer) metadataOf(w *walk) (result.Metadata, error) {
	m, err := newMetadata(w.twin.of(t.config), t.version, w.model.dataset)
	if w.twin.isolated() && m.Graph.Edges != "" {
		m.Graph.Edges = data.EdgesNone
	}
	w.twin.begun(t.initial).record(&m)
	m.Dataset = t.kept
	return m, err
}
