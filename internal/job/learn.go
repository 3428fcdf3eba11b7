package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/store"
)

// afterStop is how long an interrupted run may still predict: the process
// has promised to end within two seconds of the signal, files included.
const afterStop = 200 * time.Millisecond

// learn trains the model, from state where there is one, and the baseline, and
// stores what came of them.
func (r *run) learn(ctx context.Context, state *checkpoint.State) (outcome, error) {
	r.enter(metrics.Training, kafka.Training)
	// From here on a stop is a matter of moments, and what is learned is kept.
	kept, cancel := r.shutdown.outlive(stopWrites)
	defer cancel()
	t := &training{title: "training", kind: modelKind, edges: true, resume: state}
	defer r.end(t)
	if err := r.train(ctx, kept, t); err != nil {
		return outcome{}, err
	}
	r.timing.TrainSeconds = t.seconds
	// The model first, which is worth most.
	if err := r.putModel(kept, t.model); err != nil {
		return outcome{}, err
	}
	r.Metrics.Enter(metrics.Evaluating)
	said, err := r.predict(ctx, t)
	if err != nil {
		return outcome{}, err
	}
	if err := r.put(kept, "predictions.parquet", func(w io.Writer) error { return evaluation.WritePredictions(w, said.rows()) }); err != nil {
		return outcome{}, err
	}
	judged, err := r.evaluate(t.fitted, said)
	if err != nil {
		return outcome{}, err
	}
	interrupted := ctx.Err() != nil
	if !interrupted && r.Config.Train.Baseline == config.BaselineNoEdges {
		judged.Baseline, err = r.baseline(ctx, kept)
		switch {
		case errors.Is(err, errStopped):
			interrupted = true
		case err != nil:
			return outcome{}, fmt.Errorf("training the baseline: %w", err)
		}
	}
	status := store.Finished
	if interrupted {
		status = store.Interrupted
	}
	r.timing.TotalSeconds = time.Since(r.begun).Seconds()
	judged.Timing = r.timing
	r.Metrics.Enter(metrics.Finishing)
	if err := r.putResult(kept, judged, status); err != nil {
		return outcome{}, err
	}
	r.summarise(judged)
	if !interrupted {
		r.report("removing the checkpoints", r.remove(kept, r.kept))
	}
	return outcome{interrupted: interrupted, stored: true, modelPath: r.Store.Location("model.pt"), metrics: told(judged)}, nil
}

// training is a model, what it learns from, and how that went.
type training struct {
	title  string
	kind   string // of its checkpoints
	edges  bool
	resume *checkpoint.State // nil: it begins

	model   *nn.GCN
	graphs  *train.Graphs
	fitted  train.Result
	seconds float64
}

// train fits a new model, with or without edges. The same seed comes before
// each, so that both start alike. The training is ended by the caller.
// What is learned is kept until kept ends.
func (r *run) train(ctx, kept context.Context, t *training) error {
	c, d := r.Config, r.dataset
	err := r.thread.Do(func() error {
		torch.ManualSeed(c.Train.Seed)
		t.model = nn.NewGCN(r.device, nn.GCNConfig{
			Features: d.NumFeatures(), Hidden: c.Model.Hidden, Layers: c.Model.Layers, Classes: len(evaluation.Classes), Dropout: c.Model.Dropout,
		})
		return nil
	})
	if err != nil {
		return err
	}
	if t.graphs, err = train.NewGraphs(ctx, r.thread, d, t.model, r.device, t.edges); err != nil {
		return err
	}
	display := progress.New(r.Console, r.Log, t.title, c.Train.Epochs)
	defer display.Done("failed") // counts only where nothing else was said
	if t.resume != nil {
		display.Resume(len(t.resume.Epochs))
	}
	origin := r.origin()
	begin := time.Now()
	how := train.Config{
		Epochs: c.Train.Epochs, BatchSize: c.Train.BatchSize, Patience: c.Train.Patience, Seed: c.Train.Seed, ClipNorm: clipNorm,
		Adam:  torch.AdamConfig{LearningRate: c.Train.LearningRate, WeightDecay: c.Train.WeightDecay, Decoupled: true},
		Train: snapshotsOf(d, data.Train), Valid: snapshotsOf(d, data.Valid),
		Score:   newScorer(d, data.Valid).auc,
		OnBatch: display.Batch,
		OnEpoch: func(e train.Epoch) {
			display.Epoch(e.Number, e.TrainLoss, e.ValidLoss, e.Score, e.Best)
			if t.edges {
				begin := time.Now()
				r.report("telling the progress", r.telemetry.Epoch(e.Number, c.Train.Epochs, e.TrainLoss,
					map[string]float64{"valid_loss": e.ValidLoss, "valid_auc": e.Score}))
				r.timing.TelemetrySeconds += time.Since(begin).Seconds()
			}
		},
		Resume:          t.resume,
		Checkpoint:      func(s checkpoint.State) { r.keep(kept, t.kind, origin, s) },
		CheckpointEvery: c.Train.CheckpointEvery,
	}
	fit := r.measure(t, &how)
	t.fitted, err = train.Fit(ctx, r.thread, t.model, t.graphs, how)
	t.seconds = time.Since(begin).Seconds()
	if err == nil {
		fit.Done(t.fitted.Interrupted)
		display.Done(ending(t.fitted))
	}
	return err
}

// end frees what the training holds.
func (r *run) end(t *training) {
	if t.graphs != nil {
		t.graphs.Close(r.thread)
		t.graphs = nil
	}
	if t.model != nil {
		// Freeing does not fail.
		_ = r.thread.Do(func() error {
			t.model.Close()
			return nil
		})
		t.model = nil
	}
}

// predict has the model predict every snapshot of a part; after a stop as
// many, the newest first, as time is left for.
func (r *run) predict(ctx context.Context, t *training) (*sayings, error) {
	kept := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		kept, cancel = context.WithTimeout(kept, afterStop)
		defer cancel()
	}
	said, err := predict(kept, r.thread, t.model, t.graphs, r.dataset)
	if err == nil && kept.Err() != nil {
		r.Log.Warn().Int("snapshots", len(said.of)).Msg("stopped before all snapshots were predicted: the oldest are not in the predictions and metrics")
	}
	return said, err
}

func ending(f train.Result) string {
	switch {
	case f.Interrupted:
		return "interrupted"
	case f.EarlyStop:
		return progress.EarlyStop
	}
	return ""
}

// errStopped is a baseline that a stop has ended: it is told of whole or not.
var errStopped = errors.New("stopped")

// baseline is the same network, trained the same way, in which no node hears
// another: what the edges are worth is the difference.
func (r *run) baseline(ctx, kept context.Context) (*result.Baseline, error) {
	r.enter(metrics.Comparing, trainingBaseline)
	state, err := r.resumeFrom(ctx, baselineKind)
	if err != nil {
		return nil, err
	}
	t := &training{title: "baseline without edges", kind: baselineKind, resume: state}
	defer r.end(t)
	err = r.train(ctx, kept, t)
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return nil, errStopped
	}
	if err != nil {
		return nil, err
	}
	r.timing.BaselineSeconds = t.seconds
	said, err := r.predict(ctx, t)
	if err != nil {
		return nil, err
	}
	splits, err := evaluation.EvaluateSplits(said.rows())
	if err == nil {
		r.Metrics.Evaluated(baselineKind, splits)
	}
	return &result.Baseline{
		Name:        config.BaselineNoEdges,
		Description: "the same network, trained the same way, without edges",
		Splits:      splits,
	}, err
}

// snapshotsOf are the numbers of a part's snapshots.
func snapshotsOf(d *data.Dataset, part data.Split) []int {
	var numbers []int
	for t, s := range d.Splits {
		if s == part {
			numbers = append(numbers, t)
		}
	}
	return numbers
}

// scorer judges predictions of one part by AUC of the score against the
// return's sign.
type scorer struct {
	ret   []float64
	index []int // of ret, among the part's [snapshots, N]
}

func newScorer(d *data.Dataset, part data.Split) *scorer {
	s := &scorer{}
	for k, t := range snapshotsOf(d, part) {
		y, ret := d.Outcomes(t)
		for i, class := range y {
			if class != pyg.Unlabelled && ret != nil {
				s.ret = append(s.ret, float64(ret[i]))
				s.index = append(s.index, k*d.NumNodes()+i)
			}
		}
	}
	return s
}

func (s *scorer) auc(p train.Prediction) float64 {
	score := make([]float64, len(s.index))
	for k, i := range s.index {
		row := p.Probabilities[i*p.Classes : (i+1)*p.Classes]
		score[k] = float64(row[data.Up]) - float64(row[data.Down])
	}
	return evaluation.AUC(score, s.ret)
}
